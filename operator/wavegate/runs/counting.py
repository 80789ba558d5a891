"""Each run that has ended counts once in its job's health, whatever crashes and whoever removes it.

It counts by the write by which the job says so, and is kept until then: `history` removes none that
does not count yet. All that ended up to ``countedUpTo`` counts. That lies `SETTLED` seconds back at
least, since by then each end is known that is on record; of what ended later, each run that counts
is named, at most `MAX_COUNTED` of them. What is more waits until the names have become old. So an
ordinary run is counted by the write that says that it executes no more, and a flood soon after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil, floor
from typing import Any, Final

from wavegate.api.httpjob_status import COUNTED_RUN, MAX_COUNTED
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runs.job_health import Tally
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.tallies import HealthWindow, added, read, summary, written

SETTLED: Final = 60.0
"""Seconds after which an end that is on record is known: a write has five to be answered, and a
process that takes over looks at each run that executes."""

SHOWN: Final[HealthWindow] = "7d"
"""The window of which a job's status tells."""

_NAME: Final = re.compile(COUNTED_RUN)


@dataclass(frozen=True, slots=True)
class Counting:
    """``health``: status.health, None where it stays as it is; ``wake_at``: when more may count."""

    health: Mapping[str, Any] | None = None
    wake_at: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a job says of its runs that count. Times are epoch seconds.

    ``since``: ends from before count as nothing; ``up_to``: all that ended until then count;
    ``named``: those that count and ended later, and when.
    """

    since: float
    up_to: float
    named: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, job: AskedJobView, now: float) -> Record:
        """Of a job that says nothing yet, what ends from now on counts; of a new job, all does."""
        told = job.status.get("health") or {}
        since = parse_time(told.get("since"))
        if since is None:
            # Of a FleetJob's runs no health is told, so that none waits for being counted.
            is_new = job.kind == "HTTPJob" and not job.status.get("state")
            since = job.created if is_new else now
            return cls(since, since)
        up_to = parse_time(told.get("countedUpTo"))
        found = (_NAME.fullmatch(name) for name in told.get("counted") or ())
        named = {name[0]: int(name[1]) / 1e6 for name in found if name is not None}
        return cls(since, since if up_to is None else up_to, named)

    def has(self, run: RunView) -> bool:
        """Whether a run that has ended counts, or never will."""
        return run.completed is None or run.completed <= self.up_to or name_of(run) in self.named


def name_of(run: RunView) -> str:
    """A run that has ended, shortly: when, in microseconds, and 32 bits of its uid's hash."""
    return f"{round((run.completed or 0.0) * 1e6)}-{sha256(run.uid.encode()).hexdigest()[:8]}"


def counting(job: AskedJobView, ended: Iterable[RunView], now: float) -> Counting:
    """What is to be said of runs that have ended; ``ended``: all that do not count yet, and others.

    Runs of a job of this name that is gone are none of this one's.
    """
    record, settled = Record.of(job, now), float(floor(now - SETTLED))
    if len(record.named) >= MAX_COUNTED and (wake_at := _oldest_settles(record.named)) > now:
        return Counting(wake_at=wake_at)
    new = [run for run in ended if run.owner_uid in ("", job.uid) and not record.has(run)]
    if not new:
        begun = None if "health" in job.status else _record(record.since, record.up_to, {})
        return Counting(begun)
    up_to = max(record.up_to, settled)
    named = {name: at for name, at in record.named.items() if at > up_to}
    counted = []
    for run in sorted(new, key=lambda run: run.completed or 0.0):
        completed = run.completed or 0.0
        if completed > up_to:
            if len(named) >= MAX_COUNTED:
                break
            named[name_of(run)] = completed
        counted.append((completed, Tally.of(run)))
    tallies = added(read(job.status.get("health") or {}), counted, now)
    told = {
        **_record(record.since, up_to, named),
        "asOf": format_time(now),
        **written(tallies),
        "last7Days": summary(tallies, SHOWN, now),
    }
    left = len(counted) < len(new)
    return Counting(told, _oldest_settles(named) if left else None)


def later_than_counted(job: AskedJobView, status: dict[str, Any], now: float) -> dict[str, Any]:
    """The status of a run; its end is later than what counts already, also by a clock set back."""
    completed = parse_time(status.get("completionTime"))
    if completed is None or "health" not in job.status:
        return status
    up_to = Record.of(job, now).up_to
    if completed > up_to:
        return status
    return {**status, "completionTime": format_time_micro(up_to + 0.001)}


def _record(since: float, up_to: float, named: Mapping[str, float]) -> dict[str, Any]:
    return {
        "since": format_time_micro(since),
        "countedUpTo": format_time_micro(up_to),
        "counted": sorted(named),
    }


def _oldest_settles(named: Mapping[str, float]) -> float:
    return ceil(min(named.values())) + SETTLED
