"""The table of wavegate.domain.stance, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import NOW, deployment, execution, fleet, node, pod, version
from wavegate.domain.lineup import Role, Stance
from wavegate.domain.stance import scope, stance

STARTED = NOW - 600
V1, V2 = version(1, stable=True), version(2)
ON_V1 = execution(1, stable=True)
NEW = execution(2, "Pending", version=2)
AWAY = node(ready=False, ready_changed=NOW - 300)


def stands(*claims: Any, of: Any = None, on: Any = None, pods: Any = (), **fields: Any) -> Stance:
    rollout = of or deployment(2, started=STARTED, total=1)
    seen = fleet(
        nodes=[on or node()],
        versions=[V1, V2],
        deployments=[deployment(1, "Completed"), rollout],
        executions=claims,
        pods=pods,
        **fields,
    )
    return stance(seen, scope(seen, rollout, V2), "n1", seen.chains.get("n1"))


@pytest.mark.parametrize(
    ("claims", "on", "role"),
    [
        pytest.param((), None, Role.CANDIDATE, id="no claims"),
        pytest.param((ON_V1,), None, Role.CANDIDATE, id="v1 live"),
        pytest.param((ON_V1, NEW), None, Role.UNSETTLED, id="v1 live, v2 new"),
        pytest.param(
            (ON_V1, replace(NEW, observed="Running", stable_at=NOW)),
            None,
            Role.UPDATED,
            id="v1, v2 stable",
        ),
        pytest.param(
            (ON_V1, replace(NEW, observed="Failed"), execution(3, stable=True)),
            None,
            Role.NONE,
            id="v1, v2 failed, v1 live",
        ),
        pytest.param(
            (ON_V1,),
            replace(AWAY, ready_changed=STARTED - 1),
            Role.NONE,
            id="NotReady since before the start",
        ),
        pytest.param((ON_V1,), AWAY, Role.ABSENT, id="NotReady since then"),
        pytest.param(
            (ON_V1,),
            replace(AWAY, ready_changed=STARTED),
            Role.ABSENT,
            id="NotReady with the start",
        ),
        pytest.param((ON_V1,), node(unschedulable=True), Role.NONE, id="cordoned"),
    ],
)
def test_what_a_node_is(claims: Any, on: Any, role: Role) -> None:
    assert stands(*claims, on=on).role is role


def test_one_that_went_away_is_waited_for_until_it_is_lost() -> None:
    assert stands(ON_V1, on=AWAY).until == NOW - 300 + 3600
    lost = replace(AWAY, ready_changed=NOW - 3600)
    early = deployment(2, started=NOW - 4000, total=1)
    assert stands(ON_V1, on=lost, of=early).role is Role.NONE


def test_what_the_claims_tell() -> None:
    failed = replace(NEW, observed="Failed")
    told = stands(ON_V1, failed, execution(3, "Running", version=2, wave=0))
    assert told.begun
    assert told.members == (failed,), "retries are wave 0"
    assert told.failed == {("n1", "uid-n1"): failed}
    left = replace(NEW, status={"details": {"withdrawn": "Cordoned"}})
    told = stands(ON_V1, left)
    assert (told.members, told.withdrawn) == ((), {("n1", "uid-n1"): "Cordoned"})
    assert not stands(ON_V1).begun


def test_a_pod_of_another_claim_that_does_not_stop_leaves_the_node_out() -> None:
    stuck = pod(ON_V1, deletion=NOW - 60)
    waits = stands(ON_V1, NEW, pods=[stuck])
    assert (waits.role, waits.occupied) == (Role.UNSETTLED, False)
    told = stands(ON_V1, NEW, pods=[stuck], still_there={stuck.uid: NOW})
    assert (told.role, told.occupied) == (Role.NONE, True)
    done = replace(NEW, observed="Running", stable_at=NOW)
    told = stands(ON_V1, done, pods=[stuck], still_there={stuck.uid: NOW})
    assert (told.role, told.occupied) == (Role.UPDATED, True)


@pytest.mark.parametrize(
    ("claims", "created", "joins"),
    [
        pytest.param((), STARTED + 1, True, id="a new node"),
        pytest.param((), STARTED, False, id="there at the start"),
        pytest.param(
            (replace(NEW, wave=0, created=STARTED + 1),), 0.0, True, id="first claimed as wave 0"
        ),
        pytest.param(
            (replace(NEW, wave=1, created=STARTED + 1),), 0.0, False, id="first claimed in a wave"
        ),
        pytest.param(
            (replace(ON_V1, wave=0, created=STARTED - 1),), 0.0, False, id="claimed before"
        ),
    ],
)
def test_who_joins(claims: Any, created: float, joins: bool) -> None:
    assert stands(*claims, on=node(created=created)).joins is joins
