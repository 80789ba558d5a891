"""Job type ``update``: a command that changes a node, one node at a time unless told otherwise.

| config | |
| --- | --- |
| ``{command: [update]}`` | runs it on one node after the other |
| ``{command: [update], cordon: true}`` | the node is cordoned first, and opened again afterwards |
| ``{command: [update], cordon: "yes"}`` | refused: spec.config.cordon: must be true or false |

A cordon keeps new pods of others away; what runs on the node goes on. Its own pod tolerates it.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import FILE_NAME, document
from wavegate.drivers.once import Command, command_pod, parsed, require_image


class UpdateCommand(Command):
    """A command with its variables, and whether its node is cordoned."""

    cordon: bool = Field(default=False)


def cordons(spec: FleetJobSpec) -> bool:
    """Whether the job cordons a node before it works there."""
    return spec.type == "update" and (spec.config or {}).get("cordon") is True


class UpdateDriver:
    """Runs the config's command once."""

    def image(self, settings: PlanSettings) -> str:
        """The administrator's image for updates; empty where none is configured."""
        return settings.update_image

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:  # noqa: ARG002
        """The config as ``config.yaml``, which the command may read.

        Raises DocumentError if it is no command with variables, or if there is no image.
        """
        parsed(spec, UpdateCommand)
        require_image(spec, image)
        return {FILE_NAME: document(spec.config or {})}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:  # noqa: ARG002
        """The command's pod."""
        return command_pod(spec, image)

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """None: it is judged by how it ends."""
        return None
