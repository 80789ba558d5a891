"""The page as steps: its ``sh`` blocks in order, each with the output that stands under it.

A comment before a block says where it belongs, and every block has to be run somewhere:

- ``<!-- run: local -->`` or ``<!-- run: installed -->``: on one of the two ways through the page;
- ``<!-- second terminal until: WORDS -->``: runs on beside those that follow (on the local way),
  which begin once it has said the words;
- ``<!-- not run: REASON -->``.

A ``text`` block right after is what the block has printed. A command whose comment says ``exit code
1`` has to end so; every other has to end with 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "quickstart.md"
WAYS: Final = ("local", "installed")

_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<mark>[^>]+) -->\n)?```sh\n(?P<script>.*?)^```\n"
    r"(?:\n```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
_CODE: Final = re.compile(r"^(?P<command>[^#\n]+?) *#.*\bexit code (?P<code>\d+).*$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One block; ``ways`` is empty where it is not run. ``output`` None: the page shows none."""

    script: str
    output: str | None
    ways: tuple[str, ...] = WAYS
    beside: str = ""
    """It runs on while later ones are run, once it has said this."""
    reason: str = ""
    """Why it is not run."""

    @property
    def checked(self) -> str:
        """The script, which fails where a command does not end as the page says."""
        text = _CODE.sub(r'code=0; \g<command> || code=$?; test "$code" = \g<code>', self.script)
        return f"set -euo pipefail\n{text}"


def steps(page: str) -> list[Step]:
    """Every block of the page. ValueError: a comment that says nothing known."""
    return [_step(found) for found in _BLOCK.finditer(page)]


def _step(found: re.Match[str]) -> Step:
    script, output = found["script"], found["output"]
    match (found["mark"] or "").partition(": "):
        case ("", _, _):
            return Step(script, output)
        case ("run", _, way) if way in WAYS:
            return Step(script, output, (way,))
        case ("second terminal until", _, words) if words:
            return Step(script, output, ("local",), beside=words)
        case ("not run", _, reason) if reason:
            return Step(script, output, (), reason=reason)
    raise ValueError(f"a comment before a block says {found['mark']!r}")


def with_outputs(page: str, output_of: Callable[[Step], str | None]) -> str:
    """The page with new outputs where it shows some; None: the old one stays."""

    def block(found: re.Match[str]) -> str:
        new = output_of(_step(found))
        if found["output"] is None or new is None:
            return found[0]
        return found[0].replace(f"```text\n{found['output']}", f"```text\n{new.rstrip()}\n")

    return _BLOCK.sub(block, page)


_VARIES: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\bnode-\d+\b"), "NODE"),
    (re.compile(r"\bhello-[a-z2-7]{10}\b"), "hello-HASH"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?(?:ms|[smhd]))+\b"), "AGE"),
    (re.compile(r"(?m)^.*Python environment ready.*\n|^installing Python packages.*\n"), ""),
)


def alike(output: str) -> str:
    """An output without what differs from run to run: times, ages, names, widths."""
    for pattern, word in _VARIES:
        output = pattern.sub(word, output)
    return " ".join(output.split())
