"""The transition table of wavegate.domain.executions against what the rules make of a claim."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    chain,
    deployment,
    execution,
    fleet,
    job_spec,
    node,
    pod,
    version,
)
from wavegate.domain import work
from wavegate.domain.actions import SetStatus
from wavegate.domain.executions import TRANSITIONS
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.observed import ExecutionView, Exit
from wavegate.domain.verdict import judge

LIVE = {before for before, _, _ in TRANSITIONS if before}
EVER_STABLE = {"Running", "Degraded", "Lost"}
NEVER_STABLE = LIVE - {"Degraded"}

IMMEDIATE = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
VERSIONS = {
    "windows": version(1, spec=job_spec()),
    "no windows": version(1, spec=job_spec(rollout=IMMEDIATE)),
}
NODES = {
    "ready": [node()],
    "away": [node(ready=False, ready_changed=NOW - 7200)],
    "gone": [],
}
EXIT = Exit("main", "Error", 1, "boom", NOW)
PODS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "ready": {},
    "not ready": {"ready": False, "ready_changed": NOW - 30},
    "crashing": {"ready": False, "ready_changed": NOW - 30, "waiting_reason": "CrashLoopBackOff"},
    "told to stop": {"ready": False, "ready_changed": NOW - 30, "deletion": NOW + 5},
    "exit 0": {"ready": False, "phase": "Succeeded"},
    "exit 1": {"ready": False, "phase": "Failed", "exit": EXIT},
}
WINDOWS = {
    "none": None,
    "healthy": {"healthy": True, "last": WindowResult(Window.GOOD, NOW - 1, "good", 0, 9)},
    "unhealthy": {"unhealthy": True, "last": WindowResult(Window.BAD, NOW - 1, "bad", 9, 9)},
}
BEGINNING = next(each.default for each in fields(ExecutionView) if each.name == "observed")
"""What a claim without any status counts as."""
AGES = {"young": 30.0, "overdue": 5000.0}


def judged(before: str, stable: bool, *given: str) -> str:
    """What is on record after a judgement, for a claim in that state."""
    kept, where, body, windows, age = given
    claim = execution(1, before, stable=stable, created=NOW - AGES[age], pod_uid="pod-uid")
    health, shape = WINDOWS[windows], PODS[body]
    record = HealthRecord("pod-uid", NOW - 5, None, 0, **health) if health else None
    view = fleet(
        nodes=NODES[where],
        versions=[VERSIONS[kept]],
        deployments=[deployment(1)],
        health={"pod-uid": record} if record else {},
    )
    pods = (pod(claim, **shape),) if shape is not None else ()
    return judge(view, chain(claim, pods=pods), claim, held=False).observed


def possible(before: str, stable: bool, kept: str) -> bool:
    """Whether such a claim exists: only with windows is it judged, only without is it not."""
    if before == "Validating":
        return kept == "windows"
    return before != "Running" or stable or kept == "no windows"


def test_the_table_is_what_the_rules_make_of_every_claim() -> None:
    claims = [(state, False) for state in NEVER_STABLE] + [(state, True) for state in EVER_STABLE]
    made = {
        (before, judged(before, stable, kept, *given))
        for before, stable in claims
        for kept, *given in product(VERSIONS, NODES, PODS, WINDOWS, AGES)
        if possible(before, stable, kept)
    }
    made |= {("", BEGINNING)} | {(state, "Stopped") for state in LIVE}
    assert {(before, after) for before, _, after in TRANSITIONS} == {
        (before, after) for before, after in made if before != after
    }


@pytest.mark.parametrize("state", sorted(LIVE))
def test_whatever_is_live_can_be_stopped(state: str) -> None:
    step = work.stop(fleet(), chain(execution(1, state)), "Suspended")
    assert step is not None
    [write] = step.actions
    assert isinstance(write, SetStatus)
    assert write.status["observedState"]["stateType"] == "Stopped"


@pytest.mark.parametrize("state", ["Completed", "Failed", "Stopped"])
def test_what_has_ended_stays_as_it_is(state: str) -> None:
    assert state not in LIVE
    assert execution(1, state).terminal
    assert work.stop(fleet(), chain(execution(1, state)), "Suspended") is None
