"""From seconds to places in the picture, numbers in words, and how much room texts take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FONT: Final = 12
"""Height of texts, in pixels."""

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""Seconds between two ticks that people can count by; beyond these, whole days."""

_NARROW: Final = frozenset("iljtfr.,:;'|!()[]I ")
_WIDE: Final = frozenset("mwMW%@")


@dataclass(frozen=True)
class Scale:
    """Time is drawn between ``left`` and ``right``."""

    since: float
    until: float
    left: float
    right: float

    def x(self, moment: float) -> float:
        """Where a time is; outside of what is shown, at its edge."""
        share = (moment - self.since) / max(self.until - self.since, 1e-9)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def ticks(self, begin: float, apart: float) -> list[float]:
        """Round times after ``begin``, at least ``apart`` pixels from each other."""
        least = apart * (self.until - self.since) / max(1.0, self.right - self.left)
        days = -(-least // 86400) * 86400
        step = next((each for each in _STEPS if each >= least), days)
        count = int((self.until - begin) // step)
        return [begin + number * step for number in range(count + 1)]


def room(text: str, size: float = FONT) -> float:
    """About how wide a text is; rather too much than too little."""
    widths = (0.34 if c in _NARROW else 0.95 if c in _WIDE else 0.62 for c in text)
    return sum(widths) * size


def fitting(texts: Sequence[str], width: float, size: float = FONT) -> str:
    """The first text for which there is room; empty where there is none."""
    return next((each for each in texts if room(each, size) <= width), "")


def cut(text: str, width: float, size: float = FONT) -> str:
    """The text, with … for what there is no room for."""
    if room(text, size) <= width:
        return text
    while text and room(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


def span(seconds: float) -> str:
    """``0s``, ``1m30s``, ``2h05m``: time since the begin."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= 48:
        return f"{hours // 24}d{f'{hours % 24}h' if hours % 24 else ''}"
    if hours:
        return f"{hours}h{f'{minutes:02}m' if minutes else ''}"
    if minutes:
        return f"{minutes}m{f'{rest:02}s' if rest else ''}"
    return f"{rest}s"


def nodes(number: int) -> str:
    """``1 node``, ``5,000 nodes``."""
    return f"{number:,} node{'s' if number != 1 else ''}"
