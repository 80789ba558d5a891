"""The reference rollouts: what users and nodes do while faults come over the operator.

Each is a script that waits for what the cluster shows, never for a time alone, so that it means the
same whatever delays the operator. The job is ``app``; its first version is on every node before
the part that gives the rollout its name begins, so that there is something to lose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faults.watched import Watched
from sim.world import spec
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.fates import ERRS, FINE, Fate
from wavegate.simulation.store import Document

POLL = 0.5
JOB = "app"
NODES = {"R1": 12, "R2": 12, "R3": 12, "R4": 12, "R5": 8, "R6": 12, "R7": 8}


class Stuck(AssertionError):
    """What a script waits for has not come true in time."""


@dataclass
class Scene:
    """What a script acts on; ``patience``: virtual seconds that it may take as a whole."""

    cluster: SimulatedCluster
    watched: Watched
    patience: float

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        while not holds():
            if self.watched.broken is not None:
                raise self.watched.broken
            if self.cluster.loop.time() > self.patience:
                raise Stuck(f"never came true: {what}\n{self.watched.story()}")
            await asyncio.sleep(POLL)

    def job(self) -> Document:
        return self.cluster.get("FleetJob", JOB) or {}

    def state(self) -> str:
        return str((self.job().get("status", {}).get("state") or {}).get("stateType"))

    def deployment(self, name: str) -> Mapping[str, Any]:
        """status of a deployment."""
        found = self.cluster.get("FleetDeployment", name) or {}
        return dict(found.get("status", {}))

    def wave(self, name: str) -> int:
        return int(self.deployment(name).get("currentWave") or 0)

    async def ended(self, name: str, state: str) -> None:
        await self.until(f"{name} {state}", lambda: self.deployment(name).get("state") == state)

    async def is_in_wave(self, name: str, wave: int) -> None:
        await self.until(f"{name} in wave {wave}", lambda: self.wave(name) >= wave)

    async def install(self) -> None:
        """Version 1 on every node, all at once."""
        self.cluster.apply(JOB, first())
        await self.ended(f"{JOB}-v1", "Completed")
        await self.until("the job is Running", lambda: self.state() == "Running")

    def order(self) -> list[str]:
        """Nodes in the order in which a version takes them."""
        found = [
            (each["spec"]["rolloutWave"], each["spec"]["nodeName"])
            for each in self.cluster.list("Execution")
            if each["spec"]["deploymentName"] == f"{JOB}-v2"
        ]
        return [node for _, node in sorted(found)]


def first() -> dict[str, Any]:
    return spec("app:1", strategy="Rolling", maxParallel="100%")


def version(image: str, **rollout: Any) -> dict[str, Any]:
    """Canary first, then waves of six or as given; no failure is tolerated."""
    settings = {"maxParallel": 6, "maxFailedNodes": 0, "maxFailedNodesPercent": 0, **rollout}
    return spec(image, **settings)


def fails(image: str, *nodes: str) -> Callable[[str, str], Fate]:
    """Pods of the image err, on these nodes or (none given) everywhere."""
    return lambda node, running: ERRS if running == image and (not nodes or node in nodes) else FINE


async def all_healthy(scene: Scene) -> None:
    """R1. One canary and two waves."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.ended("app-v2", "Completed")


async def canary_fails(scene: Scene) -> None:
    """R2. The canary fails its gate; rollback."""
    scene.cluster.fleet.fate = fails("app:2")
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.ended("app-v2", "Failed")
    await scene.ended("app-v2-rollback", "Completed")


async def second_wave_fails(scene: Scene) -> None:
    """R3. The canary and one wave are fine, the next is not: rollback of both."""
    await scene.install()
    scene.cluster.fleet.fate = lambda node, image: (
        ERRS if image == "app:2" and node in _of_wave(scene, 3) else FINE
    )
    scene.cluster.apply(JOB, version("app:2", maxParallel=4))
    await scene.ended("app-v2", "Failed")
    await scene.ended("app-v2-rollback", "Completed")


def _of_wave(scene: Scene, wave: int) -> set[str]:
    """Nodes that version 2 took, or would have taken, in a wave or later."""
    early = {
        each["spec"]["nodeName"]
        for each in scene.cluster.list("Execution")
        if each["spec"].get("deploymentName") == "app-v2" and 0 < each["spec"]["rolloutWave"] < wave
    }
    return set(scene.watched.nodes) - early


async def superseded(scene: Scene) -> None:
    """R4. A new version while the old one still rolls."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.is_in_wave("app-v2", 2)
    scene.cluster.apply(JOB, version("app:3"))
    await scene.ended("app-v2", "Canceled")
    await scene.ended("app-v3", "Completed")


async def by_hand(scene: Scene) -> None:
    """R5. Pause, resume, cancel, restart."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2", maxParallel=2))
    await scene.is_in_wave("app-v2", 1)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
    await scene.ended("app-v2", "Paused")
    await asyncio.sleep(30)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": False}})
    await scene.is_in_wave("app-v2", 2)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
    await scene.ended("app-v2", "Canceled")
    restart = {"jobName": JOB, "type": "Restart", "toVersion": 2}
    scene.cluster.deploy("again", restart)
    await scene.ended("again", "Completed")


async def nodes_come_and_go(scene: Scene) -> None:
    """R6. A node is lost in a wave and comes back; one is added; one is relabelled out."""
    fleet = scene.cluster.fleet
    await scene.install()
    scene.cluster.apply(JOB, {**version("app:2"), "selector": {"matchLabels": {"pool": "edge"}}})
    await scene.is_in_wave("app-v2", 2)
    lost, leaving = scene.order()[1], scene.order()[2]
    fleet.set_ready(lost, False)
    scene.watched.disturb(lost)
    await asyncio.sleep(20)
    fleet.add("n99")
    fleet.label(leaving, pool="other")
    scene.watched.disturb(leaving)
    await asyncio.sleep(20)
    fleet.set_ready(lost, True)
    await scene.until("the rollout is over", lambda: scene.state() in ("Running", "Degraded"))
    await scene.until("nothing runs where nothing is to run", lambda: leaving not in pods_of(scene))


async def made_again(scene: Scene) -> None:
    """R7. The job is deleted while it rolls, and made again under the same name at once.

    The garbage collector has much to do meanwhile.
    """
    scene.cluster.server.collects_after = 5.0
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.is_in_wave("app-v2", 2)
    scene.cluster.delete("FleetJob", JOB)
    await asyncio.sleep(0.2)
    scene.cluster.apply(JOB, version("app:3"))
    await scene.until("the new job is Running", lambda: scene.state() == "Running")


ROLLOUTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "R1": all_healthy,
    "R2": canary_fails,
    "R3": second_wave_fails,
    "R4": superseded,
    "R5": by_hand,
    "R6": nodes_come_and_go,
    "R7": made_again,
}
PLACES = {"R3": 4, "R5": 2}
"""How many nodes may be down at once, where it is not six."""


def pods_of(scene: Scene) -> dict[str, Document]:
    """Pods by node."""
    return {each["spec"].get("nodeName", ""): each for each in scene.cluster.list("Pod")}
