"""Decisions as marks: a sign on the time at which it was made, its words beside it.

Words that would overlap go one level lower, so that a sequence of decisions reads as a staircase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wavegate.cli.report.look import sign, tone
from wavegate.cli.report.model import Mark
from wavegate.cli.report.scale import Scale, room
from wavegate.cli.report.svg import Markup, element

_LEVEL: Final = 18
_TOP: Final = 4
MOST_LEVELS: Final = 7
"""Marks for which there is no level are in the list of decisions only."""


@dataclass(frozen=True)
class Placed:
    mark: Mark
    x: float
    level: int
    left: float
    right: float
    words_left: bool


def place(marks: Sequence[Mark], scale: Scale, width: float) -> list[Placed]:
    """Where each goes. Marks are in the order of time."""
    found: list[Placed] = []
    for mark in marks:
        x, wide = scale.x(mark.at), room(mark.text) + 12
        words_left = x + wide > width - 4
        left, right = (x - wide, x + 8) if words_left else (x - 8, x + wide)
        if left < 2:
            continue
        level = 0
        for other in found:
            if other.left <= right + 4 and left <= other.right + 4:
                level = max(level, other.level + 1)
        if level < MOST_LEVELS:
            found.append(Placed(mark, x, level, left, right, words_left))
    return found


def height(placed: Sequence[Placed]) -> int:
    """Pixels that they take."""
    return _TOP + _LEVEL * (1 + max((each.level for each in placed), default=-1)) + 6


def leaders(placed: Sequence[Placed], bottom: float) -> Markup:
    """A line from each down to the end of the rows."""
    return element(
        "g",
        *(
            element(
                "line",
                x1=each.x,
                x2=each.x,
                y1=_y(each) + 6,
                y2=bottom,
                class_=f"leader line-{tone(each.mark)}",
            )
            for each in placed
        ),
    )


def drawn(placed: Sequence[Placed]) -> Markup:
    """Signs and words."""
    parts = []
    for each in placed:
        kind, y = tone(each.mark), _y(each)
        x, anchor = (each.x - 10, "end") if each.words_left else (each.x + 10, "start")
        words = element(
            "text", each.mark.text, x=x, y=y + 4, text_anchor=anchor, class_="strong halo"
        )
        told = f"{each.mark.text}: {each.mark.message}" if each.mark.message else each.mark.text
        head = element("title", told)
        parts.append(
            element(
                "g", head, sign(kind, each.x, y), words, class_="mark", data_kind=each.mark.kind
            )
        )
    return element("g", *parts)


def _y(placed: Placed) -> float:
    return _TOP + _LEVEL * placed.level + 9
