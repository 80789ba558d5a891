"""Runs one fault plan and asks the oracles about it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.plans import Address, Plan
from faults.rollouts import JOB, NODES, PLACES, ROLLOUTS, Scene
from faults.troubles import Troubles
from faults.watched import Watched
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import load_roles
from wavegate.simulation.store import Change, Document

MANIFESTS = Path(__file__).parents[2] / "manifests"
REFERENCE_PATIENCE = 1800.0
PATIENCE = 10
"""How many times the reference's time a run may take."""

SPARE = 900.0
"""Virtual seconds that it may take beyond that: a lease, back-offs, what the fault takes."""

REQUESTS = 3
"""How many times the reference's requests a run may make."""

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
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_run(plan, replicas, normal))


async def _run(plan: Plan, replicas: int, normal: Result | None) -> Result:
    cluster = SimulatedCluster(roles())
    watched = Watched(cluster, PLACES.get(plan.rollout, 6))
    troubles = Troubles(plan, cluster, watched)
    for number in range(NODES[plan.rollout]):
        cluster.fleet.add(f"n{number:02}")
    for _ in range(replicas):
        cluster.keep_running(troubles.of)
    patience = REFERENCE_PATIENCE if normal is None else PATIENCE * normal.seconds + SPARE
    scene = Scene(cluster, watched, patience)
    result = Result(plan)
    try:
        await ROLLOUTS[plan.rollout](scene)
        result.seconds = cluster.loop.time()
        await asyncio.sleep(SETTLING)
        await _quiet(scene, result)
        _judge(scene, troubles, normal, result)
    except AssertionError as error:
        result.wrong = str(error)
    result.writes, result.events = troubles.writes, troubles.events
    result.requests, result.states = troubles.requests, watched.states
    result.hours = cluster.loop.time() / 3600
    result.happened, result.story = troubles.happened, watched.story()
    await cluster.close()
    return result


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


def _judge(scene: Scene, troubles: Troubles, normal: Result | None, result: Result) -> None:
    if scene.watched.broken is not None:
        raise scene.watched.broken
    if orphans := _orphans(scene.cluster):
        raise AssertionError(f"orphaned: {orphans}\n{scene.watched.story()}")
    if normal is None:
        return
    if result.end != normal.end:
        raise AssertionError(f"another end:\n{_difference(normal.end, result.end)}")
    allowed = REQUESTS * normal.requests
    assert troubles.requests <= allowed, f"{troubles.requests} requests, at most {allowed}"


def end_state(cluster: SimulatedCluster) -> dict[str, Any]:
    """Where everything is, without ids, times and words."""
    job = (cluster.get("FleetJob", JOB) or {}).get("status", {})
    conditions = {
        each["type"]: f"{each['status']} {each['reason']}" for each in job.get("conditions", ())
    }
    deployments = {
        each["metadata"]["name"]: " ".join(
            str(each.get("status", {}).get(field)) for field in ("state", "reason")
        )
        for each in cluster.list("FleetDeployment")
    }
    kept = ("version", "stableVersion", "failedVersion", "versions", "nodes")
    return {
        **{field: job.get(field) for field in kept},
        "state": (job.get("state") or {}).get("stateType"),
        "conditions": conditions,
        "deployments": deployments,
        "stable": {
            each["metadata"]["name"]: (each.get("status") or {}).get("stable", False)
            for each in cluster.list("JobVersion")
        },
        "runs": {
            each["spec"].get("nodeName"): each["metadata"]["labels"]["wavegate.dev/version"]
            + (" ready" if _is_ready(each) else " not ready")
            for each in cluster.list("Pod")
        },
        "live": _live(cluster),
    }


def _live(cluster: SimulatedCluster) -> dict[str, str]:
    """What the newest execution of each node says."""
    newest: dict[str, Document] = {}
    for each in cluster.list("Execution"):
        node = each["spec"]["nodeName"]
        if node not in newest or each["spec"]["attempt"] > newest[node]["spec"]["attempt"]:
            newest[node] = each
    return {
        node: f"v{each['spec']['jobVersion']} {each['status']['observedState']['stateType']}"
        for node, each in newest.items()
    }


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _orphans(cluster: SimulatedCluster) -> list[str]:
    """Children whose owner is not there."""
    store = cluster.server.store
    found = []
    for kind in SERVED.values():
        for key, _ in store.items(kind):
            owners = (store.get(kind, key) or {})["metadata"].get("ownerReferences", ())
            if owners and not all(store.exists(each["uid"]) for each in owners):
                found.append(f"{kind.resource.kind} {key[1]}")
    return found


def _difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return "\n".join(
        f"  {name}:\n    {wanted[name]}\n    {found[name]}"
        for name in wanted
        if wanted[name] != found[name]
    )
