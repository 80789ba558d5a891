"""What users do while faults come over real processes: rollouts of four nodes, seconds each.

Each is a script that waits for what the cluster shows. They are named after the reference rollouts
of `faults.rollouts` that they are like; the job is ``app``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from support.few import AT_ONCE, few
from support.space import Document, Space

NODES: Final = ("sim-001", "sim-002", "sim-003", "sim-004")
PLACES: Final = 2
GOOD: Final[Mapping[str, Any]] = {
    "strategy": "Canary",
    "maxParallel": PLACES,
    "maxFailedNodes": 0,
    "maxFailedNodesPercent": 0,
    "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "15s"},
}
BAD: Final = ("app:bad",)
"""Images whose pods fail."""

PATIENCE: Final = 180.0
"""Seconds that any step of a script may take."""


class Seen(Protocol):
    def get(self, kind: str, name: str) -> Document | None: ...

    def list(self, kind: str) -> list[Document]: ...


class Tended(Protocol):
    """Operator processes."""

    def tend(self) -> None:
        """Start again what has ended; to be called again and again."""
        ...


@dataclass
class Scene:
    """What a script acts on."""

    space: Space
    seen: Seen
    """What is there, of the job and its children."""
    replicas: Tended

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Processes that end meanwhile are started again."""

        def tended() -> object:
            self.replicas.tend()
            return holds()

        self.space.wait(what, tended, seconds=PATIENCE)

    def apply(self, image: str, **more: Any) -> None:
        self.space.apply("app", few(image, nodes=NODES, **{**GOOD, **more}))

    def status(self, kind: str, name: str) -> Document:
        """Empty where there is none."""
        return dict((self.seen.get(kind, name) or {}).get("status", {}))

    def over(self, name: str) -> None:
        ends = ("Completed", "Failed", "Canceled")
        self.until(
            f"{name} is over", lambda: self.status("FleetDeployment", name).get("state") in ends
        )

    def executions(self, version: int) -> list[Document]:
        return [e for e in self.seen.list("Execution") if e["spec"]["jobVersion"] == version]

    def says(self, reason: str) -> None:
        """The job says it, of its spec as it is now."""
        generation = self.space.client.get(self.space.path("FleetJob", "app"))["metadata"]

        def holds() -> bool:
            status = self.status("FleetJob", "app")
            ready = [each for each in status.get("conditions", ()) if each["type"] == "Ready"]
            return status.get("observedGeneration") == generation["generation"] and [
                each["reason"] for each in ready
            ] == [reason]

        self.until(f"the job says {reason}", holds)

    def install(self) -> None:
        """Version 1 on every node, all at once."""
        self.apply("app:1", **AT_ONCE)
        self.over("app-v1")
        self.says("Running")


def all_healthy(scene: Scene) -> None:
    """R1. One canary and two waves."""
    scene.install()
    scene.apply("app:2")
    scene.over("app-v2")
    scene.says("Running")


def canary_fails(scene: Scene) -> None:
    """R2. A good update; then a canary that fails its gate, and the way back."""
    all_healthy(scene)
    scene.apply("app:bad", fate="crash")
    scene.over("app-v3")
    scene.over("app-v3-rollback")
    scene.says("RolledBack")


def second_wave_fails(scene: Scene) -> None:
    """R3. A good update; then one whose canary is fine and whose next wave is not."""
    all_healthy(scene)
    order: list[Document] = sorted(
        scene.executions(2), key=lambda each: each["spec"]["rolloutWave"]
    )
    assert [each["spec"]["rolloutWave"] for each in order] == [1, 2, 2, 3]
    late = [each["spec"]["nodeName"] for each in order[1:]]
    scene.apply("app:bad", fate_on=",".join(f"{node}=crash" for node in late))
    scene.over("app-v3")
    scene.over("app-v3-rollback")
    scene.says("RolledBack")


def made_again(scene: Scene) -> None:
    """R7. The job is deleted while it rolls, and made again under the same name at once."""
    scene.install()
    scene.apply("app:2")
    scene.until("v2 has begun", lambda: scene.executions(2))
    scene.space.delete("FleetJob", "app")
    scene.until("it is gone", lambda: not scene.seen.get("FleetJob", "app"))
    scene.apply("app:3")
    scene.over("app-v1")
    scene.says("Running")


SCRIPTS: Final[Mapping[str, Callable[[Scene], None]]] = {
    "R1": all_healthy,
    "R2": canary_fails,
    "R3": second_wave_fails,
    "R7": made_again,
}


def _end(version: int, stable: int, failed: int | None = None) -> Document:
    """Where all is well, or was taken back to a version that is."""
    back = {"Ready": "False RolledBack", "Stalled": "True RolledBack"}
    return {
        "version": version,
        "stableVersion": stable,
        "failedVersion": failed,
        "versions": [{"nodes": len(NODES), "version": stable}],
        "nodes": {
            "desired": len(NODES),
            "failed": 0,
            "lost": 0,
            "notReady": 0,
            "stable": len(NODES),
            "updated": len(NODES),
        },
        "state": "Running",
        "conditions": {
            "Available": "True Running",
            **(back if failed else {"Ready": "True Running"}),
        },
        "runs": dict.fromkeys(NODES, f"{stable} ready"),
        "live": dict.fromkeys(NODES, f"v{stable} Running"),
    }


_UPDATED: Final = {"app-v1": "Completed Completed", "app-v2": "Completed Completed"}
_BACK: Final = {**_UPDATED, "app-v3-rollback": "Completed Completed"}
_STABLE: Final = {"app-v1": True, "app-v2": True}
ENDS: Final[Mapping[str, Document]] = {
    "R1": {
        **_end(2, 2),
        "deployments": _UPDATED,
        "stable": _STABLE,
        "images": dict.fromkeys(NODES, "app:2"),
    },
    "R2": {
        **_end(3, 2, failed=3),
        "deployments": {**_BACK, "app-v3": "Failed CanaryFailed"},
        "stable": {**_STABLE, "app-v3": False},
        "images": dict.fromkeys(NODES, "app:2"),
    },
    "R3": {
        **_end(3, 2, failed=3),
        "deployments": {**_BACK, "app-v3": "Failed BudgetExceeded"},
        "stable": {**_STABLE, "app-v3": False},
        "images": dict.fromkeys(NODES, "app:2"),
    },
    "R7": {
        **_end(1, 1),
        "deployments": {"app-v1": "Completed Completed"},
        "stable": {"app-v1": True},
        "images": dict.fromkeys(NODES, "app:3"),
    },
}
"""How each ends without faults, as `faults.ends.end_state` tells it: with them it is to, too."""
