"""Job types ``query`` and ``update``: a command that runs once on each node.

A query looks at a node and says what it found. An update changes the node, one node after the other
unless told otherwise, and may close it meanwhile.

| config | |
| --- | --- |
| ``{command: [sh, -c, "uname -r > /dev/termination-log"]}`` | the container main runs that |
| ``{command: [check], env: {LIMIT: "3"}}`` | runs ``check`` with LIMIT=3 |
| ``{command: check}`` | refused: spec.config.command: must be a list |
| ``{command: [check], env: {LIMIT: 3}}`` | refused: spec.config.env.LIMIT: must be a string |
| ``{command: [update], cordon: true}``, update | its node is cordoned, and opened afterwards |
| ``{command: [update], cordon: "yes"}``, update | refused: spec.config.cordon: must be a bool |
| ``{command: [check], cordon: true}``, query | refused: spec.config.cordon: is not known |

A cordon keeps new pods of others away; what runs on the node goes on. Its own pod tolerates it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from wavegate.api.base import Model
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import FILE_NAME, document
from wavegate.drivers.once import NODE_NAME, Text, once_pod, parsed, require_image

_USER: Final = 65532

Variable = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
]


class Command(Model):
    """A command with its variables."""

    command: list[Text] = Field(min_length=1, max_length=256)
    env: dict[Variable, Text] = Field(default_factory=dict, max_length=256)


class UpdateCommand(Command):
    """A command with its variables, and whether its node is cordoned."""

    cordon: bool = Field(default=False)


def cordons(spec: FleetJobSpec) -> bool:
    """Whether the job cordons a node before it works there."""
    return spec.type == "update" and (spec.config or {}).get("cordon") is True


@dataclass(frozen=True, slots=True)
class CommandDriver:
    """Runs the config's command."""

    config: type[Command]
    administrators_image: Callable[[PlanSettings], str]

    def image(self, settings: PlanSettings) -> str:
        """The administrator's image for the type; empty where none is configured."""
        return self.administrators_image(settings)

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:  # noqa: ARG002
        """The config as ``config.yaml``, which the command may read.

        Raises DocumentError if it is no command with variables, or if there is no image.
        """
        parsed(spec, self.config)
        require_image(spec, image)
        return {FILE_NAME: document(spec.config or {})}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:  # noqa: ARG002
        """The command's pod, by the restricted Pod Security Standard.

        Whoever needs more of the node asks for it by the template.
        """
        config = spec.config or {}
        env = config.get("env")
        given = env.items() if isinstance(env, dict) else ()
        variables = [NODE_NAME, *({"name": name, "value": value} for name, value in sorted(given))]
        return once_pod(
            image,
            {"command": config.get("command"), "env": variables},
            {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        )

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """None: it is judged by how it ends."""
        return None


QUERY: Final = CommandDriver(Command, lambda settings: settings.query_image)
UPDATE: Final = CommandDriver(UpdateCommand, lambda settings: settings.update_image)
