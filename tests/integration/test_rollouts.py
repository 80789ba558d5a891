"""Rollouts by the real operator process on the real API server, with simulated nodes."""

from __future__ import annotations

import pytest

from support.jobs import container
from support.operator_process import OperatorProcess
from support.rollouts import awaits, settled_on, unsettled, waves
from support.space import Availability, Space

pytestmark = pytest.mark.cluster


@pytest.mark.row("Waves", "Places")
def test_a_version_reaches_every_node_wave_by_wave_and_no_wave_is_too_large(
    settled: Space,
) -> None:
    with Availability(settled, "app") as seen:
        settled.apply("app", container("app:2", canaryCount=2, maxParallel=4))
        settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))
    assert waves(settled, 2) == {1: 2, 2: 4, 3: 4, 4: 4, 5: 4, 6: 2}
    assert seen.samples > 20
    assert 0 < seen.worst <= 4
    status = settled.deployment("app-v2")
    assert (status["state"], status["totalNodes"], status["updatedNodes"]) == ("Completed", 20, 20)
    versions = {v["metadata"]["name"]: v for v in settled.list("JobVersion")}
    assert versions["app-v2"]["status"]["stable"] is True


def test_a_canary_that_fails_is_taken_back_and_nobody_else_was_touched(settled: Space) -> None:
    settled.apply("app", container("app:2", fate="never-ready", canaryCount=2))
    settled.wait(
        "the rollback has completed",
        lambda: settled.deployment("app-v2-rollback").get("state") == "Completed",
    )
    settled.wait("the job says so", lambda: settled.condition("app").get("reason") == "RolledBack")
    settled.wait("v1 runs everywhere", lambda: set(settled.running("app").values()) == {"1"})
    assert settled.deployment("app-v2")["reason"] == "CanaryFailed"
    assert settled.deployment("app-v2")["failures"][0]["reason"] == "DeadlineExceeded"
    touched = {each["spec"]["nodeName"] for each in settled.executions("app", 2)}
    assert touched <= set(settled.deployment("app-v2")["canaryNodes"])
    assert len(touched) == 2
    job = settled.get("FleetJob", "app")
    assert job is not None
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "app:2", (
        "spec is the user's"
    )
    assert (job["status"]["stableVersion"], job["status"]["failedVersion"]) == (1, 2)


def test_a_later_wave_that_fails_takes_every_touched_node_back(settled: Space) -> None:
    order = settled.deployment("app-v1")
    assert order["state"] == "Completed"
    settled.apply("app", container("app:2", autoPromote=False))
    settled.wait("it waits for a person", lambda: awaits(settled, "app-v2"))
    canary = settled.deployment("app-v2")["canaryNodes"][0]
    bad = sorted(set(settled.running("app")) - {canary})
    fate_on = ",".join(f"{node}=crash" for node in bad)
    settled.apply("app", container("app:3", fate_on=fate_on, canaryCount=1, maxFailedNodes=1))
    settled.wait(
        "the rollback has completed",
        lambda: settled.deployment("app-v3-rollback").get("state") == "Completed",
    )
    settled.wait("v1 runs everywhere", lambda: set(settled.running("app").values()) == {"1"})
    assert settled.deployment("app-v3")["reason"] == "BudgetExceeded"


def test_a_canary_waits_for_a_person_who_promotes_it(settled: Space) -> None:
    settled.apply("app", container("app:2", autoPromote=False))
    settled.wait("it waits for a person", lambda: awaits(settled, "app-v2"))
    settled.wait("the job says so", lambda: settled.job_state("app") == "RolloutPaused")
    assert waves(settled, 2) == {1: 1}
    settled.patch("FleetDeployment", "app-v2", {"promoted": True})
    settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))


def test_pause_takes_no_further_node_and_resume_goes_on(settled: Space) -> None:
    settled.apply("app", container("app:2"))
    settled.wait("wave 2 has begun", lambda: waves(settled, 2)[2] > 0)
    settled.patch("FleetDeployment", "app-v2", {"paused": True})
    settled.wait("it says so", lambda: settled.deployment("app-v2").get("reason") == "Paused")
    settled.wait("wave 2 is judged", lambda: not unsettled(settled, 2))
    taken = waves(settled, 2)
    revision = settled.deployment("app-v2")["revision"]
    settled.patch("FleetDeployment", "app-v2", {"paused": False})
    settled.wait("it goes on", lambda: settled.deployment("app-v2")["revision"] > revision)
    assert max(taken) == 2
    settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))


def test_cancel_ends_the_rollout_and_nodes_keep_what_they_run(settled: Space) -> None:
    settled.apply("app", container("app:2"))
    settled.wait("wave 2 has begun", lambda: waves(settled, 2)[2] > 0)
    settled.patch("FleetDeployment", "app-v2", {"canceled": True})
    settled.wait("it ended", lambda: settled.deployment("app-v2").get("state") == "Canceled")
    settled.wait("what was begun is judged", lambda: not unsettled(settled, 2))
    settled.wait("the job says so", lambda: settled.condition("app").get("reason") == "Canceled")
    assert len(waves(settled, 2)) == 2
    assert set(settled.running("app").values()) == {"1", "2"}
    assert settled.get("FleetDeployment", "app-v2-rollback") is None


def test_a_newer_version_supersedes_the_open_one_in_mid_wave(settled: Space) -> None:
    settled.apply("app", container("app:2"))
    settled.wait("wave 2 has begun", lambda: waves(settled, 2)[2] > 0)
    settled.apply("app", container("app:3"))
    settled.wait("v3 runs on every node", lambda: settled_on(settled, 3))
    old = settled.deployment("app-v2")
    assert (old["state"], old["reason"]) == ("Canceled", "Superseded")
    assert waves(settled, 3)[1] == 1, "it starts from its canary"


def test_suspend_stops_every_execution_and_unsuspending_starts_them(settled: Space) -> None:
    settled.patch("FleetJob", "app", {"suspend": True})
    settled.wait("nothing runs", lambda: not settled.list("Pod"))
    settled.wait("it says so", lambda: settled.condition("app").get("reason") == "Suspended")
    assert settled.job_state("app") == "Stopped"
    settled.patch("FleetJob", "app", {"suspend": False})
    settled.wait("v1 runs on every node", lambda: settled_on(settled, 1))


def test_a_first_version_that_fails_has_no_way_back_and_says_so(
    space: Space,
    operator: OperatorProcess,
) -> None:
    space.apply("app", container("app:1", fate="crash"))
    space.wait("it failed", lambda: space.job_state("app") == "RolloutFailed")
    ready = space.condition("app")
    assert (ready["status"], ready["reason"]) == ("False", "CanaryFailed")
    assert "exit code 1" in ready["message"]
    assert len(space.executions("app")) == 1
    space.delete("FleetJob", "app")


@pytest.mark.row("Deletion")
def test_a_deleted_job_leaves_nothing(settled: Space) -> None:
    settled.delete("FleetJob", "app")
    settled.wait("no pod is left", lambda: not settled.list("Pod"))
    for kind in ("Execution", "JobVersion", "FleetDeployment"):
        settled.wait(f"no {kind} is left", lambda kind=kind: not settled.list(kind))


def test_a_refused_template_starts_no_rollout_and_other_jobs_go_on(
    cluster_client: object,
    operator: OperatorProcess,
    request: pytest.FixtureRequest,
) -> None:
    name = f"refused-{abs(hash(request.node.name)) % 100000}"
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    space = Space(cluster_client, name, **labels)  # type: ignore[arg-type]
    bad = container("app:1", strategy="Immediate")
    bad["template"]["spec"]["hostNetwork"] = True
    space.apply("bad", bad)
    space.apply("app", container("app:1", strategy="Immediate"))
    space.wait("it is refused", lambda: space.condition("bad").get("reason") == "TemplateRefused")
    assert "hostNetwork" in space.condition("bad")["message"]
    assert space.condition("bad", "Stalled")["status"] == "True"
    assert not space.executions("bad")
    space.wait("the other job runs", lambda: settled_on(space, 1))
    space.client.delete(f"/api/v1/namespaces/{name}")


@pytest.mark.row("Conditions")
def test_a_selector_that_matches_nothing_is_a_condition(
    space: Space,
    operator: OperatorProcess,
) -> None:
    spec = container("app:1")
    spec["selector"] = {"matchLabels": {"pool": "nowhere"}}
    space.apply("app", spec)
    space.wait("it says so", lambda: space.condition("app").get("reason") == "NoMatchingNodes")
    assert space.deployment("app-v1")["state"] == "Pending"
    assert space.condition("app")["status"] == "True"
