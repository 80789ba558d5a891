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
NODES = {"R5": 8, "R5-late": 8, "R7": 8, "Many": 24}
"""How many there are, where it is not twelve."""

TWELVE = 12
V1 = "app:1"
POOL = {"selector": {"matchLabels": {"pool": "edge"}}}


class Stuck(AssertionError):
    """What a script waits for has not come true in time."""


ENDS = ("Running", "RolloutFailed")
"""States of a job whose first rollout is over: of eight nodes one lost in its turn fails it."""

_DONE = ("RolledBack", "RollbackFailed")
"""Why a job is not Ready although nothing more is done of itself."""


@dataclass
class Scene:
    """What a script acts on; ``patience``: virtual seconds that it may take as a whole."""

    cluster: SimulatedCluster
    watched: Watched
    patience: float

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        looked_at = None
        while True:
            at = self.cluster.server.store.revision
            if at != looked_at and holds():
                return
            looked_at = at
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

    def is_over(self, name: str) -> bool:
        return _is_over(self.cluster.get("FleetDeployment", name) or {})

    async def over(self, name: str) -> None:
        """How a deployment ends is for the oracle; one that is gone ends with its job's work."""
        await self.until(f"{name} over", lambda: self.is_over(name) or self.settled())

    async def is_paused(self, name: str) -> None:
        """Or over, where that is heard of too late."""
        await self.until(
            f"{name} paused",
            lambda: self.deployment(name).get("state") == "Paused" or self.is_over(name),
        )

    async def is_in_wave(self, name: str, wave: int) -> None:
        await self.until(
            f"{name} in wave {wave}",
            lambda: self.wave(name) >= wave or self.is_over(name) or self.settled(),
        )

    def settled(self) -> bool:
        """Whether the job is as it is wanted or all that can be done is done, and none is open."""
        job = self.job()
        status = job.get("status", {})
        ready = next((e for e in status.get("conditions", ()) if e["type"] == "Ready"), {})
        return (
            status.get("observedGeneration") == job.get("metadata", {}).get("generation")
            and (ready.get("status") == "True" or ready.get("reason") in _DONE)
            and all(_is_over(each) for each in self.cluster.list("FleetDeployment"))
        )

    async def install(self) -> None:
        """Version 1 on every node, all at once."""
        self.cluster.apply(JOB, first())
        await self.over(f"{JOB}-v1")
        await self.until("the job says so", lambda: self.state() in ENDS)

    def order(self) -> list[str]:
        """Nodes in the order in which a version takes them."""
        found = [
            (each["spec"]["rolloutWave"], each["spec"]["nodeName"])
            for each in self.cluster.list("Execution")
            if each["spec"]["deploymentName"] == f"{JOB}-v2"
        ]
        return [node for _, node in sorted(found)]


def first() -> dict[str, Any]:
    return spec(V1, strategy="Rolling", maxParallel="100%") | POOL


def version(image: str, **rollout: Any) -> dict[str, Any]:
    """Canary first, then waves of six or as given; no failure is tolerated."""
    settings = {"maxParallel": 6, "maxFailedNodes": 0, "maxFailedNodesPercent": 0, **rollout}
    return spec(image, **settings) | POOL


def fails(image: str, *nodes: str) -> Callable[[str, str], Fate]:
    """Pods of the image err, on these nodes or (none given) everywhere."""
    return lambda node, running: ERRS if running == image and (not nodes or node in nodes) else FINE


async def all_healthy(scene: Scene) -> None:
    """R1. One canary and two waves."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.over("app-v2")


async def canary_fails(scene: Scene) -> None:
    """R2. The canary fails its gate; rollback."""
    scene.cluster.fleet.fate = fails("app:2")
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.over("app-v2")
    await scene.over("app-v2-rollback")


async def second_wave_fails(scene: Scene) -> None:
    """R3. The canary and one wave are fine, the next is not: rollback of both."""
    await scene.install()
    scene.cluster.fleet.fate = lambda node, image: (
        ERRS if image == "app:2" and node in _of_wave(scene, 3) else FINE
    )
    scene.cluster.apply(JOB, version("app:2", maxParallel=4))
    await scene.over("app-v2")
    await scene.over("app-v2-rollback")


def _is_over(deployment: Document) -> bool:
    return deployment.get("status", {}).get("state") in ("Completed", "Failed", "Canceled")


def _of_wave(scene: Scene, wave: int) -> set[str]:
    """Nodes that version 2 took, or would have taken, in a wave or later."""
    early = {
        each.node
        for each in scene.watched.executions.values()
        if each.deployment == "app-v2" and 0 < each.wave < wave
    }
    return set(scene.watched.nodes) - early


async def superseded(scene: Scene) -> None:
    """R4. A new version while the old one still rolls."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.is_in_wave("app-v2", 2)
    scene.cluster.apply(JOB, version("app:3"))
    await scene.over("app-v2")
    await scene.over("app-v3")


async def superseded_too_late(scene: Scene) -> None:
    """R4, where the old version is over before the new one is heard of."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.over("app-v2")
    scene.cluster.apply(JOB, version("app:3"))
    await scene.over("app-v3")


async def by_hand(scene: Scene) -> None:
    """R5. Pause, resume, cancel, restart."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2", maxParallel=2))
    await scene.is_in_wave("app-v2", 1)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
    await scene.is_paused("app-v2")
    await asyncio.sleep(30)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": False}})
    await scene.is_in_wave("app-v2", 2)
    scene.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
    await _restart(scene)


async def _restart(scene: Scene) -> None:
    await scene.over("app-v2")
    scene.cluster.deploy("again", {"jobName": JOB, "type": "Restart", "toVersion": 2})
    await scene.over("again")


async def by_hand_too_late(scene: Scene) -> None:
    """R5, where the rollout is over before what a person wants of it is heard of."""
    await scene.install()
    scene.cluster.apply(JOB, version("app:2", maxParallel=2))
    await _restart(scene)


async def nodes_come_and_go(scene: Scene) -> None:
    """R6. A node is lost in a wave and comes back; one is added; one is relabelled out."""
    fleet = scene.cluster.fleet
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
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
    await scene.until("the new job's rollout is over", lambda: scene.state() in ENDS)


async def says_no_number(scene: Scene) -> None:
    """The canary's counters are no numbers, the others' are; rollback."""
    await _rolls_back(scene, Fate(page="errors NaN\nrequests NaN\n"))


async def says_nothing(scene: Scene) -> None:
    """The canary's page lacks the counters that are asked for; rollback."""
    await _rolls_back(scene, Fate(page="requests_by_code 100\n"))


async def _rolls_back(scene: Scene, fate: Fate) -> None:
    scene.cluster.fleet.fate = lambda _, image: fate if image == "app:2" else FINE
    await scene.install()
    scene.cluster.apply(JOB, version("app:2"))
    await scene.over("app-v2")
    await scene.over("app-v2-rollback")


async def fails_on_many(scene: Scene) -> None:
    """More nodes fail, and are tolerated, than a status has room for."""
    scene.cluster.fleet.fate = fails("app:2")
    await scene.install()
    wave = {"strategy": "Rolling", "autoPromote": None, "maxParallel": "100%"}
    tolerant = {"maxFailedNodes": 24, "maxFailedNodesPercent": 100}
    scene.cluster.apply(JOB, version("app:2", **wave, **tolerant))
    await scene.over("app-v2")


ROLLOUTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "R1": all_healthy,
    "R2": canary_fails,
    "R3": second_wave_fails,
    "R4": superseded,
    "R5": by_hand,
    "R6": nodes_come_and_go,
    "R7": made_again,
}
TOO_LATE = {"R4": ("R4-late", "fleetjobs"), "R5": ("R5-late", "fleetdeployments")}
"""What a rollout may become as well, where events of that resource come late."""

SCRIPTS = ROLLOUTS | {
    "R4-late": superseded_too_late,
    "R5-late": by_hand_too_late,
    "NaN": says_no_number,
    "Empty": says_nothing,
    "Many": fails_on_many,
}
"""All there are; those that are no reference rollouts are for wrong operators (`mutants`)."""

PLACES = {"R3": 4, "R5": 2, "R5-late": 2, "Many": 24}
"""How many nodes may be down at once, where it is not six."""


def pods_of(scene: Scene) -> dict[str, Document]:
    """Pods by node."""
    return {each["spec"].get("nodeName", ""): each for each in scene.cluster.list("Pod")}
