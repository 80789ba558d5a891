"""``make docs``: build the site strictly, look for what is wrong with it, say where it is.

Its environment is one of its own (requirements-docs.lock). MkDocs itself refuses dead links,
anchors and pages outside the navigation; what a browser would miss is found by ``check``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from docsite.check import external, problems

ROOT = Path(__file__).resolve().parents[2]


def build(config: Path, site: Path) -> int:
    """MkDocs' exit code; its words are its own."""
    # The theme warns of a MkDocs 2 that the lock keeps out.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    command += ["--config-file", str(config), "--site-dir", str(site)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    for line in f"{done.stdout}{done.stderr}".splitlines():
        if not line.startswith("INFO"):
            print(line)
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=ROOT / "mkdocs.yml")
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--links", action="store_true", help="list the links to other sites")
    options = parser.parse_args()
    begun = time.monotonic()
    site = options.site.resolve()
    if code := build(options.config.resolve(), site):
        return code
    if found := problems(site):
        print("\n".join(found), file=sys.stderr)
        return 1
    links = external(site)
    pages = len([*site.rglob("*.html")])
    seconds = time.monotonic() - begun
    print(f"{pages} pages after {seconds:.0f} s, no dead link, {len(links)} links to other sites")
    if options.links:
        print("\n".join(links))
    print(f"open {site / 'index.html'}")
    print(f"with search: python3 -m http.server --directory {site} --bind 127.0.0.1 8000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
