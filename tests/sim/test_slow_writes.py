"""Writes that are never answered in time, by whole operator processes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from faults.rollouts import version
from faults.run import roles
from wavegate.engine.backoff import LONGEST
from wavegate.engine.client import WRITE_TIMEOUT
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.transport import Request, Untroubled

JOBS: dict[str, Callable[[int], dict[str, Any]]] = {
    "FleetJob": lambda number: {**version("app:1"), "priority": number % 100},
    "HTTPJob": lambda number: {"http": {"url": f"http://echo.example/{number}"}},
}
"""Specs by kind, each with its number."""

MINUTES = 10
NEVER = 3600.0
JITTER = 1.5
"""At most the quotient of two delays of which each may be a fifth longer or shorter."""


class Slow(Untroubled):
    """The server takes for ever to write what is called so; when that was tried."""

    def __init__(self, name: str) -> None:
        self.tried: list[float] = []
        self._part = f"/{name}/status"

    async def sending(self, request: Request) -> None:
        if request.path.endswith(self._part):
            self.tried.append(asyncio.get_running_loop().time())
            await asyncio.sleep(NEVER)


@pytest.mark.parametrize("kind", JOBS)
def test_they_are_tried_ever_less_often_and_a_neighbour_is_rolled_out(kind: str) -> None:
    slow = Slow("slow")

    async def run() -> None:
        cluster = SimulatedCluster(roles())
        cluster.fleet.add("n00")
        cluster.keep_running(lambda _: slow)
        cluster.create(kind, "slow", JOBS[kind](0))
        cluster.create("FleetJob", "app", version("app:1"))
        for second in range(MINUTES * 60):  # a new spec is a pass, also in the midst of a try
            cluster.patch(kind, "slow", {"spec": JOBS[kind](second)})
            await asyncio.sleep(1)
        deployment = cluster.get("FleetDeployment", "app-v1")
        await cluster.close()
        assert deployment is not None
        assert deployment["status"]["state"] == "Completed"
        assert len(cluster.processes) == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    delays = [later - sooner - WRITE_TIMEOUT for sooner, later in pairwise(slow.tried)]
    assert all(sooner < later * JITTER for sooner, later in pairwise(delays)), delays
    assert LONGEST / JITTER < delays[-1] < LONGEST * JITTER, delays
