"""Job type ``query``: a command that looks at a node and says what it found.

| config | the container main |
| --- | --- |
| ``{command: [sh, -c, "uname -r > /dev/termination-log"]}`` | runs that |
| ``{command: [check], env: {LIMIT: "3"}}`` | runs ``check`` with LIMIT=3 |
| ``{command: check}`` | refused: spec.config.command: must be a list |
| ``{command: [check], env: {LIMIT: 3}}`` | refused: spec.config.env.LIMIT: must be a string |
"""

from __future__ import annotations

from typing import Any

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import FILE_NAME, document
from wavegate.drivers.once import Command, command_pod, parsed, require_image


class QueryDriver:
    """Runs the config's command once."""

    def image(self, settings: PlanSettings) -> str:
        """The administrator's image for queries; empty where none is configured."""
        return settings.query_image

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:  # noqa: ARG002
        """The config as ``config.yaml``, which the command may read.

        Raises DocumentError if it is no command with variables, or if there is no image.
        """
        parsed(spec, Command)
        require_image(spec, image)
        return {FILE_NAME: document(spec.config or {})}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:  # noqa: ARG002
        """The command's pod."""
        return command_pod(spec, image)

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """None: it is judged by how it ends."""
        return None
