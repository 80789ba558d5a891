"""Windows: when runs may start.

A window is a set of wall times: the minutes of a cron expression, or on some days the time from
start until end, which is outside; one whose end is before its start ends on the day after, and
belongs to the day on which it begins. Runs may start while the clock shows a time of any window.

So an hour that repeats is inside both times; a window that would begin while the clock is put
forward begins right then; and one that lies wholly in what is left out does not come that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from wavegate.api.trigger import Day, Window
from wavegate.runs.cron import Cron
from wavegate.runs.wall_clock import DAY, instant_of, next_change, time_zone, wall_time

DAYS: Final[tuple[Day, ...]] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

MOST_LOOKS: Final = 64
"""Beginnings that are looked at: a cron expression may name minutes that are always left out."""

_ONE_DAY: Final = timedelta(days=1)


def opens(windows: Sequence[Window], zone: str, now: float) -> float | None:
    """The next instant, in epoch seconds, at which runs may start; None: they may now.

    For a window that never comes it is one far ahead, at which to look again. Raises ValueError
    where an expression or the zone is not understood.
    """
    if not windows:
        return None
    instants = [_opens(window, zone, now) for window in windows]
    return None if now in instants else min(instants)


def _opens(window: Window, zone: str, now: float) -> float:
    """The first instant from now at which the clock shows a time of the window.

    It goes from one beginning to the next, and stops where the clock is put between: there the
    time that it shows may be inside, or a beginning may come again.
    """
    clock = time_zone(zone)
    cron = Cron.parse(window.cron, zone) if window.cron is not None else None
    instant = now
    for _ in range(MOST_LOOKS):
        wall = wall_time(clock, instant)
        if cron.matches(instant) if cron else _inside(window, wall):
            break
        begins = next(cron.walls_after(wall)) if cron else _begins(window, wall)
        first = instant_of(clock, begins)
        if first <= instant:
            first = instant_of(clock, begins, again=True)
        instant = min(first, next_change(clock, instant, instant + DAY))
    return instant


def _inside(window: Window, wall: datetime) -> bool:
    return any(
        begin <= wall < end
        for begin, end in (_on(window, wall - _ONE_DAY), _on(window, wall))
        if not window.days or DAYS[begin.weekday()] in window.days
    )


def _begins(window: Window, wall: datetime) -> datetime:
    """The next wall time at which it begins."""
    return next(
        begin
        for days in range(8)
        if (begin := _on(window, wall + days * _ONE_DAY)[0]) > wall
        and (not window.days or DAYS[begin.weekday()] in window.days)
    )


def _on(window: Window, wall: datetime) -> tuple[datetime, datetime]:
    """From when until when it would be on the day of a wall time."""
    begin = datetime.combine(wall, time.fromisoformat(window.start or "00:00"))
    end = datetime.combine(wall, time.fromisoformat(window.end or "00:00"))
    return begin, end if end > begin else end + _ONE_DAY
