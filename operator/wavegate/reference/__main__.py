"""``python -m wavegate.reference``: write docs/reference/ and the generated blocks of concepts.

``--check`` compares instead of writing, and says which command repairs a drift.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from wavegate.api.crds import KINDS
from wavegate.reference.blocks import with_blocks
from wavegate.reference.commands import commands_page
from wavegate.reference.events import events_page
from wavegate.reference.index import index_page
from wavegate.reference.kinds import kind_page
from wavegate.reference.markdown import HEAD, REPAIR
from wavegate.reference.metrics import metrics_page
from wavegate.reference.options import options_page


def wanted(docs: Path) -> Mapping[Path, str]:
    """What each generated file, and each page with generated blocks, has to say."""
    reference = docs / "reference"
    pages = {reference / f"{kind.kind.lower()}.md": kind_page(kind) for kind in KINDS}
    pages[reference / "operator.md"] = options_page()
    pages[reference / "metrics.md"] = metrics_page()
    pages[reference / "events.md"] = events_page()
    pages[reference / "cli.md"] = commands_page()
    pages[reference / "README.md"] = index_page()
    for concept in sorted((docs / "concepts").glob("*.md")):
        pages[concept] = with_blocks(concept.read_text())
    return pages


def drifted(docs: Path) -> list[str]:
    """Paths of the pages that differ, are missing, or should not be there."""
    pages = wanted(docs)
    found = _generated(docs)
    return sorted(
        str(path)
        for path in pages.keys() | found
        if not path.exists() or pages.get(path) != path.read_text()
    )


def _generated(docs: Path) -> set[Path]:
    """Pages of the reference that a run has written; others are written by hand."""
    pages = (docs / "reference").glob("*.md")
    return {path for path in pages if path.read_text().startswith(HEAD)}


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 1 where ``--check`` found a drift."""
    parser = argparse.ArgumentParser(prog="python -m wavegate.reference", description=__doc__)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="directory of the pages")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    if options.check:
        names = drifted(options.docs)
        if names:
            differ = f"{', '.join(names)} differ from the code"
            print(f"{differ}; repair with: {REPAIR}", file=sys.stderr)
        return 1 if names else 0
    pages = wanted(options.docs)
    (options.docs / "reference").mkdir(parents=True, exist_ok=True)
    for path in _generated(options.docs) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
