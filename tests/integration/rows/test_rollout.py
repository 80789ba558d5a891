"""What a job's rollout section says of waves, gates, budgets and the way back."""

from __future__ import annotations

import pytest

from support.few import (
    AT_ONCE,
    at,
    created,
    deploy,
    ended,
    few,
    health,
    job_of,
    runs,
    seen,
    spec_of,
    status_of,
    wave_sizes,
)
from support.rollouts import awaits
from support.space import Space

pytestmark = pytest.mark.cluster

FIVE = [f"sim-{number:03}" for number in range(1, 6)]
CANARY = {"strategy": "Canary", "autoPromote": True}
UNLIMITED = {"maxFailedNodes": 100, "maxFailedNodesPercent": 100}


@pytest.mark.row("spec.rollout.strategy", "Immediate", "Waves")
def test_row_spec_rollout_strategy(jobs: Space) -> None:
    given = {"maxParallel": 2, "canaryCount": 1, "autoPromote": True}
    jobs.apply("at-once", few(**given, strategy="Immediate", nodes=FIVE))
    jobs.apply("rolling", few(**given, strategy="Rolling", nodes=FIVE))
    jobs.apply("canary", few(**given, strategy="Canary", nodes=FIVE))
    for name in ("at-once", "rolling", "canary"):
        jobs.wait(f"{name} is complete", lambda name=name: runs(jobs, 1, FIVE, name))
    assert wave_sizes(jobs, 1, "at-once") == {1: 5}
    assert wave_sizes(jobs, 1, "rolling") == {1: 2, 2: 2, 3: 1}
    assert wave_sizes(jobs, 1, "canary") == {1: 1, 2: 2, 3: 2}


@pytest.mark.row(
    "spec.rollout.maxParallel",
    "FleetDeployment.status.waveSize",
    "FleetDeployment.status.currentWave",
    "FleetDeployment.status.totalWaves",
)
@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        pytest.param(4, {1: 4, 2: 1}, id="a number of nodes"),
        pytest.param("21%", {1: 2, 2: 2, 3: 1}, id="a share of the targets, rounded up"),
        pytest.param(None, {1: 1, 2: 1, 3: 1, 4: 1, 5: 1}, id="10% where it is not given"),
    ],
)
def test_row_spec_rollout_max_parallel(
    jobs: Space, size: int | str | None, sizes: dict[int, int]
) -> None:
    jobs.apply("app", few(strategy="Rolling", maxParallel=size, nodes=FIVE))
    jobs.wait("the first wave has begun", lambda: jobs.deployment("app-v1").get("currentWave") == 1)
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    assert wave_sizes(jobs, 1) == sizes
    status = jobs.deployment("app-v1")
    assert status["waveSize"] == sizes[1]
    assert status["currentWave"] == status["totalWaves"] == len(sizes)


def last_of(space: Space) -> str:
    """The node that the second wave of v1 took: every later version takes it last, too."""
    (last,) = [e for e in space.executions("app", 1) if e["spec"]["rolloutWave"] == 2]
    return str(last["spec"]["nodeName"])


@pytest.fixture
def in_two_waves(jobs: Space) -> Space:
    """A namespace with a job ``app`` whose first version took four nodes, then the fifth."""
    jobs.apply("app", few(strategy="Rolling", maxParallel=4, nodes=FIVE))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    return jobs


@pytest.mark.row(
    "spec.rollout.rollbackParallel",
    "FleetDeployment.spec.rollout.strategy",
    "FleetDeployment.spec.rollout.maxParallel",
    "FleetDeployment.spec.rollout.rollbackParallel",
    "FleetDeployment.spec.rollout.maxFailedNodes",
    "Places",
)
@pytest.mark.parametrize(
    ("given", "at_once"),
    [pytest.param(1, 1, id="one at a time"), pytest.param(None, 2, id="as maxParallel")],
)
def test_row_spec_rollout_rollback_parallel(
    in_two_waves: Space, given: int | None, at_once: int
) -> None:
    """Four nodes are stable on v2 when the fifth fails; they go back by v2's settings, not v1's."""
    space, last = in_two_waves, last_of(in_two_waves)
    settings = {"strategy": "Rolling", "maxParallel": 4, "maxFailedNodes": 0}
    bad = few("app:2", f"{last}=crash", **settings, rollbackParallel=given, nodes=FIVE)
    space.apply("app", bad)
    space.wait("v1 is back", lambda: ended(space, "app-v2-rollback"))
    space.wait("it runs", lambda: set(space.running("app").values()) == {"1"})
    assert space.deployment("app-v2-rollback")["state"] == "Completed"
    back = [
        each
        for each in space.executions("app", 1)
        if each["spec"].get("deploymentName") == "app-v2-rollback" and each["spec"]["rolloutWave"]
    ]
    assert len(back) == 4
    begun = sorted(created(each) for each in back)
    first_stable = min(at(each["status"]["stableAt"]) for each in back)
    assert sum(moment < first_stable for moment in begun) >= at_once
    assert (begun[-1] - begun[0] >= 3) is (at_once == 1), "each has to be stable before the next"


@pytest.mark.row("spec.rollout.canaryCount", "spec.rollout.canaryPercent")
@pytest.mark.parametrize(
    ("given", "canaries"),
    [
        pytest.param({"canaryCount": 2}, 2, id="a number of nodes"),
        pytest.param({"canaryPercent": 41}, 3, id="a share of the targets, rounded up"),
        pytest.param({"canaryCount": 2, "canaryPercent": 100}, 2, id="the number wins"),
        pytest.param({}, 1, id="one where neither is given"),
    ],
)
def test_row_spec_rollout_canary_size(jobs: Space, given: dict[str, int], canaries: int) -> None:
    jobs.apply("app", few(strategy="Canary", autoPromote=False, nodes=FIVE, **given))
    jobs.wait("it waits at its gate", lambda: awaits(jobs, "app-v1"))
    assert wave_sizes(jobs, 1) == {1: canaries}
    assert jobs.deployment("app-v1")["canaryNodes"] == sorted(jobs.running("app"))


@pytest.mark.row(
    "FleetDeployment.spec.rollout.strategy",
    "FleetDeployment.spec.rollout.canaryCount",
    "FleetDeployment.spec.rollout.canaryPercent",
    "FleetDeployment.spec.rollout.autoPromote",
    "FleetDeployment.spec.rollout.maxParallel",
    "Restart",
)
def test_row_deployment_rollout(jobs: Space) -> None:
    """Restarts by waves of their own, of a version that takes all nodes at once."""
    jobs.apply("app", few(strategy="Immediate", healthCheck=None, nodes=FIVE))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, FIVE))
    common = {"strategy": "Canary", "healthCheck": health()}
    deploy(
        jobs,
        "asks",
        type="Restart",
        rollout={**common, "canaryCount": 2, "autoPromote": False, "maxParallel": 3},
    )
    jobs.wait("it waits at its gate", lambda: awaits(jobs, "asks"))
    assert waves_of(jobs, "asks") == {1: 2}
    jobs.patch("FleetDeployment", "asks", {"promoted": True})
    jobs.wait("it is complete", lambda: ended(jobs, "asks"))
    assert waves_of(jobs, "asks") == {1: 2, 2: 3}
    deploy(
        jobs,
        "goes",
        type="Restart",
        rollout={**common, "canaryPercent": 60, "autoPromote": True, "maxParallel": 1},
    )
    jobs.wait("it is complete", lambda: ended(jobs, "goes"))
    assert waves_of(jobs, "goes") == {1: 3, 2: 1, 3: 1}


def waves_of(space: Space, deployment: str) -> dict[int, int]:
    """How many executions of the deployment each wave has."""
    specs = [each["spec"] for each in space.executions("app")]
    waves = [each["rolloutWave"] for each in specs if each["deploymentName"] == deployment]
    return {wave: waves.count(wave) for wave in sorted(waves)}


@pytest.mark.row(
    "spec.rollout.autoPromote",
    "FleetDeployment.spec.promoted",
    "FleetDeployment.status.canaryNodes",
    "FleetDeployment.status.canaryPromoted",
    "status.rollout.canaryNodes",
    "status.rollout.canaryPromoted",
    "Gate",
    "Promote",
)
def test_row_spec_rollout_auto_promote(jobs: Space) -> None:
    jobs.apply("asks", few(**CANARY | {"autoPromote": False}))
    jobs.apply("goes", few(**CANARY))
    jobs.wait("one goes on by itself", lambda: runs(jobs, 1, job="goes"))
    assert jobs.deployment("goes-v1")["canaryPromoted"] is True
    jobs.wait("one asks", lambda: awaits(jobs, "asks-v1"))
    assert wave_sizes(jobs, 1, "asks") == {1: 1}
    (canary,) = jobs.running("asks")
    for status in (jobs.deployment("asks-v1"), status_of(jobs, "asks")["rollout"]):
        assert status["canaryNodes"] == [canary]
        assert "canaryPromoted" not in status
    jobs.patch("FleetDeployment", "asks-v1", {"promoted": True})
    jobs.wait("it goes on", lambda: runs(jobs, 1, job="asks"))
    assert jobs.deployment("asks-v1")["canaryPromoted"] is True
    assert status_of(jobs, "asks")["rollout"]["canaryPromoted"] is True


@pytest.mark.row(
    "spec.rollout.maxFailedNodes",
    "spec.rollout.maxFailedNodesPercent",
    "FleetDeployment.status.failedNodes",
    "status.rollout.failedNodes",
    "status.nodes.failed",
    "Budget",
)
@pytest.mark.parametrize(
    ("budget", "state"),
    [
        pytest.param({"maxFailedNodes": 1}, "Completed", id="as many nodes as it tolerates"),
        pytest.param({"maxFailedNodes": 0}, "Failed", id="more nodes than it tolerates"),
        pytest.param({"maxFailedNodesPercent": 20}, "Completed", id="the share it tolerates"),
        pytest.param({"maxFailedNodesPercent": 19}, "Failed", id="a greater share"),
    ],
)
def test_row_spec_rollout_max_failed_nodes(jobs: Space, budget: dict[str, int], state: str) -> None:
    jobs.apply("app", few(fate_on="sim-002=crash", nodes=FIVE, **AT_ONCE, **UNLIMITED | budget))
    jobs.wait("it has ended", lambda: ended(jobs, "app-v1"))
    status = jobs.deployment("app-v1")
    assert status["state"] == state
    assert status["reason"] == ("Degraded" if state == "Completed" else "BudgetExceeded")
    assert status["failedNodes"] == 1
    word = "Degraded" if state == "Completed" else "RolloutFailed"
    jobs.wait("the job says so", lambda: jobs.job_state("app") == word)
    assert status_of(jobs)["rollout"]["failedNodes"] == 1
    jobs.wait("it is counted", lambda: status_of(jobs)["nodes"]["failed"] == 1)


@pytest.mark.row("spec.rollout.noAutoRollback", "Rollback", "Fallback")
@pytest.mark.parametrize("stays", [True, False])
def test_row_spec_rollout_no_auto_rollback(in_two_waves: Space, stays: bool) -> None:
    """The node that fails falls back in any case; those that are stable on v2 only if told."""
    space, last = in_two_waves, last_of(in_two_waves)
    settings = {"strategy": "Rolling", "maxParallel": 4, "maxFailedNodes": 0}
    space.apply("app", few("app:2", f"{last}=crash", **settings, noAutoRollback=stays, nodes=FIVE))
    space.wait("v2 has failed", lambda: space.deployment("app-v2").get("state") == "Failed")
    space.wait("its node is back", lambda: space.running("app").get(last) == "1")
    if stays:
        space.wait("the job says so", lambda: space.job_state("app") == "RolloutFailed")
        assert space.condition("app", "Stalled")["status"] == "True"
        assert space.get("FleetDeployment", "app-v2-rollback") is None
        assert sorted(space.running("app").values()) == ["1", "2", "2", "2", "2"]
    else:
        space.wait("it went back", lambda: ended(space, "app-v2-rollback"))
        space.wait("v1 runs", lambda: set(space.running("app").values()) == {"1"})


@pytest.mark.row("spec.rollout.paused", "Pause")
def test_row_spec_rollout_paused(started: Space) -> None:
    started.apply("app", few("app:2", paused=True))
    started.wait("it is paused", lambda: started.deployment("app-v2").get("state") == "Paused")
    started.wait("the job says so", lambda: started.job_state("app") == "RolloutPaused")
    assert "spec.rollout.paused of FleetJob app" in started.condition("app")["message"]
    generation = job_of(started)["metadata"]["generation"]
    assert not started.executions("app", 2)
    started.apply("app", few("app:2", paused=False))
    started.wait("v2 runs", lambda: runs(started, 2))
    assert seen(started)
    assert job_of(started)["metadata"]["generation"] == generation + 1
    assert status_of(started)["version"] == 2, "pausing is no change of the version"


@pytest.mark.row("FleetDeployment.status.resolved.rollout")
def test_row_status_resolved_rollout(jobs: Space) -> None:
    """Every setting that a job gives, and each default that is filled in by code."""
    counters = {"port": 8080, "path": "/m", "format": "JSON", "errors": ["e"], "total": ["t"]}
    given = {
        "strategy": "Canary",
        "maxParallel": 3,
        "rollbackParallel": "20%",
        "canaryCount": 2,
        "canaryPercent": 40,
        "prePull": True,
        "autoPromote": True,
        "maxFailedNodes": 4,
        "maxFailedNodesPercent": 5,
        "noAutoRollback": True,
        "healthCheck": {
            "interval": "7s",
            "maxErrorRate": 0.25,
            "successThreshold": 3,
            "failureThreshold": 4,
            "deadline": "9m",
            "errorRate": {"podMetrics": counters},
        },
    }
    jobs.apply("full", {**few(nodes=["sim-001"]), "rollout": {**given, "paused": True}})
    least = {"strategy": "Canary", "healthCheck": {"deadline": "1m", "minHealthyTime": "5s"}}
    jobs.apply("least", {**few(nodes=["sim-001"]), "rollout": least})
    jobs.apply(
        "less",
        {
            **few(nodes=["sim-001"]),
            "rollout": {"strategy": "Rolling", "maxParallel": 7, "healthCheck": {"deadline": "1m"}},
        },
    )
    for name in ("full", "least", "less"):
        jobs.wait("accepted", lambda name=name: jobs.deployment(f"{name}-v1").get("resolved"))
    assert spec_of(jobs, "FleetDeployment", "full-v1")["rollout"] == given
    anywhere = {"canarySelector": {"matchLabels": {}}, "spreadBy": []}
    assert jobs.deployment("full-v1")["resolved"]["rollout"] == given | anywhere
    assert (
        jobs.deployment("least-v1")["resolved"]["rollout"]
        == {
            "strategy": "Canary",
            "maxParallel": "10%",
            "rollbackParallel": "10%",
            "canaryCount": 1,
            "prePull": False,
            "autoPromote": False,
            "maxFailedNodes": 10,
            "maxFailedNodesPercent": 10,
            "noAutoRollback": False,
            "healthCheck": {
                "interval": "10s",
                "maxErrorRate": 0.1,
                "failureThreshold": 3,
                "deadline": "1m",
                "minHealthyTime": "5s",
            },
        }
        | anywhere
    )
    less = jobs.deployment("less-v1")["resolved"]["rollout"]
    assert (less["maxParallel"], less["rollbackParallel"]) == (7, 7)
    assert less["healthCheck"]["successThreshold"] == 2
    assert "canaryCount" not in less
