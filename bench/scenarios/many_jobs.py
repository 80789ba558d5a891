"""Three hundred jobs of ten nodes each are changed at once: how long each takes.

Either all ten nodes at once, as a job is rolled out that says nothing of it, or one after the
other, each judged, where the least that this takes is ten windows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from math import ceil
from typing import Any, Final

from bench.api import Api, Document, each
from bench.contenders import DEPLOYMENTS, FLEET_JOBS, fleet_job, pod_spec, rolling
from bench.errors import BenchError
from bench.lab import RAISED, SHIPPED, Lab
from bench.meter import Meter, quiet
from bench.scenarios.fleet import ended

JOBS: Final = 300
NODES_PER_JOB: Final = 10
AT_ONCE: Final = {"strategy": "Immediate"}

_SECONDS: Final = 900.0
"""What takes longer ends the benchmark."""


async def measure(lab: Lab, _: int) -> dict[str, Any]:
    """JOBS of them with everybody's limits as shipped, on however many nodes there are."""
    return await change(lab, JOBS, SHIPPED, AT_ONCE)


async def measure_waves(lab: Lab, _: int) -> dict[str, Any]:
    """The same, node by node."""
    return await change(lab, JOBS, SHIPPED, rolling())


async def change(lab: Lab, jobs: int, limits: str, rollout: Document) -> dict[str, Any]:
    """Seconds from the change of a job's spec to its rollout's completion, over the jobs."""
    names = [f"job-{number:03}" for number in range(1, jobs + 1)]
    async with lab.operator(RAISED):
        await _create(lab.api, names)
    await lab.set_limits(limits)
    async with lab.operator(limits) as operator:
        await quiet(lab)
        meter = Meter(lab, operator)
        await meter.begin()
        seconds = await _change(lab, names, rollout)
        meter.done()
        await meter.end()
    return {
        **meter.figures,
        "jobs": jobs,
        "limits": limits,
        "nodes": jobs * NODES_PER_JOB,
        **{
            f"convergence_{word}": percentile(seconds, share)
            for word, share in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
        },
    }


async def _create(api: Api, names: Sequence[str]) -> None:
    """Each on nodes of its own, or as few others as there are nodes for."""
    nodes = sorted(i["metadata"]["name"] for i in (await api.get("/api/v1/nodes"))["items"])
    if len(nodes) < NODES_PER_JOB:
        raise BenchError(f"{len(nodes)} nodes, and a job has {NODES_PER_JOB}")

    async def create(numbered: tuple[int, str]) -> None:
        first = numbered[0] * NODES_PER_JOB
        its = [nodes[index % len(nodes)] for index in range(first, first + NODES_PER_JOB)]
        document = fleet_job(numbered[1], {"matchIds": its}, AT_ONCE)
        await api.request("POST", FLEET_JOBS, document)

    await each(create, enumerate(names))
    for name in names:
        await ended(api, f"{name}-v1", "Completed")


async def _change(lab: Lab, names: Sequence[str], rollout: Document) -> list[float]:
    """Give all of them a second version; seconds that each took, sorted."""
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    since = await lab.api.revision(DEPLOYMENTS)

    async def ask(name: str) -> None:
        began[f"{name}-v2"] = time.monotonic()
        spec = {"template": {"spec": pod_spec("app:2")}, "rollout": rollout}
        await lab.api.merge(f"{FLEET_JOBS}/{name}", {"spec": spec})

    changing = asyncio.create_task(each(ask, names))
    try:
        async with asyncio.timeout(_SECONDS):
            async for event in lab.api.watch(DEPLOYMENTS, f"resourceVersion={since}"):
                name = event["object"]["metadata"]["name"]
                state = event["object"].get("status", {}).get("state")
                if state in ("Failed", "Canceled"):
                    raise BenchError(f"{name} is {state}")
                if state == "Completed" and name in began and name not in took:
                    took[name] = time.monotonic() - began[name]
                    if len(took) % 50 == 0:
                        lab.say(f"{len(took)} of {len(names)} jobs after {took[name]:.0f} s")
                if len(took) == len(names):
                    break
    except TimeoutError as error:
        missing = len(names) - len(took)
        raise BenchError(f"{missing} jobs are not done after {_SECONDS:.0f} s") from error
    await changing
    return sorted(took.values())


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values the least that is not below this share of them (nearest rank)."""
    return values[max(0, ceil(share * len(values)) - 1)]
