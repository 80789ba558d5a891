"""Jobs and runs as passes see them, for tests of the core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wavegate.api.canonical import http_version_key
from wavegate.api.httpjob import load_http_job_spec
from wavegate.domain.actions import SetStatus
from wavegate.domain.times import format_time
from wavegate.runs.actions import RunPlan, StartRun
from wavegate.runs.observed import AskedJobView, ObservedRuns, RunVersionView, RunView
from wavegate.runs.payload import digest

NOW = 1_800_000_000.0
ME = "me"


def job(now: float = NOW, **spec: Any) -> AskedJobView:
    raw: dict[str, Any] = {"http": {"url": "http://echo.example/"}, **spec}
    loaded = load_http_job_spec(raw)
    return AskedJobView(
        namespace="shop",
        name="app",
        uid="job-uid",
        resource_version="1",
        generation=1,
        created=now - 3600,
        spec=loaded,
        raw_spec=raw,
        version_key=http_version_key(loaded),
    )


def all_counted(of: AskedJobView, up_to: float = NOW) -> AskedJobView:
    """The job, in whose health all counts that has ended up to then."""
    told = {"since": format_time(of.created), "countedUpTo": format_time(up_to)}
    return replace(of, status={**of.status, "health": told})


def version(of: AskedJobView, number: int = 1) -> RunVersionView:
    return RunVersionView(
        name=f"{of.name}-h{number}",
        uid=f"version-{number}",
        resource_version="1",
        owner_uid=of.uid,
        created=of.created,
        version=number,
        spec=of.spec,
        version_key=of.version_key,
    )


def run(name: str = "one", **facts: Any) -> RunView:
    payload = facts.pop("payload", "{}")
    view = RunView(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        resource_version="1",
        owner_uid="",
        created=NOW,
        job="app",
        payload=payload,
        payload_digest=digest(payload) if payload is not None else "",
    )
    return replace(view, **facts)


def executing(name: str = "one", **facts: Any) -> RunView:
    status = {"phase": "Executing", "reason": "Executing", "startTime": format_time(NOW)}
    known = {"phase": "Executing", "attempt": 1, "version": 1, "started": NOW, "holder": ME}
    return run(name, **{**known, "status": status, **facts})


def observed(of: AskedJobView | None, *active: RunView, **facts: Any) -> ObservedRuns:
    known: dict[str, Any] = {
        "versions": [version(of)] if of is not None else [],
        "finished": [],
        "identity": ME,
        "slots": 100,
        "now": NOW,
    }
    return ObservedRuns(job=of, active=list(active), **{**known, **facts})


def started(plan: RunPlan) -> list[str]:
    return [
        action.record.name
        for step in plan.steps
        for action in step.actions
        if isinstance(action, StartRun)
    ]


def statuses(plan: RunPlan) -> dict[str, dict[str, Any]]:
    """By name of a run, the status that is written; no plan writes a run twice."""
    actions = [action for step in plan.steps for action in step.actions]
    records = [each.record if isinstance(each, StartRun) else each for each in actions]
    written = [each for each in records if isinstance(each, SetStatus) and each.kind == "JobRun"]
    found = {each.name: dict(each.status) for each in written}
    assert len(found) == len(written), f"written twice: {sorted(each.name for each in written)}"
    return found


def told(plan: RunPlan) -> dict[str, tuple[str, str]]:
    """By name of a run, the phase and the reason that are written."""
    return {name: (status["phase"], status["reason"]) for name, status in statuses(plan).items()}
