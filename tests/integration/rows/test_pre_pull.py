"""spec.rollout.prePull: pods that pull the next wave's images, as a watch sees them come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.diary import Diary
from support.few import deploy, few, health, runs
from support.operator_process import OperatorProcess
from support.rollouts import awaits
from support.space import Document, Space

pytestmark = pytest.mark.cluster

FIVE = [f"sim-{number:03}" for number in range(1, 6)]
LEASE = "/apis/coordination.k8s.io/v1/namespaces/wavegate-system/leases/wavegate"


def five(image: str, **more: Any) -> Document:
    """A job on five nodes: a canary, then two waves of two, their images pulled early."""
    settings = {"strategy": "Canary", "maxParallel": 2, "autoPromote": False, "prePull": True}
    return few(image, nodes=FIVE, **settings, **more)


def pulls(space: Space) -> dict[str, Document]:
    """By node, the pods that only pull images."""
    found = [p for p in space.list("Pod") if "wavegate.dev/pull" in p["metadata"]["labels"]]
    return {pod["spec"]["nodeName"]: pod for pod in found if "nodeName" in pod["spec"]}


@pytest.fixture
def at_the_gate(jobs: Space) -> Iterator[tuple[Space, Diary]]:
    """v2 waits at its gate, and the images of its second wave are being pulled."""
    jobs.apply("app", few("app:1", nodes=FIVE, prePull=True))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    with Diary(jobs) as diary:
        jobs.apply("app", five("app:2"))
        jobs.wait("v2 waits at its gate", lambda: awaits(jobs, "app-v2"))
        jobs.wait("two nodes pull its image", lambda: len(pulls(jobs)) == 2)
        yield jobs, diary


@pytest.mark.row("spec.rollout.prePull", "Pre-pull")
def test_row_spec_rollout_pre_pull(at_the_gate: tuple[Space, Diary]) -> None:
    space, diary = at_the_gate
    first = set(pulls(space))
    for pod in pulls(space).values():
        (by,) = pod["metadata"]["ownerReferences"]
        assert (by["kind"], by["name"]) == ("JobVersion", "app-v2")
        assert [each["image"] for each in pod["spec"]["containers"]] == ["app:2"]
        assert "wavegate.dev/job" not in pod["metadata"]["labels"]
    assert set(space.running("app")) == set(FIVE), "they occupy nothing"
    space.patch("FleetDeployment", "app-v2", {"promoted": True})
    space.wait("v2 runs", lambda: runs(space, 2, FIVE))
    space.wait("no image is pulled any more", lambda: not pulls(space))
    taken = {e["spec"]["nodeName"]: e["spec"]["rolloutWave"] for e in space.executions("app", 2)}
    assert {taken[node] for node in first} == {2}
    assert diary.most_pulls_at_once() == 2
    assert {e.node for e in diary.entries if e.pulls} == {n for n in FIVE if taken[n] > 1}
    assert len(diary.pulled()) == 4, "one for each node but the canary's"


def cancel(space: Space) -> None:
    space.patch("FleetDeployment", "app-v2", {"canceled": True})


def suspend(space: Space) -> None:
    space.apply("app", five("app:2", spec={"suspend": True}))


def go_back(space: Space) -> None:
    body = {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": "back"},
        "spec": {"jobName": "app", "type": "Rollback", "toVersion": 1},
    }
    space.client.request("POST", space.path("FleetDeployment"), body)


def delete(space: Space) -> None:
    space.delete("FleetJob", "app")


@pytest.mark.row("Pre-pull", "Cancel", "Suspend", "Deletion")
@pytest.mark.parametrize("end", [cancel, suspend, go_back, delete])
def test_row_pre_pull_ends_with_its_rollout(at_the_gate: tuple[Space, Diary], end: Any) -> None:
    space, diary = at_the_gate
    end(space)
    space.wait("no image is pulled any more", lambda: not pulls(space))
    assert diary.most_pulls_at_once() == 2
    assert len(diary.pulled()) == 2


@pytest.mark.row("Pre-pull", "Rollback")
def test_row_pre_pull_ends_when_the_gate_refuses(jobs: Space) -> None:
    jobs.apply("app", few("app:1", nodes=FIVE))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    with Diary(jobs) as diary:
        bad = five("app:2", fate="never-ready", healthCheck=health(deadline="6s"))
        jobs.apply("app", bad)
        jobs.wait("images are pulled", lambda: len(pulls(jobs)) == 2)
        jobs.wait(
            "v1 is back",
            lambda: jobs.deployment("app-v2-rollback").get("state") == "Completed",
        )
        jobs.wait("no image is pulled any more", lambda: not pulls(jobs))
    assert diary.most_pulls_at_once() == len(diary.pulled()) == 2


@pytest.mark.row("FleetDeployment.spec.rollout.prePull")
def test_row_deployment_spec_rollout_pre_pull(jobs: Space) -> None:
    """A Restart of its own settings: the image is asked for at each start, so it may be new."""
    jobs.apply("app", few("app:latest", nodes=FIVE))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    with Diary(jobs) as diary:
        own = {"strategy": "Rolling", "maxParallel": 2, "prePull": True}
        deploy(jobs, "again", type="Restart", rollout=own)
        jobs.wait("it has ended", lambda: jobs.deployment("again").get("state") == "Completed")
        jobs.wait("no image is pulled any more", lambda: not pulls(jobs))
    assert len(diary.pulled()) == 3, "all but the first wave's"


def asks_for_cpu(spec: Document) -> Document:
    spec["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "10m"}}
    return spec


@pytest.mark.row("Pre-pull")
def test_row_pre_pull_where_its_pods_are_refused(jobs: Space) -> None:
    """The namespace admits no container that asks for as little as theirs do."""
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "least"},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "5m"}}]},
    }
    jobs.client.request("POST", f"/api/v1/namespaces/{jobs.name}/limitranges", limits)
    jobs.apply("app", asks_for_cpu(few("app:1", nodes=FIVE)))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    with Diary(jobs) as diary:
        jobs.apply("app", asks_for_cpu(five("app:2")))
        jobs.wait("v2 waits at its gate", lambda: awaits(jobs, "app-v2"))
        jobs.wait(
            "the rollout says so",
            lambda: "minimum cpu usage" in jobs.deployment("app-v2")["message"],
        )
        assert "without spec.rollout.prePull" in jobs.deployment("app-v2")["message"]
        jobs.wait("the job is paused", lambda: jobs.job_state("app") == "RolloutPaused")
        jobs.patch("FleetDeployment", "app-v2", {"promoted": True})
        jobs.wait("v2 runs", lambda: runs(jobs, 2, FIVE))
    assert diary.pulled() == []
    assert "prePull" not in jobs.deployment("app-v2")["message"]


@pytest.mark.alone
@pytest.mark.row("Pre-pull")
def test_row_pre_pull_where_the_operator_is_killed_in_between(
    at_the_gate: tuple[Space, Diary], operator: OperatorProcess
) -> None:
    space, diary = at_the_gate
    operator.kill()
    space.client.delete(LEASE)  # as if its 15 s had passed
    space.patch("FleetDeployment", "app-v2", {"promoted": True})
    operator.start()
    space.wait("the second wave has begun", lambda: space.deployment("app-v2")["currentWave"] == 2)
    operator.kill()
    space.client.delete(LEASE)
    cancel(space)
    operator.start()
    space.wait("no image is pulled any more", lambda: not pulls(space))
    assert diary.most_pulls_at_once() == 2
