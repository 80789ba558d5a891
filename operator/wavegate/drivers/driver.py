"""What a job type has to say, and the table of job types.

A driver turns a spec into a document and a pod, and knows which counters mean error. A new job
type is one file here and one row in ``DRIVERS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.command import QUERY, UPDATE
from wavegate.drivers.config import ConfigDriver
from wavegate.drivers.container import ContainerDriver
from wavegate.drivers.document import DocumentError
from wavegate.drivers.pipeline import PipelineDriver

__all__ = ["DRIVERS", "DocumentError", "Driver", "driver_for"]


class Driver(Protocol):
    """One job type. Pure: the same spec and image always give the same answers."""

    def image(self, settings: PlanSettings) -> str:
        """The image that a new JobVersion pins; empty where the template brings its own."""
        ...

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:
        """Contents of the version's ConfigMap, file name to text; empty where it needs none.

        ``image``: what the version pinned. Raises DocumentError (``spec.config: what is wrong``).
        """
        ...

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:
        """The pod (``metadata`` and ``spec``) on which the user's template is laid.

        Of a config that `document` refuses it makes something: it is asked for where pods may run
        before anything is prepared.
        """
        ...

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:
        """The type's own counters; None where it has none."""
        ...


DRIVERS: Final[Mapping[str, Driver]] = {
    "config": ConfigDriver(),
    "container": ContainerDriver(),
    "pipeline": PipelineDriver(),
    "query": QUERY,
    "update": UPDATE,
}
"""By ``spec.type``."""


def driver_for(job_type: str) -> Driver:
    """The driver of a job type; KeyError for one that is not in the CRD."""
    return DRIVERS[job_type]
