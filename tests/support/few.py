"""Jobs on a few of the simulated nodes, and what a user sees of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import wavelab
from support.jobs import container
from support.space import Document, Space

NODES = ("sim-001", "sim-002", "sim-003")
AT_ONCE: Final[dict[str, Any]] = {"strategy": "Rolling", "maxParallel": "100%"}
"""Settings of a rollout in one wave whose windows are kept."""
GATED: Final[dict[str, Any]] = {"strategy": "Canary", "autoPromote": False, "maxParallel": 2}
"""Settings of one that waits for a person after its canary."""


def few(
    image: str = "app:1",
    fate_on: str = "",
    *,
    fate: str = "",
    nodes: Iterable[str] = NODES,
    spec: Mapping[str, Any] | None = None,
    **rollout: Any,
) -> Document:
    """A container job on these nodes, in one wave unless ``rollout`` says otherwise.

    ``fate``, ``fate_on``: as of ``container``; ``spec``: further fields of the job's spec.
    """
    more, spec = spec or {}, container(image, fate, fate_on, **{**AT_ONCE, **rollout})
    return {**spec, "selector": {"matchIds": list(nodes)}, **more}


@contextmanager
def simulated(cluster: wavelab.Cluster, nodes: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """Simulated nodes of a test's own, by name with their labels: the pool stays as it is."""
    for name, labels in nodes.items():
        cluster.add_simulated([name], labels)
    try:
        yield
    finally:
        for name in nodes:
            cluster.remove_node(name)


def health(**fields: Any) -> Document:
    """A health check that says healthy after one window of a second, or as ``fields`` say."""
    check = {"interval": "1s", "successThreshold": 1, "deadline": "30s", **fields}
    return {key: value for key, value in check.items() if value is not None}


def deploy(space: Space, name: str, **spec: Any) -> None:
    """Create a user's deployment of the job ``app``."""
    body = {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": name},
        "spec": {"jobName": "app", **spec},
    }
    space.client.request("POST", space.path("FleetDeployment"), body)


def runs(space: Space, version: int, nodes: Iterable[str] = NODES, job: str = "app") -> bool:
    """Whether exactly these nodes run exactly this version, and the job says that all is well."""
    return (
        space.running(job) == dict.fromkeys(nodes, str(version))
        and space.job_state(job) in ("Running", "Degraded")
        and space.condition(job).get("status") == "True"
    )


def job_of(space: Space, name: str = "app") -> Document:
    return space.get("FleetJob", name) or {}


def status_of(space: Space, name: str = "app") -> Document:
    """status of a FleetJob; empty where there is none."""
    return dict(job_of(space, name).get("status", {}))


def spec_of(space: Space, kind: str, name: str) -> Document:
    return dict((space.get(kind, name) or {}).get("spec", {}))


def wave_sizes(space: Space, version: int, job: str = "app") -> dict[int, int]:
    """How many executions of the version each wave has."""
    waves = [each["spec"]["rolloutWave"] for each in space.executions(job, version)]
    return {wave: waves.count(wave) for wave in sorted(waves)}


def ended(space: Space, deployment: str) -> bool:
    return space.deployment(deployment).get("state") in ("Completed", "Failed", "Canceled")


def seen(space: Space, name: str = "app") -> bool:
    """Whether the job's status is about its spec as it is now."""
    job = job_of(space, name)
    observed = job.get("status", {}).get("observedGeneration")
    return bool(job) and observed == job["metadata"]["generation"]


def at(text: str) -> float:
    """Epoch seconds of a time in a document."""
    return datetime.fromisoformat(text).timestamp()


def created(document: Document) -> float:
    return at(document["metadata"]["creationTimestamp"])


def stable(execution: Document) -> bool:
    return "stableAt" in execution.get("status", {})
