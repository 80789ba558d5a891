"""Markdown as GitHub renders it: tables, anchors, and the head of a generated page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

REPAIR: Final = "make generate"

HEAD: Final = f"<!-- Written by: {REPAIR}. Change the models and settings, not this page. -->"

_NOT_IN_ANCHORS: Final = re.compile(r"[^\w\- ]")


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    return _NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def page(*blocks: str) -> str:
    """The text of a generated page, a blank line between blocks."""
    return "\n\n".join([HEAD, *(block for block in blocks if block)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell would end it and is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
