"""What the whole operator tells while it rolls out: its events, its log, its metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from faults.rollouts import JOB, NODES, PLACES, ROLLOUTS, TWELVE, Scene, fails, version
from faults.run import roles
from faults.watched import Watched
from wavegate.api.events import EVENTS
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.store import Change

PATIENCE = 1800.0


class Told:
    """Everything that was told while a script ran; afterwards the cluster is still there."""

    def __init__(self, cluster: SimulatedCluster, scene: Scene) -> None:
        self.cluster = cluster
        self.scene = scene
        self.events: list[dict[str, Any]] = []
        cluster.server.store.listeners.append(self._listen)

    def _listen(self, change: Change) -> None:
        if change.kind.resource.kind == "Event" and change.new and not change.old:
            self.events.append(change.document)

    def about(self, name: str) -> list[str]:
        """Reasons of the events of one object, in their order."""
        return [each["reason"] for each in self.events if each["regarding"]["name"] == name]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the series with these labels, of all living processes."""
        found = [
            sample.value
            for process in self.cluster.living
            for family in text_string_to_metric_families(process.operator.metrics.render().decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert found, f"no series {name} {labels}"
        return sum(found)


def play(
    script: Callable[[Scene], Awaitable[None]],
    after: Callable[[Told], Awaitable[None]] | None = None,
    *,
    nodes: int = 12,
    places: int = 6,
    replicas: int = 1,
) -> Told:
    async def run() -> Told:
        cluster = SimulatedCluster(roles())
        told = Told(cluster, Scene(cluster, Watched(cluster, places), PATIENCE))
        for number in range(nodes):
            cluster.fleet.add(f"n{number:02}")
        for _ in range(replicas):
            cluster.keep_running()
        await script(told.scene)
        await asyncio.sleep(60)
        if after is not None:
            await after(told)
        await cluster.close()
        return told

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def reference(name: str, after: Callable[[Told], Awaitable[None]] | None = None) -> Told:
    return play(ROLLOUTS[name], after, nodes=NODES.get(name, TWELVE), places=PLACES.get(name, 6))


IN_ONE_WAVE = ["RolloutStarted", "RolloutCompleted"]
EXPECTED = {
    "R1": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": ["RolloutStarted", "WaveEnded", "WaveEnded", "RolloutCompleted"],
        JOB: ["Running", "Running"],
    },
    "R2": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": ["RolloutStarted", "RolloutFailed"],
        "app-v2-rollback": IN_ONE_WAVE,
        JOB: ["Running", "RolledBack"],
    },
    "R3": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": ["RolloutStarted", "WaveEnded", "WaveEnded", "RolloutFailed"],
        "app-v2-rollback": IN_ONE_WAVE,
        JOB: ["Running", "RolledBack"],
    },
    "R4": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": ["RolloutStarted", "WaveEnded", "RolloutCanceled"],
        "app-v3": ["RolloutStarted", "WaveEnded", "WaveEnded", "RolloutCompleted"],
        JOB: ["Running", "Running"],
    },
    "R5": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": [
            "RolloutStarted",
            "RolloutPaused",
            "RolloutResumed",
            "WaveEnded",
            "RolloutCanceled",
        ],
        "again": ["RolloutStarted", *["WaveEnded"] * 4, "RolloutCompleted"],
        JOB: ["Running", "RolloutFailed", "Running"],
    },
    "R6": {
        "app-v1": IN_ONE_WAVE,
        "app-v2": ["RolloutStarted", "WaveEnded", "WaveEnded", "RolloutCompleted"],
        JOB: ["Running", "Running"],
    },
    "R7": {
        "app-v1": [
            *IN_ONE_WAVE,
            "RolloutStarted",
            "WaveEnded",
            "WaveEnded",
            "RolloutCompleted",
        ],
        "app-v2": ["RolloutStarted", "WaveEnded"],
        JOB: ["Running", "Running"],
    },
}
"""Of the reference rollouts: the events of each object, whatever the number of nodes."""


@pytest.mark.parametrize("name", EXPECTED)
def test_the_events_of_a_rollout_are_its_waves_and_states(name: str) -> None:
    told = reference(name)
    assert {each: told.about(each) for each in EXPECTED[name]} == EXPECTED[name]
    assert len(told.events) == sum(map(len, EXPECTED[name].values())), "and no other"
    known = {(each.kind, each.reason, each.type) for each in EVENTS}
    for event in told.events:
        assert (event["regarding"]["kind"], event["reason"], event["type"]) in known


def test_the_number_of_events_does_not_grow_with_the_number_of_nodes() -> None:
    async def twice(scene: Scene) -> None:
        await scene.install()
        scene.cluster.apply(JOB, version("app:2", maxParallel="50%"))
        await scene.over("app-v2")

    few = play(twice, nodes=10, places=5)
    many = play(twice, nodes=60, places=30)
    assert len(few.events) == len(many.events) == 8


def decisions(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        {"level": each.levelname, "message": each.getMessage(), **each.fields}
        for each in caplog.records
        if "decision" in getattr(each, "fields", {})
    ]


def test_each_decision_is_a_line_with_job_version_wave_pass_and_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "wavegate"):
        reference("R2")
    lines = decisions(caplog)
    assert all(each["job"] == "default/app" and each["evalId"] for each in lines)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for each in lines:
        by_name.setdefault(each["decision"], []).append(each)
    assert len(by_name["VersionMade"]) == 2
    assert [each["deployment"] for each in by_name["RolloutMade"]] == [
        "app-v1",
        "app-v2",
        "app-v2-rollback",
    ]
    assert len(by_name["NodeTaken"]) == 12 + 1 + 1
    assert len(by_name["ExecutionStable"]) == 12 + 1
    (failure,) = by_name["ExecutionFailed"]
    assert (failure["level"], failure["version"], failure["wave"]) == ("WARNING", 2, 1)
    assert failure["blame"] == "ErrorRateExceeded"
    assert failure["rate"] == pytest.approx(0.5, abs=0.1) == failure["errors"] / failure["total"]
    assert failure["limit"] == 0.1
    (gate,) = by_name["GateFailed"]
    assert (gate["version"], gate["wave"], gate["waitedSeconds"]) == (2, 1, 0)
    (failed,) = by_name["RolloutFailed"]
    assert (failed["failedNodes"], failed["totalNodes"]) == (1, 12)
    assert len(by_name["WaveEnded"]) == 1, "of version 1: the rollback took no node"
    (back,) = by_name["RolledBack"]
    assert back["version"] == 2
    words = [(each["decision"], each["message"], each["evalId"]) for each in lines]
    assert len(set(words)) == len(words), "none is told twice"


def test_an_idle_operator_says_nothing_and_neither_does_a_heartbeat(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[list[str]] = []

    async def idle(told: Told) -> None:
        caplog.clear()
        passes = told.metric("controller_runtime_reconcile_total")
        for _ in range(60):
            for node in range(12):
                told.cluster.fleet.label(f"n{node:02}", beat=str(told.cluster.now()))
            await asyncio.sleep(60)
        said.append([each.getMessage() for each in caplog.records])
        assert told.metric("controller_runtime_reconcile_total") - passes <= 60

    with caplog.at_level(logging.DEBUG, "wavegate"):
        reference("R1", idle)
    assert said == [[]]


def test_what_a_rollout_came_to_is_counted_once_and_the_time_of_a_person_apart() -> None:
    async def promoted(scene: Scene) -> None:
        await scene.install()
        scene.cluster.apply(JOB, version("app:2", autoPromote=False))
        await scene.is_paused("app-v2")
        await asyncio.sleep(500)
        scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"promoted": True}})
        await scene.over("app-v2")

    async def look(told: Told) -> None:
        ended = {"type": "Update", "outcome": "Completed"}
        assert told.metric("wavegate_rollouts_total", **ended) == 1
        assert told.metric("wavegate_rollouts_total") == 2
        rollout = "wavegate_rollout_duration_seconds_sum"
        assert told.metric(rollout, time="waiting", **ended) == pytest.approx(500, abs=3)
        assert 20 < told.metric(rollout, time="active", **ended) < 120
        gate = "wavegate_gate_duration_seconds_sum"
        assert told.metric(gate, outcome="Passed", time="waiting") == pytest.approx(500, abs=3)
        assert 5 < told.metric(gate, outcome="Passed", time="active") < 40
        assert told.metric("wavegate_wave_duration_seconds_count", canary="true") == 1
        assert told.metric("wavegate_wave_duration_seconds_count", canary="false") == 3
        assert told.metric("wavegate_wave_duration_seconds_sum", canary="true") < 30
        assert told.metric("wavegate_windows_total", verdict="good") >= 24
        status = told.scene.deployment("app-v2")
        assert status["waitedSeconds"] == pytest.approx(500, abs=3)
        assert "waitingSince" not in status

    play(promoted, look)


def test_a_restart_counts_nothing_again_and_gauges_are_right_at_once() -> None:
    async def restart(told: Told) -> None:
        gauges = {
            name: told.metric(name, job_name=JOB)
            for name in ("wavegate_fleetjob_nodes", "wavegate_fleetjob_info")
        }
        rolled_back = {"state": "Running", "reason": "RolledBack", "stable_version": "1"}
        assert told.metric("wavegate_fleetjob_info", **rolled_back) == 1
        assert told.metric("wavegate_verdicts_total", outcome="failed") == 1
        told.cluster.living[0].kill()
        await asyncio.sleep(60)
        assert {name: told.metric(name, job_name=JOB) for name in gauges} == gauges
        assert told.metric("leader_election_master_status") == 1
        for counted in ("rollouts_total", "verdicts_total", "windows_total"):
            assert told.metric(f"wavegate_{counted}") == 0

    reference("R2", restart)


def test_only_the_leader_tells_of_jobs_and_a_deleted_job_is_told_no_more() -> None:
    async def look(told: Told) -> None:
        assert len(told.cluster.living) == 2
        assert told.metric("leader_election_master_status") == 1
        assert told.metric("wavegate_fleetjob_nodes", state="desired", job_name=JOB) == 12
        assert told.metric("workqueue_depth") == 0, "of the standby, too"
        told.cluster.delete("FleetJob", JOB)
        await asyncio.sleep(120)
        with pytest.raises(AssertionError, match="no series"):
            told.metric("wavegate_fleetjob_nodes")

    play(ROLLOUTS["R1"], look, replicas=2)


def test_a_watch_that_brings_nothing_is_told_by_its_silence() -> None:
    async def look(told: Told) -> None:
        silence = "wavegate_watch_silence_seconds"
        assert told.metric(silence, resource="pods") < 90
        await asyncio.sleep(1000)
        seen = []
        for _ in range(60):
            await asyncio.sleep(10)
            seen.append(told.metric(silence, resource="fleetjobs"))
        assert 250 < max(seen) < 310, "they are listed every five minutes"
        assert min(seen) < 20
        process = told.cluster.living[0]
        reflector = next(
            each for each in process.operator.reflectors if each.resource.plural == "nodes"
        )
        assert told.metric("wavegate_watch_silence_seconds", resource="nodes") == pytest.approx(
            reflector.silence()
        )

    reference("R1", look)


def test_a_canary_that_fails_is_counted_at_its_gate() -> None:
    async def look(told: Told) -> None:
        assert told.metric("wavegate_gate_duration_seconds_count", outcome="Failed") == 2
        assert told.metric("wavegate_rollouts_total", type="Rollback", outcome="Completed") == 1
        assert told.metric("wavegate_windows_total", verdict="bad") >= 3

    async def script(scene: Scene) -> None:
        scene.cluster.fleet.fate = fails("app:2")
        await ROLLOUTS["R2"](scene)

    play(script, look)
