"""A rollout over many nodes, made of one that the operator has played over a few.

To play 5,000 nodes takes minutes. Here the nodes of a small rollout are taken again and again under
other names, wave after wave, each wave as much later as one takes.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from wavegate.cli.sight import Document, Sight
from wavegate.domain.times import format_time, parse_time


def enlarged(sight: Sight, deployment: str, nodes: int, wave_size: int, apart: float) -> Sight:
    """The sight with so many nodes in the deployment's waves after the canary's.

    ``apart``: seconds from one wave to the next. Each new node is a copy of one of wave 2, with
    what ran on it before.
    """
    chains: dict[str, list[Document]] = {}
    for each in sorted(sight.executions, key=lambda each: int(each["spec"]["attempt"])):
        chains.setdefault(each["spec"]["nodeName"], []).append(each)
    models = [chain for chain in chains.values() if _is_of(chain[-1], deployment, 2)]
    kept = [chain for chain in chains.values() if _is_of(chain[-1], deployment, 1)]
    made: list[Document] = [each for chain in kept for each in chain]
    needed = nodes - len(kept)
    for number in range(needed):
        wave, model = 2 + number // wave_size, models[number % len(models)]
        made += _copy(model, f"edge-{number:05}", wave, deployment, (wave - 2) * apart)
    waves = 1 + -(-needed // wave_size)
    deployments = [
        _grown(each, nodes, wave_size, waves, (waves - 3) * apart)
        if each["metadata"]["name"] == deployment
        else each
        for each in sight.deployments
    ]
    return replace(sight, executions=made, deployments=deployments)


def _is_of(execution: Document, deployment: str, wave: int) -> bool:
    spec = execution["spec"]
    return bool(spec["deploymentName"] == deployment and spec["rolloutWave"] == wave)


def _copy(
    chain: list[Document], node: str, wave: int, deployment: str, later: float
) -> list[Document]:
    made = []
    for each in chain:
        one = copy.deepcopy(each)
        attempt = one["spec"]["attempt"]
        one["metadata"].update(name=f"app-{node}-{attempt}", uid=f"{node}-{attempt}")
        one["spec"]["nodeName"] = node
        if one["spec"]["deploymentName"] == deployment:
            one["spec"]["rolloutWave"] = wave
            _move(one["metadata"], later)
            _move(one["status"], later)
            for condition in one["status"]["conditions"]:
                _move(condition, later)
        elif one["status"]["observedState"]["stateType"] == "Stopped":
            one["status"]["updatedAt"] = _later(one["status"]["updatedAt"], later)
            for condition in one["status"]["conditions"]:
                _move(condition, later)
        made.append(one)
    return made


def _grown(deployment: Document, nodes: int, wave_size: int, waves: int, later: float) -> Document:
    grown = copy.deepcopy(deployment)
    status: dict[str, Any] = grown["status"]
    status.update(totalNodes=nodes, updatedNodes=nodes, waveSize=wave_size)
    status.update(
        currentWave=waves, totalWaves=waves, message=f"v2 reached {nodes} of {nodes} nodes"
    )
    status["completedAt"] = _later(status["completedAt"], later)
    return grown


def _move(part: dict[str, Any], later: float) -> None:
    for name in ("creationTimestamp", "stableAt", "updatedAt", "lastTransitionTime"):
        if name in part:
            part[name] = _later(part[name], later)


def _later(moment: str, seconds: float) -> str:
    return format_time((parse_time(moment) or 0.0) + seconds)
