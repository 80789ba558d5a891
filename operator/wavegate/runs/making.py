"""The runs that a job makes by itself, under names that follow from what they are made for."""

from __future__ import annotations

from collections.abc import Mapping

from wavegate.runs.actions import CreateRun
from wavegate.runs.naming import after_name, tick_name
from wavegate.runs.observed import AskedJobView


def of_tick(job: AskedJobView, tick: float) -> CreateRun:
    """The run for a tick of the schedule (epoch seconds)."""
    assert job.spec is not None
    return CreateRun(tick_name(job.name, job.uid, tick), job.spec.labels, tick=tick)


def of_ends(job: AskedJobView, ends: Mapping[str, float]) -> CreateRun:
    """The run for ends of other jobs' runs (epoch seconds), by their jobs."""
    assert job.spec is not None
    return CreateRun(after_name(job.name, job.uid, ends), job.spec.labels, after=dict(ends))
