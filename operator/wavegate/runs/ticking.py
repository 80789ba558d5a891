"""From ticks to runs: made in order, put on record once they are there.

A run is made under a name that follows from its tick, and the job's status says afterwards up to
which tick all is decided. Whoever comes between decides anew, and finds the runs that are made. So
no tick runs twice, and none is lost without being counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wavegate.domain.times import format_time, parse_time
from wavegate.runs.cron import Cron
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.schedule import decide
from wavegate.runs.wall_clock import DAY

FARTHEST: Final = 5 * 366 * DAY
"""Seconds for which ticks that nobody saw are counted; a year takes some 15 ms of a pass."""

_COUNTS: Final = ("missedTicks", "skippedTicks")
"""What outlasts a change of the schedule."""


@dataclass(frozen=True, slots=True)
class Ticking:
    """``create``: ticks whose runs are to be made, in order; ``cancel``: runs that a newer tick
    replaces; ``status``: status.schedule, None where it stays as it is."""

    create: Sequence[float] = ()
    cancel: Sequence[RunView] = ()
    status: Mapping[str, Any] | None = None
    wake_at: float | None = None


def ticking(job: AskedJobView, runs: Iterable[RunView], now: float) -> Ticking:
    """What the job's schedule asks for; ``runs``: its own, active and finished."""
    assert job.spec is not None
    trigger, record = job.spec.trigger, job.status.get("schedule") or {}
    if trigger.schedule is None:
        return Ticking(status={} if record else None)
    expression = f"{trigger.schedule.cron} {trigger.time_zone}"
    if job.spec.suspend:
        kept = {name: value for name, value in record.items() if name in _COUNTS}
        return Ticking(status=_changed(record, {**kept, "expression": expression}))
    since = parse_time(record.get("since"))
    if since is None or record.get("expression") != expression:
        since = job.created if job.is_new else now
        record = {name: value for name, value in record.items() if name in _COUNTS}
    return _decide(job, runs, now, since, record, expression)


def _decide(
    job: AskedJobView,
    runs: Iterable[RunView],
    now: float,
    since: float,
    record: Mapping[str, Any],
    expression: str,
) -> Ticking:
    assert job.spec is not None
    assert job.spec.trigger.schedule is not None
    schedule = job.spec.trigger.schedule
    cron = Cron.parse(schedule.cron, job.spec.trigger.time_zone)
    last = parse_time(record.get("lastTickTime"))
    upcoming = parse_time(record.get("nextTickTime"))
    if upcoming is not None and upcoming > now:
        return Ticking(wake_at=upcoming)
    own = [run for run in runs if run.scheduled is not None]
    running = [run for run in own if not run.ended]
    made = {run.scheduled or 0.0 for run in own}
    found = decide(schedule, cron, max(since, now - FARTHEST), last, now, bool(running), made)
    handled = found.handled if found.handled is not None else last
    cancel = [run for run in running if found.replace and (run.scheduled or 0.0) < (handled or 0.0)]
    if found.ticks or cancel:
        return Ticking(create=found.ticks, cancel=cancel, wake_at=found.next_tick)
    status = {
        "expression": expression,
        "since": format_time(since),
        "lastTickTime": format_time(handled) if handled is not None else None,
        "nextTickTime": format_time(found.next_tick),
        "missedTicks": int(record.get("missedTicks") or 0) + found.missed,
        "skippedTicks": int(record.get("skippedTicks") or 0) + found.skipped,
    }
    return Ticking(status=_changed(record, status), wake_at=found.next_tick)


def _changed(record: Mapping[str, Any], status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = {name: value for name, value in status.items() if value is not None}
    return None if found == dict(record) else found
