"""What a replay has of the run that it repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_REPEATED: Final = ("priority", "metadata", "concurrencyKey", "ttl", "overrides", "debug")
"""Beside the payload, which it refers to."""


def replay_spec(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a run that repeats that one, without jobName: at once, and without its key,
    which is used up. Of a FleetJob: it has no payload, and so nothing to refer to."""
    kept = {field: spec[field] for field in _REPEATED if spec.get(field)}
    if spec.get("jobKind") == "FleetJob":
        return kept
    return {"replayOf": name, **kept}
