"""Job type ``container``: the template is the pod; the config, if any, a file beside it."""

from __future__ import annotations

from typing import Any

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import FILE_NAME, bounded_config, document


class ContainerDriver:
    """Adds nothing to the user's pod."""

    def image(self, settings: PlanSettings) -> str:  # noqa: ARG002 - the template has the image
        """Empty: nothing of the administrator's is pinned."""
        return ""

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:  # noqa: ARG002
        """The config as ``config.yaml``; empty without one. Raises DocumentError if too long."""
        config = bounded_config(spec)
        return {} if config is None else {FILE_NAME: document(config)}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:  # noqa: ARG002
        """Empty: the template is the whole pod."""
        return {}

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """None: only the user knows what the container counts."""
        return None
