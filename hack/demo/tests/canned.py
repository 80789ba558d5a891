"""What a user would see at a moment of the demonstration, made up for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from demo.observer import Seen

Document = dict[str, Any]


def job(version: int, state: str, message: str, **conditions: str) -> Document:
    """A FleetJob; conditions as ``Ready="False RolledBack"``."""
    told = [
        {"type": kind, "status": text.split()[0], "reason": text.split()[-1]}
        for kind, text in conditions.items()
    ]
    return {
        "metadata": {"name": "telemetry"},
        "status": {
            "version": version,
            "state": {"stateType": state, "message": message},
            "conditions": told,
        },
    }


def rollout(name: str, state: str, **status: Any) -> Document:
    """A FleetDeployment of the job ``telemetry``; their order is that of the versions."""
    reason = status.pop("reason", state)
    sequence = 2 * int(name.removesuffix("-rollback")[1:]) + name.endswith("rollback")
    return {
        "metadata": {"name": f"telemetry-{name}"},
        "spec": {"type": "Rollback" if name.endswith("rollback") else "Update"},
        "status": {"state": state, "reason": reason, "sequence": sequence, **status},
    }


def execution(
    node: str, version: int, attempt: int, wave: int, said: str = "", by: str = ""
) -> Document:
    """An Execution; ``said`` as ``Failed: 3 bad windows``, ``by`` the rollout if not its own."""
    state, _, message = (said or "Running").partition(": ")
    return {
        "metadata": {"name": f"telemetry-{node}-{attempt}"},
        "spec": {
            "nodeName": node,
            "jobVersion": version,
            "attempt": attempt,
            "rolloutWave": wave,
            "deploymentName": f"telemetry-{by or f'v{version}'}",
        },
        "status": {"observedState": {"stateType": state, "message": message}},
    }


def pod(node: str, version: int, *, ready: bool = True) -> Document:
    """A pod of the job on a node."""
    return {
        "metadata": {"name": f"telemetry-{node}", "labels": {"wavegate.dev/version": str(version)}},
        "spec": {"nodeName": node},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def seen(
    told: Document,
    rollouts: Sequence[Document],
    executions: Sequence[Document],
    running: Mapping[str, int],
) -> Seen:
    """All of it; ``running``: version of the ready pod, by node."""
    pods = [pod(node, version) for node, version in running.items()]
    return Seen(job=told, deployments=rollouts, executions=executions, pods=pods)


def first_version() -> Seen:
    """Act 1, ended as it should."""
    return seen(
        job(1, "Running", "v1 runs on 3 nodes", Ready="True Running"),
        [rollout("v1", "Completed", canaryNodes=["a"])],
        [execution("a", 1, 1, 1), execution("b", 1, 1, 2), execution("c", 1, 1, 2)],
        {"a": 1, "b": 1, "c": 1},
    )


def promoted() -> Seen:
    """Act 2, ended as it should."""
    return seen(
        job(2, "Running", "v2 runs on 3 nodes", Ready="True Running"),
        [rollout("v2", "Completed", canaryNodes=["a"], canaryPromoted=True, totalWaves=2)],
        [execution("a", 2, 2, 1), execution("b", 2, 2, 2), execution("c", 2, 2, 2)],
        {"a": 2, "b": 2, "c": 2},
    )


REFUSAL = "3 bad windows in a row: 33.0% errors (33 of 100), above 5.0%"


def rolled_back() -> Seen:
    """Act 3, ended as it should."""
    why = f"v3 failed (the canary gate refused it: a: {REFUSAL}); back on v2"
    return seen(
        job(3, "Running", why, Ready="False RolledBack", Stalled="True RolledBack"),
        [
            rollout("v3", "Failed", reason="CanaryFailed", canaryNodes=["a"]),
            rollout("v3-rollback", "Completed"),
        ],
        [
            execution("a", 3, 3, 1, f"Failed: {REFUSAL}"),
            execution("a", 2, 4, 0, by="v3-rollback"),
            execution("b", 2, 2, 2),
            execution("c", 2, 2, 2),
        ],
        {"a": 2, "b": 2, "c": 2},
    )


def degraded() -> Seen:
    """Act 4, ended as it should."""
    why = "v4 runs on 2 of 3 nodes; c: not healthy by its deadline: no settings for node c"
    return seen(
        job(4, "Degraded", why, Ready="True Degraded"),
        [
            rollout("v2", "Completed", canaryNodes=["a"]),
            rollout("v4", "Completed", reason="Degraded", canaryNodes=["a"]),
        ],
        [
            execution("a", 4, 5, 1),
            execution("b", 4, 3, 2),
            execution("c", 4, 3, 2, "Failed: no settings for node c"),
            execution("c", 2, 4, 0),
        ],
        {"a": 4, "b": 4, "c": 2},
    )
