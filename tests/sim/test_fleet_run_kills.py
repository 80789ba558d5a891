"""Runs over nodes by operator processes of which each is killed at a write of its own.

Each write of a run and of what it makes is once the last that a process has sent, arrived or not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import pytest

from sim.test_fleet_runs import KEPT, World, play
from wavegate.simulation.cluster import Process
from wavegate.simulation.transport import Request, Untroubled

WRITES: Final = {
    "it executes": ("PUT", "jobruns/one/status", 1),
    "its FleetJob": ("POST", "fleetjobs", 1),
    "its version": ("POST", "jobversions", 2),
    "its deployment": ("POST", "fleetdeployments", 1),
    "its second execution": ("POST", "executions", 2),
    "its second pod": ("POST", "pods", 2),
    "an execution's end": ("PUT", "executions/", 3),
    "its deployment's end": ("PUT", "fleetdeployments/one-v1/status", 2),
    "it is tried again": ("PUT", "jobruns/one/status", 2),
    "it executes again": ("PUT", "jobruns/one/status", 3),
    "its Restart": ("POST", "fleetdeployments", 2),
    "its end": ("PUT", "jobruns/one/status", 4),
}
"""Method, what is in the path, and which of such writes."""


class KillsAt(Untroubled):
    """Of all processes together, the one that sends this write is killed by it."""

    def __init__(self, process: Process, seen: Counter[str], what: str, *, arrives: bool) -> None:
        self._process, self._seen, self._arrives = process, seen, arrives
        self._method, self._part, self._number = WRITES[what]

    def _is_it(self, request: Request) -> bool:
        dry = "dryRun" in dict(request.query or {})
        if request.method != self._method or self._part not in request.path or dry:
            return False
        self._seen["writes"] += 1
        return self._seen["writes"] == self._number

    async def sending(self, request: Request) -> None:
        if self._is_it(request):
            self._seen["killed"] += 1
            if not self._arrives:
                self._process.kill()
            else:
                self._seen["kill"] = 1

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        if self._seen.pop("kill", 0):
            self._process.kill()


@pytest.mark.parametrize("arrives", [False, True], ids=["lost", "arrived"])
@pytest.mark.parametrize("what", WRITES)
def test_each_attempt_asks_each_node_once_whichever_write_is_the_last(
    what: str, arrives: bool
) -> None:
    seen: Counter[str] = Counter()

    async def story(world: World) -> None:
        retry = {"maxAttempts": 2, "initialDelay": "5s", "jitterPercent": 0}
        world.bad = {"node-2"}
        rollout = {"strategy": "Immediate", "maxFailedNodes": 0}
        world.fleet_job(runs={**KEPT, "retry": retry}, rollout=rollout)
        await world.until(lambda: world.get("FleetJob", "app").get("status", {}).get("version"))
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "RetryBackoff")
        world.bad = set()
        await world.ended()
        await asyncio.sleep(30)
        assert seen["killed"] == 1, "the write that was to be the last was never sent"
        status = world.runs()["one"]
        assert (status["phase"], status["attempt"]) == ("Completed", 2)
        assert status["nodes"] == {"total": 5, "asked": 5, "succeeded": 5, "failed": 0}
        asked = Counter(
            (each["spec"]["nodeName"], each["spec"]["attempt"]) for each in world.executions("one")
        )
        assert asked == {(f"node-{n}", attempt): 1 for n in range(1, 6) for attempt in (1, 2)}
        jobs = {each["metadata"]["name"] for each in world.cluster.list("FleetJob")}
        assert jobs == {"app", "one"}

    play(story, trouble=lambda process: KillsAt(process, seen, what, arrives=arrives))
