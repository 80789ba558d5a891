"""What may happen to a fleet, each a measurement of its own on a cluster with an audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bench.contenders import clear
from bench.lab import RAISED, Lab
from bench.meter import quiet
from bench.scenarios import bad_canary, cold_start, idle, many_jobs

SCENARIOS: Final[Mapping[str, Callable[[Lab, int], Awaitable[dict[str, Any]]]]] = {
    "idle": idle.measure,
    "bad-canary": bad_canary.measure,
    "cold-start": cold_start.measure,
    "many-jobs": many_jobs.measure,
    "many-jobs-in-waves": many_jobs.measure_waves,
}


async def play(lab: Lab, nodes: int, name: str) -> dict[str, Any]:
    """One of SCENARIOS, with as many nodes; what it has made is removed after it."""
    await lab.set_limits(RAISED)
    lab.say(f"scenario {name}")
    figures = await SCENARIOS[name](lab, nodes)
    await lab.set_limits(RAISED)
    await clear(lab.api)
    await quiet(lab)
    return {"scenario": name, **figures}
