"""The API server's time, by the dates of its answers.

Deadlines and back-offs count from what the server has stamped, so they are reckoned in its time:
this machine's wall clock may be wrong by any amount, or be set right in the middle of a wave.
A date has whole seconds, rounded down, and is a little old when it comes. So the latest of all
times that were heard counts, carried on by a clock that nobody sets, until one is heard that is
more than `LARGEST` before it: then the server's own clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

LARGEST: Final = 5.0
"""Seconds by which an answer may be late, or servers behind one address may differ."""


class ServerClock:
    """``wall``: this machine's epoch seconds, taken until a date was heard; ``steady``: seconds
    that nobody puts forward or back."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead: float | None = None

    def now(self) -> float:
        """Epoch seconds, at most a second behind the server's once it was heard."""
        return self._wall() if self._ahead is None else self._ahead + self._steady()

    def heard(self, date: str | None) -> None:
        """An answer has come with this header ``Date``; None or nonsense says nothing."""
        moment = _moment(date or "")
        if moment is None:
            return
        ahead = moment - self._steady()
        if self._ahead is None or ahead > self._ahead or ahead < self._ahead - LARGEST:
            self._ahead = ahead


@lru_cache(maxsize=16)
def _moment(date: str) -> float | None:
    """Epoch seconds. All answers of a second say the same."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
