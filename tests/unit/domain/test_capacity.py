"""The table of wavegate.domain.capacity, row by row, and who holds a place for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import (
    JOB_UID,
    NOW,
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    pod,
    progress,
    version,
)
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.capacity import held_places, is_held, places_of_rest, places_of_rollout
from wavegate.domain.observed import Cordon

pytestmark = pytest.mark.row("Places")

NAMES = [f"n{number}" for number in range(1, 11)]
NODES = [node(name) for name in NAMES]
CANARY = {"strategy": "Canary", "canaryCount": 1, "maxParallel": 4}
ROLLING = {"strategy": "Rolling", "canaryCount": None, "maxParallel": 3}
V1 = version(1, stable=True)


def places(rollout: dict[str, Any], stable: int = 0, kind: str = "Update") -> int | None:
    """Of ten nodes; the first ``stable`` of them have v2 as their wave 1."""
    v2 = version(2, spec=job_spec("app:2", rollout=rollout))
    v1 = replace(V1, spec=job_spec("app:1", rollout=rollout))
    taken = [execution(1, node=name, version=2, stable=True) for name in NAMES[:stable]]
    to = 1 if kind == "Rollback" else 2
    rolls = deployment(2, type=kind, to_version=to, workload_hash=f"w{to}")
    here = fleet(nodes=NODES, versions=[v1, v2], deployments=[rolls], executions=taken)
    return places_of_rollout(progress(here, rolls, here.versions[to]))


@pytest.mark.parametrize(
    ("rollout", "stable", "kind", "wanted"),
    [
        pytest.param(CANARY, 0, "Update", 1, id="the canary wave"),
        pytest.param(CANARY, 1, "Update", 4, id="the canaries were judged"),
        pytest.param(ROLLING, 0, "Update", 3, id="a wave in progress"),
        pytest.param(ROLLING, 0, "Rollback", 3, id="a rollback"),
        pytest.param(
            {**ROLLING, "rollbackParallel": 5}, 0, "Rollback", 5, id="rollbackParallel is given"
        ),
        pytest.param({"strategy": "Immediate"}, 0, "Update", None, id="Immediate"),
        pytest.param(
            {"strategy": "Immediate", "maxParallel": 2}, 0, "Rollback", 2, id="its rollback"
        ),
    ],
)
def test_places_of_an_open_rollout(
    rollout: dict[str, Any], stable: int, kind: str, wanted: int | None
) -> None:
    assert places(rollout, stable, kind) == wanted


@pytest.mark.parametrize(
    ("rollout", "wanted"),
    [
        pytest.param(CANARY, 4, id="the wave size, not that of the canaries"),
        pytest.param({**ROLLING, "maxParallel": "20%"}, 2, id="a share of the targets"),
        pytest.param({"strategy": "Immediate"}, None, id="Immediate"),
    ],
)
def test_places_while_no_rollout_is_open(rollout: dict[str, Any], wanted: int | None) -> None:
    stable = version(1, stable=True, spec=job_spec(rollout=rollout))
    here = fleet(nodes=NODES, versions=[stable])
    assert places_of_rest(here, deployment(1, "Completed"), stable) == wanted


def test_without_a_deployment_or_its_version_there_is_no_limit() -> None:
    here = fleet(nodes=NODES, versions=[V1])
    assert places_of_rest(here, None, V1) is None
    assert places_of_rest(here, deployment(1, "Completed"), None) is None
    assert places_of_rest(here, deployment(1), version(1, invalid="no", spec=None)) == 2
    assert places_of_rest(here, deployment(1), replace(V1, spec=None, invalid="no")) is None


TAKEN = execution(1, "Stopped", stable=True, details={"reason": "Replaced"})
ON_V2 = execution(2, version=2)


def held(*claims: Any, here: Any = None, ends: float | None = None, **fields: Any) -> bool:
    seen = fleet(nodes=[here or node()], versions=[V1, version(2)], executions=claims, **fields)
    return is_held(seen, seen.chains["n1"], ends)


def test_a_node_that_was_taken_holds_a_place_after_its_deadline_too() -> None:
    assert held(TAKEN, ON_V2, ends=NOW - 1)


@pytest.mark.parametrize(
    ("ends", "holds"),
    [
        pytest.param(NOW + 1, True, id="before its deadline"),
        pytest.param(NOW, False, id="at its deadline"),
        pytest.param(None, False, id="without one"),
    ],
)
def test_one_that_is_no_target_holds_it_until_its_deadline(ends: float | None, holds: bool) -> None:
    assert held(TAKEN, ON_V2, here=node(ready=False), ends=ends) is holds


def test_one_on_which_a_pod_does_not_stop_holds_it_until_its_deadline() -> None:
    stuck = pod(TAKEN, deletion=NOW - 60)
    found = {stuck.uid: NOW}
    assert held(TAKEN, ON_V2, pods=[stuck], still_there=found, ends=NOW + 1)
    assert not held(TAKEN, ON_V2, pods=[stuck], still_there=found, ends=NOW)
    assert held(TAKEN, ON_V2, pods=[stuck], ends=NOW), "its end may not have been heard of"


def test_a_node_that_is_gone_holds_none() -> None:
    assert not held(TAKEN, ON_V2, here=node("n2"), ends=NOW + 1)


def test_a_node_that_leaves_holds_one() -> None:
    here = fleet(nodes=[node(), node("n2")], versions=[V1, version(2)], executions=[TAKEN, ON_V2])
    assert held_places(here, {"n2"}) == 1
    here.memory.holding.add("n1")
    assert held_places(here, {"n2"}) == 2


def test_of_a_job_that_runs_to_completion_each_node_at_work_or_closed_holds_one() -> None:
    once = load_job_spec({"type": "query", "config": {"command": ["true"]}, "selector": {}})
    closed = Cordon("default", "app", JOB_UID, "app-n2-1")
    nodes = [node("n1"), node("n2", cordoned_by=closed), node("n3")]
    v1 = version(1, spec=once)
    at_work, ended = execution(1), execution(1, "Completed", node="n2")
    here = fleet(job=job(once), nodes=nodes, versions=[v1], executions=[at_work, ended])
    assert held_places(here, set()) == 2
    assert held_places(here, {"n1", "n3"}) == 3
