"""What the types that run to completion share: their config, their image, and their pod.

They run the container ``main``, the template's or one with the administrator's image for the type.
What it writes to ``/dev/termination-log`` is the node's result.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, StringConstraints, ValidationError

from wavegate.api.base import Model
from wavegate.api.fleetjob import FleetJobSpec, field_problems
from wavegate.api.names import MAIN_CONTAINER
from wavegate.drivers.document import DocumentError, bounded_config

M = TypeVar("M", bound=Model)

_MOST_PROBLEMS: Final = 5

NODE_NAME: Final = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
"""The variable by which a program learns its node's name."""


def without_nul(text: str) -> str:
    """The text; ValueError where it has a character that ends texts on a node."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


Text = Annotated[str, StringConstraints(max_length=32_768), AfterValidator(without_nul)]


def parsed(spec: FleetJobSpec, model: type[M]) -> M:
    """The job's config by its type's model.

    Raises DocumentError with a line for each of the first fields that are wrong, such as
    ``spec.config.command[0]: must be …``.
    """
    config = bounded_config(spec)
    if config is None:
        raise DocumentError(f"spec.config: is required for type {spec.type}")
    try:
        return model.model_validate(config)
    except ValidationError as error:
        problems = field_problems(error, "spec.config")
    more = len(problems) - _MOST_PROBLEMS
    shown = problems[:_MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
    raise DocumentError("; ".join(shown))


def require_image(spec: FleetJobSpec, image: str) -> None:
    """Raises DocumentError where neither the administrator nor the template has an image."""
    pod = (spec.template or {}).get("spec") or {}
    own = any(
        each.get("name") == MAIN_CONTAINER and each.get("image")
        for each in pod.get("containers") or ()
        if isinstance(each, dict)
    )
    if not image and not own:
        raise DocumentError(
            f"spec.template.spec.containers: type {spec.type} has no image: give the container"
            f" {MAIN_CONTAINER} one, or have the administrator set the operator's option"
            f" --{spec.type}-image (for versions made from then on)"
        )


def once_pod(image: str, main: dict[str, Any], security: dict[str, Any]) -> dict[str, Any]:
    """A pod of the container ``main`` with a read-only root and no capabilities."""
    container = {
        "name": MAIN_CONTAINER,
        **({"image": image} if image else {}),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **main,
    }
    return {
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": security,
            "containers": [container],
        }
    }
