"""Every status document that is written must be one that the API server would store whole.

The models forbid unknown fields and check every bound, so that a field the core invents, or a text
that grows without one, is found at the write that brought it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.world import World
from wavegate.api.base import Model
from wavegate.api.execution import ExecutionStatus
from wavegate.api.fleetdeployment import FleetDeploymentStatus
from wavegate.api.fleetjob_status import FleetJobStatus
from wavegate.api.jobversion import JobVersionStatus
from wavegate.domain.actions import Action, SetStatus

STATUS_MODELS: Mapping[str, type[Model]] = {
    "FleetJob": FleetJobStatus,
    "JobVersion": JobVersionStatus,
    "FleetDeployment": FleetDeploymentStatus,
    "Execution": ExecutionStatus,
}


def status_fits_the_schema(world: World, action: Action) -> None:
    """A watcher: pydantic's ValidationError names the field that does not fit."""
    if isinstance(action, SetStatus):
        STATUS_MODELS[action.kind].model_validate(dict(action.status))
