"""An attempt that begins: what the write says by which a run executes."""

from __future__ import annotations

from typing import Any

from wavegate.api.asked import Asked
from wavegate.api.httpjob import HTTPJobSpec
from wavegate.domain.actions import SetStatus, Urgency
from wavegate.domain.times import format_time_micro
from wavegate.runs.actions import RunStep, StartPass, StartRun
from wavegate.runs.callbacks import begun
from wavegate.runs.limits import Allowance
from wavegate.runs.observed import ObservedRuns, RunVersionView, RunView
from wavegate.runs.settle import retry_of
from wavegate.runs.statuses import facts_of, status_of
from wavegate.runs.waiting import eligible_since


def start(
    observed: ObservedRuns,
    run: RunView,
    version: RunVersionView,
    spec: Asked,
    allowance: Allowance,
) -> RunStep:
    """Put the run's next attempt on record, and then make it.

    ``spec``: the job's as it is now; ``version``: what the run executes; ``allowance``: where the
    clocks of its limits stand once it has begun.
    """
    assert version.spec is not None
    http = version.spec.http if isinstance(version.spec, HTTPJobSpec) else None
    clock, pools = allowance.clock, allowance.pool_clocks
    attempt = run.attempt + 1
    most = retry_of(run, version.spec).max_attempts
    wait = observed.now - eligible_since(run, observed.seen.get(run.uid))
    facts: dict[str, Any] = {
        **facts_of(run),
        "attempt": attempt,
        "version": version.version,
        "startTime": format_time_micro(observed.now),
        "holder": observed.identity if http is not None else None,
        "nextRetryTime": None,
        "expirationTime": None,
        "rateClock": format_time_micro(clock) if spec.runs.limits.rate and clock else None,
        "poolClocks": {name: format_time_micro(at) for name, at in pools.items()} or None,
        "metadata": {**version.spec.runs.default_metadata, **run.metadata} or None,
        "trace": {"queueWaitMs": max(0, round(1000 * wait))},
        "callback": begun(http, observed.now) if http is not None else None,
    }
    words = f"attempt {attempt} of {most}"
    status = status_of(run, "Executing", "Executing", words, observed.now, **facts)
    record = SetStatus("JobRun", run.name, run.uid, run.resource_version, status)
    action = StartRun(record, version.version) if http is not None else StartPass(record)
    return RunStep(run.step_key, Urgency.CREATE, (action,))
