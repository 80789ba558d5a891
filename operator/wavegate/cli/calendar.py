"""The next ticks of a schedule, and when the runs of them may start. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.api.httpjob import Trigger
from wavegate.domain.times import format_time
from wavegate.runs.cron import Cron
from wavegate.runs.wall_clock import time_zone, wall_time
from wavegate.runs.windows import opens


@dataclass(frozen=True)
class Tick:
    """``local``: what a clock in the schedule's zone shows. ``opens``: until when its run is held
    back by the windows; empty: it may start at once."""

    time: str
    local: str
    opens: str
    opens_local: str


def coming_ticks(trigger: Trigger, now: float, number: int) -> list[Tick]:
    """The next ticks, as the schedule and the windows are now.

    Raises ValueError where an expression or the zone is not understood.
    """
    assert trigger.schedule is not None
    cron, zone = Cron.parse(trigger.schedule.cron, trigger.time_zone), trigger.time_zone
    ticks, at = [], now
    for _ in range(number):
        at = cron.next_after(at)
        opening = opens(trigger.windows, zone, at)
        held = ("", "")
        if opening is not None:
            held = format_time(opening), local_time(zone, opening)
        ticks.append(Tick(format_time(at), local_time(zone, at), *held))
    return ticks


def local_time(zone: str, instant: float) -> str:
    """``Fri 2026-11-27 03:00``, as a clock in the zone shows it."""
    return f"{wall_time(time_zone(zone), instant):%a %Y-%m-%d %H:%M}"
