"""Runs on disk: one file each, in a directory for what was measured, so that runs add up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def directory(out: Path, nodes: int, code: str) -> Path:
    """Where the runs with so many nodes of this code (`machine.code`) are; it exists."""
    made = out / f"{nodes}-nodes-{code}"
    made.mkdir(parents=True, exist_ok=True)
    return made


def save(directory: Path, record: Mapping[str, Any]) -> Path:
    """Write a run under the number that it has."""
    path = directory / f"run-{record['run']:02}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path


def load(directory: Path) -> list[Record]:
    """All runs, in their order."""
    return [json.loads(path.read_text()) for path in sorted(directory.glob("run-*.json"))]
