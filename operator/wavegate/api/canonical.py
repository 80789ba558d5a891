"""Canonical form of a job's spec: what two specs must share to be the same.

Over the *validated* model, fields equal to their default left out, nulls out, keys sorted. So
spelling does not matter (key order, explicit defaults and nulls, ``60s`` or ``1m``, ``1.0`` or
``1``, which the API server's JSON does not tell apart), and anything else does. A null in a list
stays, because there it is an element. A new release that adds a field with a default makes no
version by it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from wavegate.api.defaults import strip_rollout
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.httpjob import HTTPJobSpec
from wavegate.api.names import RESERVED_PREFIX

HASH_FORMAT: Final = "h1"
"""Number of the hash format; stored hashes are never recomputed."""

_HASH_DIGITS: Final = 32
_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_NO_FLOAT: Final = 2**1023
"""From here on a number is none that the API server can hold."""

_AS_THEY_ARE: Final = frozenset({str, bool, type(None)})

_NOT_A_VERSION: Final = ("suspend", "revisionHistoryLimit", "description", "priority")
_WORKLOAD: Final = ("type", "config", "template", "labels", "restartPolicy")


def canonical(spec: FleetJobSpec) -> str:
    """The whole spec as canonical JSON."""
    return _dump(_plain_spec(spec))


def version_key(spec: FleetJobSpec) -> str:
    """Canonical form of what makes a version.

    All but reserved meta, ``suspend``, ``rollout.paused``, ``revisionHistoryLimit``,
    ``description`` and ``priority``.
    """
    plain = _plain_spec(spec)
    for name in _NOT_A_VERSION:
        plain.pop(name, None)
    _put(plain, "rollout", _unpaused(plain))
    meta = plain.get("meta", {})
    _put(plain, "meta", {k: v for k, v in meta.items() if not k.startswith(RESERVED_PREFIX)})
    return _dump(plain)


def version_hash(spec: FleetJobSpec) -> str:
    """``h1:`` and 32 hex digits, over what makes a version: to be kept where a config is large."""
    return _hash(version_key(spec))


def workload_hash(spec: FleetJobSpec, driver_image: str, driver_revision: str) -> str:
    """``h1:`` and 32 hex digits, over what reaches a node: equal hashes restart nothing.

    Type, config, template, labels, restartPolicy, timeouts.execution, and the driver's image and
    revision as pinned.
    """
    plain = _plain_spec(spec)
    workload: dict[str, Any] = {name: plain[name] for name in _WORKLOAD if name in plain}
    if spec.timeouts.execution:
        workload["timeouts"] = {"execution": _plain(spec.timeouts.execution)}
    driver = {"image": driver_image, "revision": driver_revision}
    return _hash(_dump({"driver": driver, "workload": workload}))


def rollout_key(spec: FleetJobSpec) -> str:
    """Canonical form of the rollout section less ``paused``."""
    return _dump(_unpaused(_plain_spec(spec.model_copy(update={"config": None, "template": None}))))


_NOT_A_RUN_VERSION: Final = ("suspend", "revisionHistoryLimit", "description", "displayName")


def http_version_key(spec: HTTPJobSpec) -> str:
    """Canonical form of what makes a version of an HTTPJob: all but words, and what is lived by."""
    plain = _plain_model(spec)
    for name in _NOT_A_RUN_VERSION:
        plain.pop(name, None)
    return _dump(plain)


def http_job_hash(spec: HTTPJobSpec) -> str:
    """``h1:`` and 32 hex digits, over what is called and how."""
    return _hash(_dump({"http": _plain(spec.http)}))


def _plain_spec(spec: FleetJobSpec) -> dict[str, Any]:
    return _plain_model(spec.model_copy(update={"rollout": strip_rollout(spec.rollout, spec.type)}))


def _plain_model(model: BaseModel) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, alias, default in _fields(type(model)):
        value = getattr(model, name)
        if value is not None and value != default:
            plain[alias] = _plain(value)
    return plain


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str, Any], ...]:
    """Name, alias and default of each field; pydantic takes its time to tell."""
    return tuple(
        (name, field.alias or name, field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
    )


def _plain(value: Any) -> Any:
    kind = type(value)  # this first, for a large config has many of the simplest
    if kind in _AS_THEY_ARE or (kind is int and _INT64_MIN <= value <= _INT64_MAX):
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    match value:
        case BaseModel():
            return _plain_model(value)
        case Mapping():
            return _plain(dict(value))
        case int() if not _INT64_MIN <= value <= _INT64_MAX:
            return int(float(value)) if abs(value) < _NO_FLOAT else value
    return value


def _unpaused(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in plain.get("rollout", {}).items() if k != "paused"}


def _put(plain: dict[str, Any], key: str, value: Mapping[str, Any]) -> None:
    if value:
        plain[key] = value
    else:
        plain.pop(key, None)


def _hash(text: str) -> str:
    return f"{HASH_FORMAT}:{hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]}"


def _dump(plain: Mapping[str, Any]) -> str:
    return json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
