"""One pass: what stands over the rules, and how they are put together."""

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
from wavegate.domain.actions import CreateExecution, Plan, PrepareVersion, SetStatus
from wavegate.domain.observed import Preparation, Refusal
from wavegate.domain.plan import plan

DONE = deployment(1, "Completed")
V1 = version(1, stable=True)
RUNS = execution(1, stable=True)


def planned(**fields: Any) -> Plan:
    values: dict[str, Any] = {"versions": [V1], "deployments": [DONE], "executions": [RUNS]}
    return plan(observed(**{**values, "pods": [pod(RUNS)], **fields}))


def actions(made: Plan, kind: type) -> list[Any]:
    return [each for step in made.steps for each in step.actions if isinstance(each, kind)]


def ready_of(made: Plan) -> tuple[str, str, str]:
    status = next(each for each in actions(made, SetStatus) if each.kind == "FleetJob").status
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    return ready["status"], ready["reason"], ready["message"]


def too_large() -> dict[str, Any]:
    return job_spec(config={"a": "x" * 300 * 1024})


def test_a_config_that_is_too_large_is_said_of_the_job_beside_what_else_stands() -> None:
    large = job(too_large())
    status, reason, message = ready_of(planned(job=large))
    assert (status, reason) == ("False", "TemplateRefused")
    assert message.startswith("spec.config: has ")
    status, reason, message = ready_of(planned(job=large, deployments=[DONE, deployment(2)]))
    assert (status, reason) == ("False", "VersionMissing")
    assert message.startswith("spec.config: has ")
    assert "JobVersion" in message


def test_a_config_that_is_too_large_is_nothing_to_an_open_rollout() -> None:
    def record(**fields: Any) -> Any:
        made = planned(**OPEN, nodes=TWO, prepared={2: Preparation(ok=True)}, **fields)
        found = [each for each in actions(made, SetStatus) if each.kind == "FleetDeployment"]
        return [each.status for each in found]

    assert "spec.config" not in str(record(job=job(too_large())))
    assert record(job=job(too_large())) == record()


def test_the_same_snapshot_gives_the_same_plan() -> None:
    assert planned() == planned()


def test_a_spec_that_is_not_understood_is_said_and_nothing_is_touched() -> None:
    made = planned(job=job(spec=None, invalid="spec.type: is not known"))
    assert ready_of(made) == ("False", "InvalidSpec", "spec.type: is not known")
    assert len(made.steps) == 1


def test_a_missing_version_is_stalled() -> None:
    made = planned(deployments=[DONE, deployment(2)])
    assert ready_of(made)[:2] == ("False", "VersionMissing")


OPEN = {"versions": [V1, version(2)], "deployments": [DONE, deployment(2, total=2, wave_size=1)]}
TWO = [node("n1"), node("n2")]


def test_a_version_is_prepared_before_its_first_claim() -> None:
    made = planned(**OPEN, nodes=TWO)
    assert [each.version for each in actions(made, PrepareVersion)] == [2]
    assert not [each for each in actions(made, CreateExecution) if each.version == 2]
    ready = planned(**OPEN, nodes=TWO, prepared={2: Preparation(ok=True)})
    assert [each.version for each in actions(ready, CreateExecution)].count(2) == 1


@pytest.mark.parametrize(
    ("age", "again"), [pytest.param(29, False, id="not yet"), pytest.param(30, True, id="again")]
)
def test_a_refused_template_is_stalled_with_the_server_s_words_and_tried_again_later(
    age: float, again: bool
) -> None:
    refused = {2: Preparation(ok=False, message="no such field: imge", at=NOW - age)}
    made = planned(**OPEN, prepared=refused)
    status, reason, message = ready_of(made)
    assert (status, reason) == ("False", "TemplateRefused")
    assert "no such field: imge" in message
    assert bool(actions(made, PrepareVersion)) is again
    if not again:
        assert made.wake_at == NOW + 1


def test_a_stranger_s_pod_is_named_and_left_alone() -> None:
    made = planned(pods=[pod(RUNS), pod(name="theirs", owner_kind="ReplicaSet")])
    status, reason, message = ready_of(made)
    assert (status, reason) == ("False", "Stranger")
    assert "theirs" in message


def test_a_write_that_was_refused_for_good_is_told() -> None:
    refusal = Refusal("quota exceeded", "Forbidden", NOW)
    made = planned(refusals={"node/n1": refusal})
    assert ready_of(made) == (
        "False",
        "Forbidden",
        "node/n1: quota exceeded; tried again by itself",
    )


def test_a_key_that_is_under_way_is_left_out() -> None:
    empty = {"executions": [], "pods": [], "prepared": {1: Preparation(ok=True)}}
    assert actions(planned(**empty), CreateExecution)
    assert not actions(planned(**empty, busy=frozenset({"node/n1"})), CreateExecution)


def test_an_empty_target_gets_the_stable_version_as_wave_nought() -> None:
    made = planned(executions=[], pods=[], prepared={1: Preparation(ok=True)})
    assert [(each.version, each.wave) for each in actions(made, CreateExecution)] == [(1, 0)]


def test_it_wakes_when_a_back_off_ends() -> None:
    failed = execution(1, "Failed", updated=NOW - 4)
    made = planned(executions=[failed], pods=[])
    assert not actions(made, CreateExecution)
    assert made.wake_at == NOW + 6


def test_it_wakes_at_the_deadline_of_what_is_judged() -> None:
    claim = execution(1, version=2, created=NOW - 10)
    made = planned(**OPEN, executions=[claim], pods=[pod(claim)])
    assert made.wake_at == NOW + 50


def test_only_what_is_judged_is_probed() -> None:
    claim = execution(1, node="n2", version=2)
    made = planned(
        **OPEN, nodes=TWO, executions=[RUNS, claim], pods=[pod(RUNS), pod(claim, uid="pod-2")]
    )
    assert [each.pod_uid for each in made.probes] == ["pod-2"]
    source = made.probes[0].source
    assert source is not None
    assert (source.port, source.errors) == (8080, ("errors",))


def test_a_suspended_job_is_neither_probed_nor_judged() -> None:
    claim = execution(1, version=2)
    made = planned(**OPEN, executions=[claim], pods=[pod(claim)], job=job(job_spec(suspend=True)))
    assert made.probes == ()
    assert not actions(made, CreateExecution)


BEHIND = [execution(1, node=name, stable=True) for name in ("n1", "n2", "n3")]
NOW_V2 = {
    "versions": [V1, version(2, stable_at=NOW - 5)],
    "deployments": [DONE, deployment(2, "Completed")],
    "nodes": [node(name) for name in ("n1", "n2", "n3")],
    "prepared": {2: Preparation(ok=True)},
}


def test_after_a_rollout_that_completed_the_rest_catches_up_by_places() -> None:
    pods = [pod(each, uid=f"p-{each.node}") for each in BEHIND]
    made = planned(**NOW_V2, executions=BEHIND, pods=pods)
    caught = actions(made, CreateExecution)
    assert [(each.version, each.wave) for each in caught] == [(2, 0), (2, 0)], "maxParallel is 2"


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_after_one_that_failed_or_was_canceled_nodes_keep_what_they_run(state: str) -> None:
    ended = {**NOW_V2, "deployments": [DONE, deployment(2, state, reason="Canceled")]}
    made = planned(**ended, executions=BEHIND, pods=[pod(each, uid=each.uid) for each in BEHIND])
    assert not actions(made, CreateExecution)


def test_a_node_that_failed_the_version_is_not_caught_up() -> None:
    failed, taken = execution(2, "Failed", version=2), execution(1, "Stopped", stable=True)
    back = execution(3, stable=True, wave=0)
    made = planned(
        **{**NOW_V2, "nodes": [node("n1")]}, executions=[taken, failed, back], pods=[pod(back)]
    )
    assert not actions(made, CreateExecution)


def test_sizes_are_pinned_before_the_first_node_is_taken() -> None:
    ready = {"nodes": TWO, "prepared": {2: Preparation(ok=True)}, "versions": OPEN["versions"]}
    unpinned = deployment(2, "InProgress", started=None)
    first = planned(**ready, deployments=[DONE, unpinned])
    assert not [each for each in actions(first, CreateExecution) if each.version == 2]
    pins = [each.status for each in actions(first, SetStatus) if each.name == "app-v2"]
    assert pins[0]["totalNodes"] == 2
