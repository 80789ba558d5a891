"""What is profiled: the whole operator creates a job on a simulated fleet, then rolls it.

    python -m bench.profile.workload --nodes 1000 --seed 1 FIGURES

Writes the figures of both acts into the file FIGURES, as JSON; the operator's log goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.machine import ROOT
from wavegate.engine.reconciler import Reconciler
from wavegate.garbage import collect_the_young_only
from wavegate.kube.resources import EXECUTIONS, FLEET_DEPLOYMENTS
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import load_roles
from wavegate.simulation.store import Change
from wavegate.telemetry.logs import set_up_logs

JOB: Final = "fleet"
PATIENCE: Final = 7200.0
"""Virtual seconds for one act."""
_LOOK: Final = 0.5
_REST: Final = 5.0
"""Virtual seconds after an act in which its last writes are made."""

_CREATE: Final[dict[str, Any]] = {"strategy": "Immediate"}
_ROLL: Final[dict[str, Any]] = {
    "strategy": "Rolling",
    "maxParallel": "10%",
    "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "2m"},
}
_ACTS: Final = (("create", "app:1", _CREATE), ("roll", "app:2", _ROLL))


class Passes:
    """Seconds that each pass took, as the operator itself has measured them."""

    def __init__(self, reconciler: Reconciler) -> None:
        self.seconds: list[float] = []
        self._told = reconciler.passed
        reconciler.passed = self._passed

    def _passed(self, result: str, seconds: float) -> None:
        self.seconds.append(seconds)
        self._told(result, seconds)


async def play(nodes: int, seed: int) -> list[dict[str, Any]]:
    """Both acts, in a running `VirtualLoop`; their figures, in seconds."""
    cluster = SimulatedCluster(load_roles(ROOT / "manifests"), seed)
    made = 0

    def count(change: Change) -> None:
        nonlocal made
        made += change.kind.resource == EXECUTIONS and not change.old

    cluster.server.store.listeners.append(count)
    for number in range(nodes):
        cluster.fleet.add(f"node-{number:05}")
    cluster.keep_running()
    await asyncio.sleep(0)  # the process is there, and has not yet begun
    passes = Passes(cluster.processes[0].operator.reconciler)
    figures = []
    for number, (act, image, rollout) in enumerate(_ACTS, 1):
        passes.seconds.clear()
        before, cpu, begun = made, time.process_time(), cluster.loop.time()
        cluster.apply(JOB, _spec(image, rollout))
        await _completed(cluster, f"{JOB}-v{number}")
        virtual = cluster.loop.time() - begun
        await asyncio.sleep(_REST)
        figures.append(
            {
                "act": act,
                "executions": made - before,
                "cpu_seconds": time.process_time() - cpu,
                "virtual_seconds": virtual,
                "passes": sorted(passes.seconds),
            }
        )
    await cluster.close()
    return figures


async def _completed(cluster: SimulatedCluster, name: str) -> None:
    """Until the rollout has ended as it should; AssertionError where it does not."""
    until = cluster.loop.time() + PATIENCE
    state = None
    while state != "Completed":
        assert state not in ("Failed", "Canceled"), f"{name} is {state}"
        assert cluster.loop.time() < until, f"{name} is {state} after {PATIENCE:g} s"
        await asyncio.sleep(_LOOK)
        deployment = cluster.get(FLEET_DEPLOYMENTS.kind, name)
        state = deployment and deployment["status"].get("state")


def _spec(image: str, rollout: dict[str, Any]) -> dict[str, Any]:
    container = {"name": "main", "image": image}
    return {
        "type": "container",
        "selector": {"matchLabels": {"pool": "edge"}},
        "template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}},
        "rollout": rollout,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile.workload", description=__doc__)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("figures", type=Path)
    options = parser.parse_args(arguments)
    set_up_logs("text", verbose=False)
    collect_the_young_only()  # as the operator's process does
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        figures = runner.run(play(options.nodes, options.seed))
    options.figures.write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
