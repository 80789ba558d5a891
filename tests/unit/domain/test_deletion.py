"""What becomes of pods whose job is being deleted, is gone, or was another of the same name."""

from __future__ import annotations

import pytest

from unit.domain.builders import NOW, execution, job, observed, pod
from wavegate.domain.actions import DeletePod, Urgency
from wavegate.domain.deletion import remove_ownerless, stop_everything, stop_former
from wavegate.domain.observed import Observed, PullView
from wavegate.domain.plan import plan

pytestmark = pytest.mark.row("Deletion")

OURS = execution(1, stable=True)
FORMER = execution(4, uid="ex-former", node="n2", owner_uid="former job")


def seen(**fields: object) -> Observed:
    pods = (
        pod(OURS, name="ours", uid="p1", resource_version="11"),
        pod(FORMER, name="former", uid="p2"),
        pod(name="stranger", uid="p3"),
    )
    values = {"executions": (OURS,), "former": (FORMER,), "pods": pods, **fields}
    return observed(**values)


def deleted(steps: object) -> list[str]:
    assert isinstance(steps, list | tuple)
    return [action.name for step in steps for action in step.actions]


def test_a_deleted_job_s_pods_are_deleted_at_once_and_strangers_are_left() -> None:
    assert deleted(stop_everything(seen())) == ["ours", "former"]


def test_each_delete_names_exactly_the_pod_that_was_seen() -> None:
    step = stop_everything(seen())[0]
    action = step.actions[0]
    assert isinstance(action, DeletePod)
    assert (action.uid, action.resource_version) == ("p1", "11")
    assert (step.key, step.urgency) == ("node/n1", Urgency.REMOVE)


def test_an_orphaned_job_s_pods_are_left_alone() -> None:
    orphaned = seen(job=job(deleting=True, orphaning=True))
    assert stop_everything(orphaned) == []
    assert plan(orphaned).steps == ()


def test_of_a_former_job_of_the_name_only_its_own_pods_go() -> None:
    assert deleted(stop_former(seen())) == ["former"]


def test_a_pod_that_is_going_already_is_not_deleted_again() -> None:
    going = pod(OURS, deletion=NOW + 30)
    assert stop_everything(seen(pods=(going,))) == []


def test_a_job_being_deleted_gets_no_children_and_no_status() -> None:
    steps = plan(seen(job=job(deleting=True))).steps
    assert deleted(steps) == ["ours", "former"]
    assert all(isinstance(action, DeletePod) for step in steps for action in step.actions)


def test_a_pod_without_an_owner_uid_is_nobody_s() -> None:
    in_flight = execution(2, uid="", assumed=True)
    assert stop_everything(seen(executions=(in_flight,), former=(), pods=(pod(),))) == []


def test_a_step_that_is_under_way_is_not_asked_for_again() -> None:
    assert deleted(plan(seen(job=job(deleting=True), busy=frozenset({"node/n1"}))).steps) == [
        "former"
    ]


def test_where_the_kind_is_gone_every_pod_that_an_execution_controlled_goes() -> None:
    bare = seen(executions=(), former=(), kind_gone=True)
    assert deleted(remove_ownerless(bare)) == ["ours", "former"]
    assert deleted(plan(bare).steps) == ["ours", "former"], "and nothing else is done"
    assert deleted(plan(seen(executions=(), former=())).steps) != ["ours", "former"]


@pytest.mark.row("Pre-pull")
def test_pods_that_pull_its_images_go_with_a_job_and_with_the_kinds() -> None:
    pulls = (PullView("pull", "p9", "4", "n1", "jv-1"),)
    assert deleted(stop_everything(seen(pulls=pulls)))[-1] == "pull"
    assert deleted(remove_ownerless(seen(pulls=pulls)))[-1] == "pull"
    orphaned = seen(job=job(deleting=True, orphaning=True), pulls=pulls)
    assert stop_everything(orphaned) == []
