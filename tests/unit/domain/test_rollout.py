"""The life of a FleetDeployment: where an open one stands and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    settings,
    version,
)
from wavegate.domain.observed import ExecutionView
from wavegate.domain.rollout import TRANSITIONS, Outlook, outlook
from wavegate.domain.waves import progress

NAMES = ("n1", "n2", "n3", "n4")
BUDGET = {"maxFailedNodes": 1, "maxFailedNodesPercent": 50}


def stands(
    *executions: ExecutionView, held: str = "", given_up: bool = False, **fields: Any
) -> Outlook:
    """An update of four nodes to v2 in waves of two."""
    rollout = settings(maxParallel=2, **fields.pop("rollout", {}))
    own = {"total": 4, "wave_size": 2, "rollout": rollout, **fields.pop("own", {})}
    update = deployment(2, **own)
    target = version(2, stable_at=fields.pop("stamped", None))
    target = next((each for each in fields.get("versions", ()) if each.version == 2), target)
    values: dict[str, Any] = {
        "nodes": [node(name) for name in NAMES],
        "versions": [version(1, stable=True), target],
        "deployments": [deployment(1, "Completed"), update],
        "executions": executions,
    }
    view = fleet(**{**values, **fields})
    return outlook(view, progress(view, update, target), held, given_up)


def new(name: str, observed: str = "Running", wave: int = 1, **fields: Any) -> ExecutionView:
    return execution(2, observed, node=name, version=2, wave=wave, **fields)


def stable(*names: str, wave: int = 1) -> list[ExecutionView]:
    return [new(name, wave=wave, stable=True) for name in names]


ALL = [*stable("n1", "n2"), *stable("n3", "n4", wave=2)]
CANARY = {"strategy": "Canary", "canaryCount": 2, "autoPromote": False}


@pytest.mark.parametrize(
    ("executions", "fields", "state", "reason"),
    [
        pytest.param(
            [], {"nodes": [], "own": {"started": None}}, "Pending", "NoTargets", id="none"
        ),
        pytest.param([], {"own": {"started": None}}, "InProgress", "Progressing", id="a target"),
        pytest.param(
            [], {"own": {"started": None, "paused": True}}, "Paused", "Paused", id="paused at once"
        ),
        pytest.param(stable("n1"), {}, "InProgress", "Progressing", id="on its way"),
        pytest.param(stable("n1"), {"own": {"paused": True}}, "Paused", "Paused", id="paused"),
        pytest.param(
            stable("n1"),
            {"job": job(job_spec(rollout={"paused": True}))},
            "Paused",
            "Paused",
            id="paused by the job",
        ),
        pytest.param(
            stable("n1", "n2"),
            {"rollout": CANARY},
            "Paused",
            "AwaitingPromotion",
            id="the canaries wait for a person",
        ),
        pytest.param(
            [], {"rollout": CANARY, "nodes": []}, "InProgress", "NoCanary", id="no canary"
        ),
        pytest.param(
            [new("n1", "Failed")], {"rollout": CANARY}, "Failed", "CanaryFailed", id="bad canary"
        ),
        pytest.param(
            [new("n1", "Failed"), new("n2", "Failed")],
            {"rollout": BUDGET},
            "Failed",
            "BudgetExceeded",
            id="above the budget",
        ),
        pytest.param(
            stable("n1"), {"own": {"canceled": True}}, "Canceled", "Canceled", id="cancel"
        ),
        pytest.param(
            [new("n1", "Failed")],
            {"rollout": CANARY, "own": {"canceled": True}},
            "Canceled",
            "Canceled",
            id="a cancel wins over a failure",
        ),
        pytest.param(
            [new("n1")], {"held": "timed out"}, "InProgress", "MetricsUnreadable", id="held"
        ),
        pytest.param(
            [new("n1")],
            {"held": "timed out", "given_up": True},
            "Failed",
            "MetricsUnreadable",
            id="given up",
        ),
        pytest.param(ALL, {"stamped": NOW}, "Completed", "Completed", id="all are updated"),
        pytest.param(
            [*ALL[:3], new("n4", "Failed", wave=2)],
            {"stamped": NOW, "rollout": BUDGET},
            "Completed",
            "Degraded",
            id="completed with a failure inside its budget",
        ),
        pytest.param(
            stable("n1", "n2"),
            {"stamped": NOW, "nodes": [node("n1"), node("n2")]},
            "Completed",
            "Completed",
            id="no target is left",
        ),
        pytest.param(
            stable("n1", "n2"),
            {"nodes": [node("n1"), node("n2"), node("n3", ready=False, ready_changed=NOW - 9)]},
            "InProgress",
            "Progressing",
            id="a node that left after the start is waited for",
        ),
    ],
)
def test_where_a_rollout_stands(
    executions: list[ExecutionView], fields: dict[str, Any], state: str, reason: str
) -> None:
    found = stands(*executions, **fields)
    assert (found.state, found.reason) == (state, reason)


def test_its_version_is_recorded_as_stable_before_it_is_completed() -> None:
    assert stands(*ALL).stamp_stable
    old_stamp = stands(*ALL, stamped=NOW - 5000)
    assert (old_stamp.stamp_stable, old_stamp.state) == (True, "InProgress")
    assert not stands(*ALL, stamped=NOW).stamp_stable


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"own": {"canceled": True}}, id="a cancel"),
        pytest.param({"own": {"paused": True}}, id="a pause"),
        pytest.param({"held": "timed out", "given_up": True}, id="unreadable numbers"),
        pytest.param(
            {"executions": [*ALL, new("n5", "Failed", wave=2)], "rollout": {"maxFailedNodes": 0}},
            id="a failure",
        ),
    ],
)
def test_what_comes_after_the_stamp_comes_too_late(fields: dict[str, Any]) -> None:
    rest = {"executions": ALL, **fields}
    assert stands(*rest.pop("executions"), stamped=NOW, **rest).state == "Completed"


def test_a_node_that_was_relabelled_in_does_not_keep_a_full_rollout_open() -> None:
    nodes = [*(node(name) for name in NAMES), node("n5", created=NOW - 5)]
    assert stands(*ALL, stamped=NOW, nodes=nodes).state == "Completed"


def test_nothing_is_decided_on_nothing() -> None:
    assert stands(nodes=[]).state == "InProgress"


def test_nothing_stable_is_no_completion() -> None:
    everything = [new(name, "Failed") for name in NAMES]
    wide = {"maxFailedNodes": 9, "maxFailedNodesPercent": 100}
    found = stands(*everything, rollout=wide)
    assert (found.state, found.reason) == ("Failed", "BudgetExceeded")


def test_the_passed_gate_goes_on_record_before_the_next_wave() -> None:
    auto = {**CANARY, "autoPromote": True}
    first = stands(*stable("n1", "n2"), rollout=auto)
    assert (first.passed_gate, first.may_advance) == (True, False)
    second = stands(*stable("n1", "n2"), rollout=auto, own={"promoted_gate": True})
    assert second.may_advance


@pytest.mark.parametrize(
    ("executions", "fields", "takes", "advances"),
    [
        pytest.param([new("n1")], {}, True, False, id="a wave is filled"),
        pytest.param([new("n1"), new("n2")], {}, True, False, id="then judged"),
        pytest.param(stable("n1", "n2"), {}, True, True, id="then the next may begin"),
        pytest.param(stable("n1", "n2"), {"own": {"paused": True}}, False, False, id="paused"),
        pytest.param(stable("n1", "n2"), {"held": "x"}, False, False, id="held"),
        pytest.param(stable("n1", "n2"), {"own": {"canceled": True}}, False, False, id="canceled"),
        pytest.param(stable("n1", "n2"), {"rollout": CANARY}, False, False, id="not promoted"),
    ],
)
def test_what_may_be_taken(
    executions: list[ExecutionView], fields: dict[str, Any], takes: bool, advances: bool
) -> None:
    found = stands(*executions, **fields)
    assert (found.may_take, found.may_advance) == (takes, advances)


def test_a_failed_rollback_says_so() -> None:
    back = {"type": "Rollback"}
    found = stands(new("n1", "Failed"), new("n2", "Failed"), rollout=BUDGET, own=back)
    assert (found.state, found.reason) == ("Failed", "RollbackFailed")


def test_immediate_is_judged_at_its_end_only() -> None:
    immediate = {"strategy": "Immediate", **BUDGET}
    early = [new("n1", "Failed"), new("n2", "Failed"), new("n3"), new("n4")]
    assert stands(*early, rollout=immediate).state == "InProgress"
    done = [*early[:2], *stable("n3", "n4")]
    assert stands(*done, rollout=immediate).state == "Failed"


def test_the_message_names_the_first_failure_and_how_many_more() -> None:
    failed = [
        new("n1", "Failed", updated=NOW - 1),
        new(
            "n2",
            "Failed",
            updated=NOW - 9,
            status={"observedState": {"message": "exit code 1"}},
        ),
    ]
    message = stands(*failed, rollout={"maxFailedNodes": 0}).message
    assert message == "2 failed, above maxFailedNodes 0: n2: exit code 1 (and 1 more)"


@pytest.mark.parametrize("state", ["Completed", "Failed", "Canceled"])
def test_a_terminal_state_never_changes(state: str) -> None:
    assert TRANSITIONS[state] == frozenset()


QUERIES = {"source": "main", "errorQuery": "e[$window]", "totalQuery": "t[$window]"}
BY_SOURCE = version(
    2,
    spec=job_spec(
        rollout={"healthCheck": {"deadline": "1m", "errorRate": {"prometheus": QUERIES}}}
    ),
)


@pytest.mark.parametrize(
    ("executions", "own", "state", "reason"),
    [
        pytest.param([], {"started": None}, "Pending", "SourceNotConfigured", id="never begins"),
        pytest.param(
            stable("n1", "n2"), {}, "InProgress", "SourceNotConfigured", id="does not go on"
        ),
        pytest.param(
            stable("n1", "n2"), {"type": "Rollback"}, "InProgress", "Progressing", id="a rollback"
        ),
        pytest.param(stable(*NAMES), {}, "InProgress", "Progressing", id="ends all the same"),
    ],
)
def test_a_version_whose_source_is_not_configured(
    executions: list[ExecutionView], own: dict[str, Any], state: str, reason: str
) -> None:
    found = stands(*executions, own=own, versions=[version(1, stable=True), BY_SOURCE])
    if reason == "SourceNotConfigured":
        assert not found.may_take
    assert (found.state, found.reason or "Progressing") == (state, reason)
