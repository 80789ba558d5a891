"""Runs one fault plan and asks the oracles about it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.ends import end_state, orphans, unexplained
from faults.plans import Address, Plan
from faults.rollouts import NODES, PLACES, SCRIPTS, TOO_LATE, TWELVE, Scene
from faults.troubles import Troubles
from faults.watched import Watched
from support.campaign import digest
from support.twice import plan_twice
from wavegate import app
from wavegate.domain import actions
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Observed
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import load_roles
from wavegate.simulation.store import Change

MANIFESTS = Path(__file__).parents[2] / "manifests"
REFERENCE_PATIENCE = 1800.0
PATIENCE = 10
"""How many times the reference's time a run may take."""

SPARE = 900.0
"""Virtual seconds that it may take beyond that: a lease, back-offs, what the fault takes."""

REQUESTS = 3
"""How many times the reference's requests a run may make."""

TWICE = 4
"""Of so many runs one is made with each of its plans compared; those without a fault are too."""

SETTLING = 60.0
QUIET = 3600.0
"""Virtual seconds for which nothing may be written after a run has settled."""

_QUIET_KINDS = {"Lease", "Event", "Node"}


@dataclass
class Result:
    """What became of a run. ``wrong``: what an oracle found; empty where all is well."""

    plan: Plan
    wrong: str = ""
    end: Mapping[str, Any] = field(default_factory=dict)
    writes: list[Address] = field(default_factory=list)
    events: dict[Address, str] = field(default_factory=dict)
    requests: int = 0
    states: int = 0
    seconds: float = 0.0
    """Virtual seconds until it had settled."""
    hours: float = 0.0
    """Virtual hours in all."""
    happened: list[str] = field(default_factory=list)
    story: str = ""


@functools.cache
def roles() -> list[dict[str, Any]]:
    return load_roles(MANIFESTS)


@functools.cache
def reference(rollout: str, replicas: int = 1) -> Result:
    """The run without a fault; raises where even that goes wrong."""
    result = run(Plan(rollout), replicas=replicas)
    assert not result.wrong, f"{rollout} without a fault: {result.wrong}\n{result.story}"
    return result


def run(plan: Plan, *, replicas: int | None = None) -> Result:
    """Run a plan to its end, or to the first thing that is wrong."""
    if replicas is None:
        replicas = 2 if any(fault.startswith("L1") for _, fault in plan.faults) else 1
    normal = reference(plan.rollout) if plan.faults else None
    ends = [normal.end, *_other_ends(plan)] if normal is not None else []
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_run(plan, replicas, normal, ends))


async def _run(
    plan: Plan, replicas: int, normal: Result | None, ends: list[Mapping[str, Any]]
) -> Result:
    cluster = SimulatedCluster(roles())
    late = any((at.verb, at.resource) == ("WATCH", "fleetdeployments") for at, _ in plan.faults)
    watched = Watched(cluster, PLACES.get(plan.rollout, 6), verbs_come_late=late)
    troubles = Troubles(plan, cluster, watched)
    for number in range(NODES.get(plan.rollout, TWELVE)):
        cluster.fleet.add(f"n{number:02}")
    for _ in range(replicas):
        cluster.keep_running(troubles.of)
    patience = REFERENCE_PATIENCE if normal is None else PATIENCE * normal.seconds + SPARE
    scene = Scene(cluster, watched, patience)
    result = Result(plan)
    try:
        compared = normal is None or digest(str(plan)) % TWICE == 0
        with _planning_twice(watched) if compared else nullcontext():
            await SCRIPTS[plan.rollout](scene)
            if plan.is_outside:
                await scene.until("all is over", scene.settled)
            result.seconds = cluster.loop.time()
            await asyncio.sleep(SETTLING)
            await _quiet(scene, result)
        _judge(scene, troubles, normal, ends, result)
    except AssertionError as error:
        result.wrong = str(error)
    result.writes, result.events = troubles.writes, troubles.events
    result.requests, result.states = troubles.requests, watched.states
    result.hours = cluster.loop.time() / 3600
    result.happened, result.story = troubles.happened, watched.story()
    await cluster.close()
    return result


@contextmanager
def _planning_twice(watched: Watched) -> Iterator[None]:
    """A pass that is told what has changed decides what one does that compares everything."""

    def planned(observed: Observed, memory: Memory) -> actions.Plan:
        made, difference = plan_twice(observed, memory)
        if difference and watched.broken is None:
            watched.broken = AssertionError(difference)
        return made

    before, app.plan = app.plan, planned
    try:
        yield
    finally:
        app.plan = before


async def _quiet(scene: Scene, result: Result) -> None:
    """An hour in which nobody writes anything."""
    heard: list[str] = []

    def listen(change: Change) -> None:
        kind = change.kind.resource.kind
        if kind not in _QUIET_KINDS:
            heard.append(f"{kind} {change.key[1]}")

    result.end = end_state(scene.cluster)
    scene.cluster.server.store.listeners.append(listen)
    await asyncio.sleep(QUIET)
    assert not heard, f"not quiet: {heard[:10]}\n{scene.watched.story()}"


def _judge(
    scene: Scene,
    troubles: Troubles,
    normal: Result | None,
    ends: list[Mapping[str, Any]],
    result: Result,
) -> None:
    if scene.watched.broken is not None:
        raise scene.watched.broken
    if lost := orphans(scene.cluster):
        raise AssertionError(f"orphaned: {lost}\n{scene.watched.story()}")
    if normal is None:
        return
    if result.plan.is_outside:
        wrong = unexplained(scene.cluster, scene.watched, normal.end)
        assert not wrong, f"{wrong}\n{scene.watched.story()}"
    elif result.end not in ends:
        raise AssertionError(f"another end:\n{_difference(normal.end, result.end)}")
    allowed = REQUESTS * normal.requests
    assert troubles.requests <= allowed, f"{troubles.requests} requests, at most {allowed}"


def _other_ends(plan: Plan) -> list[Mapping[str, Any]]:
    """Where else a plan may end by which a change is heard of late."""
    other, resource = TOO_LATE.get(plan.rollout, ("", ""))
    late = any((at.verb, at.resource) == ("WATCH", resource) for at, _ in plan.faults)
    return [reference(other).end] if late else []


def _difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return "\n".join(
        f"  {name}:\n    {wanted[name]}\n    {found[name]}"
        for name in wanted
        if wanted[name] != found[name]
    )
