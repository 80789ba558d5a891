"""What only the operator's administrator knows, as a job needs it to be."""

from __future__ import annotations

from posixpath import dirname
from typing import Any

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.cli.sight import at


def directories_of(spec: FleetJobSpec) -> tuple[str, ...]:
    """The directories that a job of type config writes into; empty for other types."""
    if spec.type != "config" or spec.config is None:
        return ()
    files: Any = spec.config.get("files")
    paths = [at(each, "path") for each in files] if isinstance(files, list) else []
    found = {dirname(path) for path in paths if isinstance(path, str) and path.startswith("/")}
    return tuple(sorted(found - {"/"}))
