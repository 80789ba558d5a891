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
    observed,
    progress,
    settings,
    version,
)
from wavegate.domain.actions import SetStatus
from wavegate.domain.deployments import record_stop, supersede, superseded
from wavegate.domain.observed import ExecutionView
from wavegate.domain.plan import plan
from wavegate.domain.rollout import TRANSITIONS, Outlook, is_stamped, outlook
from wavegate.domain.stopping import Stop
from wavegate.domain.times import format_time

NAMES = ("n1", "n2", "n3", "n4")
STARTED = deployment(2).started
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


SCENARIOS = [
    pytest.param([], {"nodes": [], "own": {"started": None}}, "Pending", "NoTargets", id="none"),
    pytest.param([], {"own": {"started": None}}, "InProgress", "Progressing", id="a target"),
    pytest.param(
        [],
        {"nodes": [], "own": {"started": None}, "held": "timed out", "given_up": True},
        "Pending",
        "NoTargets",
        id="none, and what runs of an older one cannot be read",
    ),
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
    pytest.param([], {"rollout": CANARY, "nodes": []}, "InProgress", "NoCanary", id="no canary"),
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
    pytest.param(stable("n1"), {"own": {"canceled": True}}, "Canceled", "Canceled", id="cancel"),
    pytest.param(
        [new("n1", "Failed")],
        {"rollout": CANARY, "own": {"canceled": True}},
        "Canceled",
        "Canceled",
        id="a cancel wins over a failure",
    ),
    pytest.param([new("n1")], {"held": "timed out"}, "InProgress", "MetricsUnreadable", id="held"),
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
]


@pytest.mark.row("Pause", "Cancel", "spec.rollout.paused")
@pytest.mark.row("FleetDeployment.spec.paused", "FleetDeployment.spec.canceled")
@pytest.mark.parametrize(("executions", "fields", "state", "reason"), SCENARIOS)
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


@pytest.mark.row("Stable version", "Restart")
@pytest.mark.parametrize(
    ("completed", "own"),
    [
        pytest.param(NOW, False, id="the one before it has ended since"),
        pytest.param(NOW - 1, True, id="the one before it had ended earlier"),
    ],
)
def test_whose_stamp_it_is_where_a_rollout_began_in_that_second(
    completed: float, own: bool
) -> None:
    status = {"completedAt": format_time(completed)}
    first = deployment(1, "Completed", status=status)
    again = deployment(2, type="Restart", to_version=1, started=NOW)
    stamped = version(1, stable_at=NOW)
    view = fleet(versions=[stamped], deployments=[first, again])
    assert is_stamped(view, stamped, again) is own


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


@pytest.mark.row("End")
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


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        pytest.param({}, "matches none of the job's 3 nodes; waits", id="none"),
        pytest.param(
            {"n1": {"ready": False}, "n2": {"unschedulable": True}},
            "matches 2 of the job's 3 nodes, no target now (n1 NotReady, n2 Cordoned); waits",
            id="none that is a target",
        ),
    ],
)
def test_without_a_canary_the_message_names_the_field_what_it_matches_and_who_can_help(
    nodes: dict[str, Any], says: str
) -> None:
    labels = {"tier": "canary", "a": "b"}
    rollout = {**CANARY, "canarySelector": {"matchLabels": labels}}
    seen = [
        node(name, labels=labels if name in nodes else {"tier": "canary"}, **nodes.get(name, {}))
        for name in ("n1", "n2", "n3")
    ]
    found = stands(nodes=seen, rollout=rollout)
    assert found.reason == "NoCanary"
    assert found.message.startswith(
        f"no node can be a canary: spec.rollout.canarySelector.matchLabels (a=b,tier=canary) {says}"
    )
    assert found.message.endswith(
        "label a node that is to be a canary, or change the field of FleetJob app"
    )
    assert found.may_take, "it goes on by itself as soon as one can"


def test_immediate_is_judged_at_its_end_only() -> None:
    immediate = {"strategy": "Immediate", **BUDGET}
    early = [new("n1", "Failed"), new("n2", "Failed"), new("n3", "Starting"), new("n4", "Starting")]
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


def test_the_table_of_transitions_is_what_the_rules_make_of_every_scenario() -> None:
    begun: list[tuple[str, dict[str, Any]]] = [("InProgress", {}), ("Paused", {})]
    before_it = [(state, {"started": None, "total": 0}) for state in ("", "Pending", "Paused")]
    made = set()
    for before, own in [*begun, *before_it]:
        for scenario in SCENARIOS:
            executions, fields, *_ = scenario.values
            if "stamped" in fields and own:
                continue  # what has not begun has stamped nothing
            given = {**fields.get("own", {}), **own, "state": before}
            if not own:
                given["started"] = STARTED
            made.add((before, stands(*executions, **{**fields, "own": given}).state))
    made |= {(state, "Canceled") for state in ("", "Pending", "InProgress", "Paused")}
    made |= {
        (state, stopped(state, left)) for state in ("", "Pending", "InProgress") for left in (0, 1)
    }
    assert {(before, after) for before, _, after in TRANSITIONS} == {
        (before, after) for before, after in made if before != after
    }


def stopped(before: str, left: int) -> str:
    """State of a user's Stop on whose job's nodes so many executions still run."""
    sequence = 2 if before == "InProgress" else 0
    made = deployment(2, before, type="Stop", sequence=sequence)
    remembered = {"uid": made.uid, "sequence": 2}
    of = fleet(job=job(status={"lastAccepted": remembered}), deployments=[made])
    step = record_stop(of, Stop(made, 1, left, 0))
    if step is None:
        return before
    [write] = step.actions
    assert isinstance(write, SetStatus)
    return str(write.status["state"])


@pytest.mark.parametrize("state", ["", "Pending", "InProgress", "Paused"])
def test_whatever_is_open_is_superseded(state: str) -> None:
    older, newer = deployment(2, state), deployment(3, "", sequence=0)
    view = fleet(versions=[version(2), version(3)], deployments=[older, newer])
    step = supersede(view, older, newer)
    assert superseded(view) == [(older, newer)]
    assert step is not None
    [write] = step.actions
    assert isinstance(write, SetStatus)
    assert (write.status["state"], write.status["reason"]) == ("Canceled", "Superseded")


@pytest.mark.parametrize("state", ["Completed", "Failed", "Canceled"])
def test_a_terminal_state_never_changes(state: str) -> None:
    assert state not in {before for before, _, _ in TRANSITIONS}


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
    check = {"deadline": "1m", "errorRate": {"prometheus": QUERIES}}
    own = {"rollout": settings(healthCheck=check), **own}
    found = stands(*executions, own=own, versions=[version(1, stable=True), BY_SOURCE])
    if reason == "SourceNotConfigured":
        assert not found.may_take
    assert (found.state, found.reason or "Progressing") == (state, reason)


@pytest.mark.parametrize(
    ("executions", "waves", "words"),
    [
        pytest.param([], (1, 2), "wave 1 of 2: 0 of 4 nodes updated", id="none is taken yet"),
        pytest.param(
            [new("n1", "Failed", status={"observedState": {"message": "boom"}})],
            (1, 2),
            "0 of 4 nodes updated, 1 failed (n1: boom)",
            id="one has failed",
        ),
        pytest.param([new("n1", wave=3)], (3, 3), "wave 3 of 3", id="more than were pinned"),
    ],
)
def test_waves_are_counted_from_one(
    executions: list[ExecutionView], waves: tuple[int, int], words: str
) -> None:
    own = {"total": 4, "wave_size": 2, "rollout": settings(maxParallel=2, **BUDGET)}
    made = plan(
        observed(
            nodes=[node(name) for name in NAMES],
            versions=[version(1, stable=True), version(2)],
            deployments=[deployment(1, "Completed"), deployment(2, **own)],
            executions=executions,
        )
    )
    writes = [each for step in made.steps for each in step.actions if isinstance(each, SetStatus)]
    status = next(each for each in writes if each.kind == "FleetDeployment").status
    assert (status["currentWave"], status["totalWaves"]) == waves
    assert words in status["message"]
