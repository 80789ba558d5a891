"""The FleetJob on all nodes that a scenario happens to: changed, and waited for."""

from __future__ import annotations

import asyncio
from typing import Final

from bench.api import Api, Document
from bench.contenders import DEPLOYMENTS, FLEET_JOBS, fleet_job, pod_spec, rolling
from bench.errors import BenchError
from bench.lab import POOL

NAME: Final = "fleet"
ONE_WAVE: Final = {**rolling(), "maxParallel": "100%"}
"""All nodes at once, and judged within seconds."""

_SECONDS: Final = 900.0
"""What takes longer ends the benchmark."""


class Fleet:
    """One FleetJob; ``version`` is the number of the newest one."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.version = 0

    async def create(self) -> None:
        """Bring the first version to all nodes."""
        document = fleet_job(NAME, {"matchLabels": POOL}, ONE_WAVE)
        await self._api.request("POST", FLEET_JOBS, document)
        self.version = 1
        await self.ends("Completed")

    async def change(self, rollout: Document, annotations: Document | None = None) -> None:
        """Ask for the next version, whose pods have these annotations."""
        self.version += 1
        template = {
            "metadata": {"annotations": annotations},
            "spec": pod_spec(f"app:{self.version}"),
        }
        change = {"spec": {"template": template, "rollout": rollout}}
        await self._api.merge(f"{FLEET_JOBS}/{NAME}", change)

    async def ends(self, state: str, suffix: str = "") -> None:
        """Wait until the newest version's rollout (or its ``-rollback``) has ended like that."""
        name = f"{NAME}-v{self.version}{suffix}"
        await ended(self._api, name, state)


async def ended(api: Api, deployment: str, state: str) -> Document:
    """The FleetDeployment's status, once it has ended. Raises BenchError where not like that."""
    try:
        async with asyncio.timeout(_SECONDS):
            async for found in api.states(DEPLOYMENTS, deployment):
                status = dict(found.get("status", {}))
                match status.get("state"):
                    case found_state if found_state == state:
                        return status
                    case "Completed" | "Failed" | "Canceled":
                        raise BenchError(f"{deployment} is not {state}: {status['message']}")
    except TimeoutError as error:
        raise BenchError(f"{deployment}: not {state} after {_SECONDS:.0f} s") from error
    raise AssertionError("a watch has no end")
