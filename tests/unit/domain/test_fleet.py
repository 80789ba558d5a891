"""The working view of a pass: which versions, chains and workloads it sees."""

from __future__ import annotations

from dataclasses import replace
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
    pod,
    version,
)

IMMEDIATE = version(
    1, spec=job_spec(rollout={"strategy": "Immediate", "healthCheck": None, "autoPromote": None})
)


def test_the_stable_version_is_the_one_whose_rollout_completed_last() -> None:
    assert fleet(versions=[version(1)]).stable is None
    back = version(1, stable_at=NOW)
    found = fleet(versions=[back, version(2, stable=True), version(3)]).stable
    assert found is back, "a rollback makes an earlier one stable again"


@pytest.mark.parametrize(
    ("deployments", "failed"),
    [
        pytest.param([deployment(2, "Failed")], {"w2"}, id="its rollout failed"),
        pytest.param([deployment(2, "Canceled", reason="Canceled")], {"w2"}, id="canceled"),
        pytest.param([deployment(2, "Canceled", reason="Superseded")], set(), id="superseded"),
        pytest.param(
            [deployment(2, "Failed", reason="QueueTimeout")], set(), id="nothing of it ever ran"
        ),
        pytest.param([deployment(2)], set(), id="still open"),
        pytest.param([deployment(2, "Failed", type="Rollback")], set(), id="a failed rollback"),
        pytest.param(
            [deployment(2, "Failed"), deployment(3, "Completed", workload_hash="w2")],
            set(),
            id="tried again, and well",
        ),
        pytest.param(
            [deployment(2, "Completed"), deployment(3, "Failed", workload_hash="w2")],
            {"w2"},
            id="well at first, then failed",
        ),
    ],
)
def test_which_workloads_have_failed(deployments: list[Any], failed: set[str]) -> None:
    assert fleet(deployments=deployments).failed_workloads == failed


def test_only_children_of_this_very_job_are_seen() -> None:
    own, foreign = deployment(2), deployment(3, owner_uid="another job")
    assert fleet(deployments=[own, foreign]).deployments == (own,)


def test_what_is_being_deleted_is_gone_for_every_rule() -> None:
    view = fleet(versions=[version(1, deleting=True)], executions=[execution(1, deleting=True)])
    assert not view.versions
    assert not view.chains


def test_pods_are_grouped_by_node_and_strangers_are_set_apart() -> None:
    claim = execution(1)
    stranger = pod(name="stranger", owner_kind="ReplicaSet", owner_uid="rs")
    view = fleet(executions=[claim], pods=[pod(claim), stranger])
    assert [each.name for each in view.chains["n1"].pods] == ["app-pod"]
    assert view.strangers == (stranger,)


def test_nodes_are_ordered_by_job_and_name_not_by_the_order_of_arrival() -> None:
    names = [f"n{number}" for number in range(20)]
    first, second = fleet(), fleet(job=job(uid="another"))
    assert first.ordered(names) == first.ordered(reversed(names)) != names
    assert first.ordered(names) != second.ordered(names)


def test_a_node_of_the_same_name_with_another_uid_is_another_node() -> None:
    claim = execution(1)
    assert fleet().node_of(claim) is not None
    assert fleet(nodes=[node(uid="another")]).node_of(claim) is None
    assert fleet(nodes=[]).node_of(claim) is None


def stability(claim: Any, with_pod: Any = None, **fields: Any) -> float | None:
    pods = [with_pod] if with_pod is not None else []
    view = fleet(**{"versions": [IMMEDIATE], "executions": [claim], "pods": pods, **fields})
    current = view.chains["n1"].current
    assert current is not None
    return current.stable_at


RAN = execution(1, updated=NOW - 10)


def test_without_windows_ten_seconds_of_readiness_make_it_stable() -> None:
    assert stability(RAN, pod(RAN)) == NOW
    young = replace(RAN, updated=NOW - 9)
    assert stability(young, pod(young)) is None


def test_a_pod_that_did_not_stay_ready_for_ten_seconds_proves_nothing() -> None:
    assert stability(RAN, pod(RAN, ready=False, ready_changed=NOW - 5)) is None
    later = replace(RAN, updated=NOW - 60)
    assert stability(later, pod(later, ready=False, ready_changed=NOW - 5)) == NOW - 50


def test_with_windows_only_a_record_makes_it_stable() -> None:
    assert stability(RAN, pod(RAN), versions=[version(1)]) is None


@pytest.mark.parametrize("state", ["Pending", "Starting", "Failed", "Stopped"])
def test_what_never_ran_is_not_stable(state: str) -> None:
    assert stability(replace(RAN, observed=state), pod(RAN)) is None


def test_the_grace_of_a_version_is_its_template_s_or_thirty_seconds() -> None:
    patient = job_spec(
        template={
            "spec": {
                "terminationGracePeriodSeconds": 90,
                "containers": [{"name": "main", "image": "a"}],
            }
        }
    )
    assert fleet().grace(version(1)) == 30
    assert fleet().grace(version(1, spec=patient)) == 90
    assert fleet().grace(None) == 30
