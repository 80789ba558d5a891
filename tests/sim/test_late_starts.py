"""Canaries that fail one after the other, on a server that takes its time: nothing begins late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from faults.rollouts import version
from faults.run import roles
from wavegate.api.names import LABEL_VERSION
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.fates import FINE, Fate
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.transport import Request, Untroubled

NODES = 16
CANARIES = 10
LONGEST = 0.1
"""Seconds that the server takes at most."""

CANARY = {"strategy": "Canary", "canaryCount": CANARIES, "autoPromote": True}
BROKEN = Fate(ready_after=None, exits_after=0.15)


class Slow(Untroubled):
    """The server takes a while, each time another; what of version 2 was begun, and when."""

    def __init__(self, rng: Random) -> None:
        self.verdict: float | None = None
        """When the first failure was on record, as far as the operator knows."""
        self.starts: list[tuple[float, str]] = []
        self._rng = rng

    def leaving(self, request: Request) -> None:
        body = request.body
        if request.method != "POST" or "dryRun" in request.query:
            return
        if (
            body["kind"] in ("Execution", "Pod")
            and body["metadata"]["labels"][LABEL_VERSION] == "2"
        ):
            self.starts.append((_now(), body["kind"]))

    async def sending(self, request: Request) -> None:
        del request
        await asyncio.sleep(self._rng.uniform(0, LONGEST))

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        if request.method != "PUT" or "/executions/" not in request.path:
            return
        failed = answer["status"]["observedState"]["stateType"] == "Failed"
        if failed and answer["spec"]["jobVersion"] == 2 and self.verdict is None:
            self.verdict = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_nothing_of_a_bad_version_begins_once_its_verdict_is_on_record() -> None:
    spared = 0
    for seed in range(5):
        slow = Slow(Random(seed))
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(rolled_out_and_taken_back(slow))
        assert slow.verdict is not None
        late = [(kind, at - slow.verdict) for at, kind in slow.starts if at > slow.verdict]
        assert not late, f"seed {seed}: kinds and seconds after the verdict"
        kinds = [kind for _, kind in slow.starts]
        assert kinds.count("Execution") == CANARIES
        spared += CANARIES - kinds.count("Pod")
    assert spared > 0, "no node was taken and still without its pod: nothing was tried"


async def rolled_out_and_taken_back(slow: Slow) -> None:
    cluster = SimulatedCluster(roles())
    for number in range(NODES):
        cluster.fleet.add(f"n{number:02}")
    cluster.fleet.fate = lambda _, image: FINE if image == "app:1" else BROKEN
    cluster.keep_running(lambda _: slow)
    cluster.create("FleetJob", "app", once_only("app:1"))
    await until(lambda: state(cluster, "app-v1") == "Completed")
    cluster.patch("FleetJob", "app", {"spec": once_only("app:2")})
    await until(lambda: state(cluster, "app-v2-rollback") == "Completed")
    assert state(cluster, "app-v2") == "Failed"
    running = {
        pod["spec"]["nodeName"]: pod["metadata"]["labels"][LABEL_VERSION]
        for pod in cluster.list("Pod")
    }
    assert len(running) == NODES
    assert set(running.values()) == {"1"}
    await cluster.close()


def once_only(image: str) -> dict[str, Any]:
    """A pod that ends badly is not started again."""
    return {**version(image, **CANARY), "restartPolicy": "Never"}


def state(cluster: SimulatedCluster, name: str) -> str:
    found = cluster.get("FleetDeployment", name) or {}
    return str(found.get("status", {}).get("state"))


async def until(holds: Callable[[], bool]) -> None:
    while True:
        if holds():
            return
        await asyncio.sleep(0.05)
