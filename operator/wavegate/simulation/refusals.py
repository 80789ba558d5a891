"""How the API server says no: Status documents, as errors of the operator's own types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wavegate.kube.errors import ApiError, error_of
from wavegate.kube.resources import Resource


def status(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    """A Status of a failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
        **({"details": details} if details else {}),
    }


def refusal(
    code: int, reason: str, message: str, *, retry_after: int | None = None, **details: Any
) -> ApiError:
    """The error that a client makes of that Status."""
    after = None if retry_after is None else str(retry_after)
    return error_of(code, status(code, reason, message, **details), after)


def not_simulated(what: str) -> ApiError:
    """The operator does something that it did not do when this server was written."""
    return refusal(501, "NotImplemented", f"the simulated API server has no {what}")


def not_found(resource: Resource, name: str) -> ApiError:
    message = f'{_full(resource)} "{name}" not found'
    return refusal(404, "NotFound", message, name=name, group=resource.group, kind=resource.plural)


def already_exists(resource: Resource, name: str) -> ApiError:
    message = f'{_full(resource)} "{name}" already exists'
    details: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.plural}
    return refusal(409, "AlreadyExists", message, **details)


def conflict(resource: Resource, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {_full(resource)} "{name}": {why}'
    details: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.plural}
    return refusal(409, "Conflict", message, **details)


def invalid(resource: Resource, name: str, causes: Sequence[str]) -> ApiError:
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'{kind} "{name}" is invalid: {", ".join(causes)}'
    found = [{"field": each.split(":")[0], "message": each.partition(": ")[2]} for each in causes]
    about: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.kind}
    return refusal(422, "Invalid", message, causes=found, **about)


def bad_request(message: str) -> ApiError:
    return refusal(400, "BadRequest", message)


def forbidden(user: str, verb: str, resource: str, group: str) -> ApiError:
    where = f' in API group "{group}"'
    message = f'{resource} is forbidden: User "{user}" cannot {verb} resource "{resource}"{where}'
    return refusal(403, "Forbidden", message, group=group, kind=resource)


def expired(message: str) -> ApiError:
    return refusal(410, "Expired", message)


def too_large(message: str) -> ApiError:
    return refusal(413, "RequestEntityTooLarge", message)


def _full(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural
