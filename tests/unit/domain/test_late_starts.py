"""The table of wavegate.domain.late_starts: what begins of a version that is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    job,
    job_spec,
    node,
    observed,
    pod,
    version,
)
from wavegate.domain.actions import CreateExecution, CreatePod, DeletePod, Plan, SetStatus
from wavegate.domain.observed import DeploymentView, ExecutionView, PodView, Preparation, Taint
from wavegate.domain.plan import plan

pytestmark = pytest.mark.row("Rollback")

CANARIES = {"strategy": "Canary", "canaryCount": 3, "autoPromote": True}
NODES = ("n1", "n2", "n3", "n4", "n5")

V2 = {"version": 2, "deployment": "app-v2"}


def before(name: str, observed: str = "Running") -> ExecutionView:
    return execution(1, observed, node=name, stable=True, details={"reason": "Replaced"})


def runs(claim: ExecutionView, **fields: Any) -> PodView:
    name = f"app-{claim.node}"
    return pod(claim, name=name, uid=f"pod-{claim.node}-{claim.attempt}", **fields)


CRASHED = execution(2, "Pending", node="n1", **V2)
FAILED = execution(2, "Failed", node="n1", updated=NOW, details={"reason": "Crashed"}, **V2)
EMPTY = execution(2, "Pending", node="n2", **V2)
OCCUPIED = execution(2, "Pending", node="n3", **V2)


def given(first: ExecutionView = CRASHED, *, rollout: Any = None, **fields: Any) -> Plan:
    """n1 has a crashed pod of v2, n2 was taken for it, n3 as well and still runs v1, as others."""
    settings = {**CANARIES, **(rollout or {})}
    specs = {number: job_spec(f"app:{number}", rollout=settings) for number in (1, 2)}
    executions = [
        *(before(name, "Stopped") for name in ("n1", "n2")),
        *(before(name) for name in ("n3", "n4", "n5")),
        first,
        EMPTY,
        OCCUPIED,
    ]
    values: dict[str, Any] = {
        "job": job(specs[2]),
        "nodes": [node(name) for name in NODES],
        "versions": [version(1, stable=True, spec=specs[1]), version(2, spec=specs[2])],
        "deployments": [deployment(1, "Completed"), open_rollout()],
        "executions": executions,
        "pods": [
            *(runs(before(name)) for name in ("n3", "n4", "n5")),
            *([runs(first, phase="Failed", ready=False)] if not first.terminal else []),
        ],
        "prepared": {number: Preparation(ok=True) for number in (1, 2)},
    }
    return plan(observed(**{**values, **fields}))


def open_rollout(state: str = "InProgress", **fields: Any) -> DeploymentView:
    return deployment(2, state, **{"total": 5, "wave_size": 1, **fields})


def back(**fields: Any) -> DeploymentView:
    """The automatic rollback of v2, open."""
    given = {"name": "app-v2-rollback", "type": "Rollback", "from_version": 2, "to_version": 1}
    return deployment(3, **{**given, "total": 3, "wave_size": 3, "workload_hash": "w1", **fields})


def on(made: Plan, name: str) -> list[Any]:
    """What is done on a node, in order."""
    return [each for step in made.steps if step.key == f"node/{name}" for each in step.actions]


def begins(made: Plan) -> dict[str, int]:
    """By node, the version of which something is begun."""
    starts = (CreateExecution, CreatePod)
    actions = [each for step in made.steps for each in step.actions]
    return {each.node: each.version for each in actions if isinstance(each, starts)}


def test_as_long_as_no_failure_is_reached_they_get_the_version() -> None:
    crashed = execution(2, "Pending", node="n1", created=NOW, **V2)
    made = given(crashed, pods=[runs(before("n3")), runs(crashed, ready=False)])
    assert begins(made)["n2"] == 2
    assert [type(each) for each in on(made, "n3")] == [DeletePod]


def test_from_the_pass_that_reaches_a_canary_s_failure_nothing_of_it_begins() -> None:
    made = given()
    (verdict,) = on(made, "n1")
    assert isinstance(verdict, SetStatus)
    assert verdict.status["observedState"]["stateType"] == "Failed"
    assert begins(made) == {}
    assert on(made, "n2") == []
    assert on(made, "n3") == [], "what runs there is not stopped for it"


def test_nor_when_it_is_on_record() -> None:
    made = given(FAILED)
    assert begins(made) == {"n1": 1}, "what failed falls back"
    assert on(made, "n2") == on(made, "n3") == []


def test_nor_before_the_rollback_is_made_or_accepted() -> None:
    failed = open_rollout("Failed", reason="CanaryFailed")
    for more in ([], [back(sequence=0, state="", started=None, accepted=None)]):
        made = given(FAILED, deployments=[deployment(1, "Completed"), failed, *more])
        assert 2 not in begins(made).values()
        assert on(made, "n2") == on(made, "n3") == []


def test_the_rollback_takes_them_at_once_and_gives_up_what_still_runs_for_its_own() -> None:
    failed = open_rollout("Failed", reason="CanaryFailed")
    made = given(FAILED, deployments=[deployment(1, "Completed"), failed, back(wave_size=1)])
    assert begins(made) == dict.fromkeys(("n1", "n2", "n3"), 1)
    assert [type(each) for each in on(made, "n3")] == [CreateExecution, DeletePod]


GETS_IT = [
    pytest.param({"rollout": {"noAutoRollback": True}}, id="no automatic rollback"),
    pytest.param({"rollout": {"paused": True}}, id="the job is paused"),
    pytest.param(
        {"deployments": [deployment(1, "Completed"), open_rollout(paused=True)]}, id="it is paused"
    ),
    pytest.param(
        {
            "first": FAILED,
            "deployments": [deployment(1, "Completed"), open_rollout("Completed")],
            "versions": [version(1, stable=True), version(2, stable=True)],
        },
        id="its rollout has completed, with a failure",
    ),
    pytest.param(
        {
            "first": FAILED,
            "deployments": [
                deployment(1, "Completed"),
                open_rollout("Failed", reason="CanaryFailed", paused=True),
            ],
        },
        id="its rollback will be paused",
    ),
    pytest.param(
        {
            "first": FAILED,
            "deployments": [
                deployment(1, "Completed"),
                open_rollout("Failed", reason="CanaryFailed"),
                back(paused=True),
            ],
        },
        id="its rollback is paused",
    ),
    pytest.param(
        {
            "first": FAILED,
            "executions": [
                before("n2", "Stopped"),
                EMPTY,
                before("n4", "Stopped"),
                execution(3, "Failed", node="n4", deployment="app-v2-rollback", updated=NOW),
            ],
            "deployments": [
                deployment(1, "Completed"),
                open_rollout("Failed", reason="CanaryFailed"),
                back(),
            ],
            "pods": [],
        },
        id="its rollback takes no node, as it ends itself",
    ),
    pytest.param(
        {
            "first": FAILED,
            "deployments": [
                deployment(1, "Completed"),
                open_rollout("Failed", reason="CanaryFailed"),
                back(state="Failed", reason="RollbackFailed"),
            ],
        },
        id="its rollback has ended",
    ),
    pytest.param(
        {"deployments": [deployment(1, "Completed"), open_rollout(canceled=True)]},
        id="it is canceled, and not taken back",
    ),
    pytest.param(
        {"rollout": {"strategy": "Rolling", "canaryCount": None, "maxFailedNodesPercent": 50}},
        id="one failure is within the budget",
    ),
]


@pytest.mark.parametrize("fields", GETS_IT)
def test_where_it_is_not_taken_back_they_get_it_since_nothing_stays_empty(
    fields: dict[str, Any],
) -> None:
    assert begins(given(**fields))["n2"] == 2


def test_a_user_s_rollback_leaves_them_to_their_turn() -> None:
    own = back(owner_uid="", name="mine", wave_size=1)
    made = given(FAILED, deployments=[deployment(1, "Completed"), open_rollout("Completed"), own])
    assert "n3" not in begins(made)
    assert [type(each) for each in on(made, "n3")] == [DeletePod]


def test_no_node_is_taken_while_a_failure_that_ends_it_is_not_on_record() -> None:
    """Whether or not it is taken back; nobody else is taken before, either."""
    more = {**CANARIES, "canaryCount": 4}
    for settings in ({}, {"noAutoRollback": True}):
        made = given(rollout={**more, **settings})
        assert on(made, "n4") == on(made, "n5") == []
    crashed = execution(2, "Pending", node="n1", created=NOW, **V2)
    goes_on = given(crashed, rollout=more, pods=[runs(crashed, ready=False)])
    assert set(begins(goes_on)) & {"n4", "n5"}


def test_a_verdict_that_is_due_on_one_of_them_goes_on_record() -> None:
    late = execution(2, "Pending", node="n2", created=NOW - 10_000, **V2)
    made = given(
        FAILED, executions=[before("n2", "Stopped"), late, before("n1", "Stopped"), FAILED]
    )
    (verdict,) = on(made, "n2")
    assert verdict.status["observedState"]["stateType"] == "Failed"


def test_one_of_them_whose_deadline_is_over_gets_it() -> None:
    """The rollback should have come long ago."""
    late = execution(2, "Pending", node="n2", created=NOW - 10_000, **V2)
    executions = [before("n1", "Stopped"), FAILED, before("n2"), late]
    assert begins(given(FAILED, executions=executions, pods=[]))["n2"] == 2


def test_a_failure_that_does_not_go_on_record_yet_is_none() -> None:
    """All are past their deadlines, as the ends of the pods before were heard of too late."""
    claims = [
        execution(2, "Pending", node=name, created=NOW - 10_000, **V2) for name in ("n1", "n2")
    ]
    recent = execution(2, "Pending", node="n2", **V2)
    for both in (claims, [claims[0], recent]):
        made = given(executions=[before("n1"), before("n2"), *both], pods=[])
        assert {begins(made)[name] for name in ("n1", "n2")} == {2}


@pytest.mark.parametrize(
    ("closed", "why"),
    [
        pytest.param({"unschedulable": True}, "Cordoned", id="cordoned"),
        pytest.param({"taints": (Taint("gpu", "yes", "NoSchedule"),)}, "NotATarget", id="tainted"),
    ],
)
def test_one_of_them_whose_node_is_closed_is_withdrawn(closed: dict[str, Any], why: str) -> None:
    nodes = [node(name, **(closed if name == "n2" else {})) for name in NODES]
    (record,) = on(given(FAILED, nodes=nodes), "n2")
    assert record.status["details"]["withdrawn"] == why


def test_steps_under_way_that_would_begin_it_are_halted() -> None:
    assert given(busy=frozenset({"node/n2", "node/n4"})).halted == {"node/n2"}
    assert given(busy=frozenset({"node/n1"})).halted == frozenset()
    late = execution(2, "Pending", node="n2", created=NOW - 10_000, **V2)
    executions = [before("n1", "Stopped"), FAILED, before("n2"), late]
    overdue = given(FAILED, executions=executions, pods=[], busy=frozenset({"node/n2"}))
    assert overdue.halted == frozenset()
    crashed = execution(2, "Pending", node="n1", created=NOW, **V2)
    goes_on = given(crashed, pods=[runs(crashed, ready=False)], busy=frozenset({"node/n2"}))
    assert goes_on.halted == frozenset()


def test_a_stable_node_of_it_gets_its_pod_again() -> None:
    stable = execution(2, "Running", node="n2", stable=True, **V2)
    executions = [before("n1", "Stopped"), before("n2", "Stopped"), FAILED, stable]
    assert begins(given(FAILED, executions=executions))["n2"] == 2
