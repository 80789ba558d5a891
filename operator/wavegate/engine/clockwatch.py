"""Whether the wall clock goes on evenly.

Deadlines, back-offs and windows are reckoned in it, because what they count from is stamped by
other machines. After a jump, all that this process remembers is of another time: a pod that began
a second ago seems to be an hour old. So a jump ends the process; the next one reads everything
anew, and gives whatever it judges the time that it had not had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LARGEST: Final = 2.0
"""Seconds by which the clock may be put forward or back between two looks."""


class ClockJumped(Exception):
    """The wall clock was put forward or back."""


class ClockWatch:
    """``now``: epoch seconds; ``clock``: seconds that nobody puts forward or back."""

    def __init__(self, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self._now = now
        self._clock = clock
        self._ahead = now() - clock()

    def check(self) -> None:
        """To be called before anything is decided by the time. Raises ClockJumped."""
        ahead = self._now() - self._clock()
        jump = ahead - self._ahead
        self._ahead = ahead
        if abs(jump) > LARGEST:
            raise ClockJumped(f"the wall clock jumped by {jump:+.1f} s")
