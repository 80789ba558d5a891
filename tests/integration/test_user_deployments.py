"""Restart, Rollback and Stop on the real API server, applied and reapplied as from Git."""

from __future__ import annotations

from typing import Any

import pytest

from support.jobs import container
from support.rollouts import settled_on, waves
from support.space import Space

pytestmark = pytest.mark.cluster


def from_git(space: Space, name: str, **spec: Any) -> None:
    """Server-side apply of a FleetDeployment by the field manager of a GitOps tool."""
    body = {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": name, "namespace": space.name, "labels": {"app": "from-git"}},
        "spec": {"jobName": "app", **spec},
    }
    path = f"{space.path('FleetDeployment', name)}?fieldManager=gitops"
    space.client.request("PATCH", path, body, content="application/apply-patch+yaml")


def ended(space: Space, name: str, state: str) -> bool:
    return bool(space.deployment(name).get("state") == state)


def pods(space: Space) -> set[str]:
    return {pod["metadata"]["uid"] for pod in space.list("Pod")}


@pytest.mark.row("Restart", "User deployments", "spec.type", "spec.jobName")
def test_a_restart_kept_in_git_runs_once_and_nothing_of_it_but_its_status_is_written(
    settled: Space,
) -> None:
    before = pods(settled)
    from_git(settled, "again", type="Restart", rollout={"strategy": "Rolling", "maxParallel": 10})
    settled.wait("it completed", lambda: ended(settled, "again", "Completed"))
    settled.wait("v1 runs everywhere", lambda: settled_on(settled, 1))
    after = pods(settled)
    assert len(after) == 20
    assert not after & before, "every pod is a new one"
    made = settled.get("FleetDeployment", "again")
    assert made is not None
    writers = {
        (each["manager"], each.get("subresource", "")) for each in made["metadata"]["managedFields"]
    }
    assert {manager for manager, sub in writers if not sub} == {"gitops"}
    assert "ownerReferences" not in made["metadata"]
    assert made["metadata"]["labels"] == {"app": "from-git"}
    status = made["status"]
    assert status["resolved"]["toVersion"] == 1
    assert status["resolved"]["rollout"]["strategy"] == "Rolling"
    # Applied again, as a GitOps tool does every few minutes: nothing happens.
    from_git(settled, "again", type="Restart", rollout={"strategy": "Rolling", "maxParallel": 10})
    settled.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    settled.wait("the job is as it was", lambda: settled_on(settled, 1))
    assert pods(settled) == after
    chains = {each["spec"]["attempt"]: each for each in settled.executions("app")}
    assert chains[1]["status"]["nextExecution"].endswith("-2")
    assert chains[2]["status"]["previousExecution"].endswith("-1")


@pytest.mark.row("Rollback to a version", "spec.toVersion", "status.rollout.rollbackToVersion")
def test_a_rollback_to_a_version_holds_against_words_and_ends_with_another_workload(
    settled: Space,
) -> None:
    quick = {"strategy": "Rolling", "maxParallel": "100%"}
    settled.apply("app", container("app:2", **quick))
    settled.wait("v2 runs everywhere", lambda: settled_on(settled, 2))
    from_git(settled, "back", type="Rollback", toVersion=1)
    settled.wait("it completed", lambda: ended(settled, "back", "Completed"))
    settled.wait("the job says so", lambda: settled.condition("app").get("reason") == "RolledBack")
    assert set(settled.running("app").values()) == {"1"}
    job = settled.get("FleetJob", "app")
    assert job is not None
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "app:2"
    assert job["status"]["rollout"]["rollbackToVersion"] == 2, "the version that was left"
    words = container("app:2", **quick)
    words["meta"] = {"note": "the same in other words"}
    settled.apply("app", words)
    settled.wait("v3 is made", lambda: settled.get("JobVersion", "app-v3"))
    settled.wait(
        "the job knows it", lambda: (settled.get("FleetJob", "app") or {})["status"]["version"] == 3
    )
    assert settled.get("FleetDeployment", "app-v3") is None
    assert set(settled.running("app").values()) == {"1"}
    settled.apply("app", container("app:4", **quick))
    settled.wait("v4 runs everywhere", lambda: settled_on(settled, 4))


@pytest.mark.row("Stop")
def test_a_stop_supersedes_an_open_rollout_and_a_restart_starts_every_node_again(
    settled: Space,
) -> None:
    settled.apply("app", container("app:2"))
    settled.wait("wave 2 has begun", lambda: waves(settled, 2)[2] > 0)
    from_git(settled, "halt", type="Stop")
    settled.wait("it completed", lambda: ended(settled, "halt", "Completed"))
    assert settled.list("Pod") == []
    assert settled.deployment("app-v2")["reason"] == "Superseded"
    settled.wait("the job says so", lambda: settled.condition("app").get("reason") == "Stopped")
    assert settled.job_state("app") == "Stopped"
    from_git(
        settled, "again", type="Restart", rollout={"strategy": "Rolling", "maxParallel": "100%"}
    )
    settled.wait("it completed", lambda: ended(settled, "again", "Completed"))
    settled.wait("v1 runs everywhere", lambda: set(settled.running("app").values()) == {"1"})
    assert len(settled.running("app")) == 20


@pytest.mark.row("User deployments", "Restart")
def test_what_cannot_be_done_is_refused_with_the_field_and_the_way_out(settled: Space) -> None:
    from_git(settled, "nowhere", type="Rollback", toVersion=9)
    settled.wait("it is refused", lambda: ended(settled, "nowhere", "Failed"))
    refused = settled.deployment("nowhere")
    assert refused["reason"] == "VersionMissing"
    assert "spec.toVersion: the job has no v9; it has v1" in refused["message"]
    settled.apply("app", container("app:2", autoPromote=False))
    settled.wait("v2's canary is taken", lambda: waves(settled, 2)[1] > 0)
    from_git(settled, "again", type="Restart")
    settled.wait("it is refused", lambda: ended(settled, "again", "Failed"))
    assert settled.deployment("again")["reason"] == "RolloutOpen"
    assert "app-v2" in settled.deployment("again")["message"]
    assert settled.deployment("app-v2")["state"] in ("InProgress", "Paused")


@pytest.mark.row("User deployments")
def test_one_for_a_job_that_is_not_there_waits_and_one_of_a_former_job_ends(
    space: Space, operator: object
) -> None:
    from_git(space, "again", type="Restart", toVersion=1)
    space.wait("it waits", lambda: space.deployment("again").get("reason") == "JobMissing")
    assert space.deployment("again")["state"] == "Pending"
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait(
        "it ended", lambda: space.deployment("again").get("state") in ("Completed", "Failed")
    )
    from_git(space, "halt", type="Stop")
    space.wait("it completed", lambda: ended(space, "halt", "Completed"))
    space.delete("FleetJob", "app")
    space.wait("its own are gone", lambda: space.get("FleetDeployment", "app-v1") is None)
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait("a former job's Stop does not hold", lambda: settled_on(space, 1))
    assert space.deployment("halt")["state"] == "Completed", "and is the user's to remove"
    space.delete("FleetJob", "app")


@pytest.mark.row("spec.revisionHistoryLimit", "Retention")
def test_old_versions_and_their_deployments_go_beyond_the_limit(
    space: Space, operator: object
) -> None:
    for number in range(1, 6):
        spec = container(f"app:{number}", strategy="Rolling", maxParallel="100%")
        spec["selector"] = {"matchIds": ["sim-001", "sim-002"]}
        space.apply("app", {**spec, "revisionHistoryLimit": 1})
        runs = {"sim-001": str(number), "sim-002": str(number)}
        space.wait(f"v{number} runs", lambda runs=runs: space.running("app") == runs)
        name = f"app-v{number}"
        space.wait(f"v{number} is stable", lambda name=name: ended(space, name, "Completed"))
    kept = ["app-v3", "app-v4", "app-v5"]
    for kind in ("JobVersion", "FleetDeployment"):
        space.wait(
            f"the old {kind}s are gone",
            lambda kind=kind: [o["metadata"]["name"] for o in space.list(kind)] == kept,
        )
    maps = space.client.get(f"/api/v1/namespaces/{space.name}/configmaps")["items"]
    assert not [each for each in maps if each["metadata"]["name"] in ("app-v1", "app-v2")]
    space.delete("FleetJob", "app")
