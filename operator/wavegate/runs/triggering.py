"""From the ends of other jobs' runs to runs: made once, put on record once they are there.

A dependency with mode Trigger asks for a run once a run of the other job has ended as it demands
that is later than the last one it has acted on. The run that is made says for which ends it is, so
whoever comes between finds it, and the job's status says afterwards up to which end all is decided.

A run that was made so and has not begun serves for whatever else ends until it does; so do several
that end at once. While the job is suspended, ends pass by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wavegate.api.names import job_ref, split_ref
from wavegate.domain.times import format_time_micro, parse_time
from wavegate.runs.dependencies import Upstream, is_met
from wavegate.runs.observed import AskedJobView, RunView


@dataclass(frozen=True, slots=True)
class Triggering:
    """``ends``: by job, the ends for which a run is to be made; ``status``: status.dependencies,
    None where it stays as it is."""

    ends: Mapping[str, float] = field(default_factory=dict)
    status: Sequence[Mapping[str, Any]] | None = None


def triggering(
    job: AskedJobView, upstreams: Mapping[str, Upstream], runs: Iterable[RunView], now: float
) -> Triggering:
    """What the job's dependencies ask for; ``runs``: its own, active and finished."""
    assert job.spec is not None
    triggers = [each for each in job.spec.trigger.depends_on if each.mode == "Trigger"]
    record = recorded(job)
    if not triggers and not record:
        return Triggering()
    # Of a dependency that is new, only what ends from now on counts; of a new job, all since then.
    since = job.created if job.is_new else now
    marks = {each.ref: record.get(each.ref, since) for each in triggers}
    due = {name: end for name, end in _ended(marks, upstreams) if end > marks[name]}
    ends: dict[str, float] = {}
    made = [run for run in runs if run.after] if due else []
    passes_by = job.spec.suspend or any(not run.ended and not run.attempt for run in made)
    for each in triggers:
        name = each.ref
        if name not in due:
            continue
        marks[name] = max([marks[name], *(run.after.get(name, 0.0) for run in made)])
        if due[name] > marks[name] and is_met(each, upstreams[name], now):
            if passes_by or upstreams[name].cycle:
                marks[name] = due[name]
            else:
                ends[name] = due[name]
    return Triggering(ends, _changed(record, marks))


def _ended(names: Iterable[str], upstreams: Mapping[str, Upstream]) -> Iterator[tuple[str, float]]:
    """By job, when its latest run ended, where there is one."""
    for name in names:
        latest = upstreams[name].latest if name in upstreams else None
        if latest is not None and latest.completed is not None:
            yield name, latest.completed


def recorded(job: AskedJobView) -> dict[str, float]:
    """By job, up to which end all is decided and on record."""
    status = job.status.get("dependencies") or ()
    named = [each for each in status if each.get("jobName")]
    known = [(job_ref(each.get("jobKind") or "HTTPJob", each["jobName"]), each) for each in named]
    times = ((ref, parse_time(each.get("decidedUpTo"))) for ref, each in known)
    return {ref: time for ref, time in times if time is not None}


def _changed(
    record: Mapping[str, float], marks: Mapping[str, float]
) -> Sequence[Mapping[str, Any]] | None:
    if dict(record) == dict(marks):
        return None
    return [
        {**_named(ref), "decidedUpTo": format_time_micro(time)}
        for ref, time in sorted(marks.items())
    ]


def _named(ref: str) -> Mapping[str, str]:
    kind, name = split_ref(ref)
    return {"jobName": name} if kind == "HTTPJob" else {"jobKind": kind, "jobName": name}
