"""Runs on disk: one file each, in a directory for what was measured, so that runs add up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def directory(out: Path, nodes: int, code: str) -> Path:
    """Where the runs with so many nodes of this code (`machine.code`) are; it exists."""
    made = out / f"{nodes}-nodes-{code}"
    made.mkdir(parents=True, exist_ok=True)
    return made


def number(directory: Path) -> int:
    """Of the next run."""
    return max((record["run"] for record in load(directory)), default=0) + 1


def path(directory: Path, record: Mapping[str, Any]) -> Path:
    """Of a run."""
    return directory / f"run-{record['run']:02}.json"


def save(directory: Path, record: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Write a run under the number that it has; what it had before is replaced."""
    file = path(directory, record)
    file.write_text(json.dumps(record, indent=1) + "\n")
    say(f"stored {file}")


def add(directory: Path, record: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Write it as the next run."""
    save(directory, {"run": number(directory), **record}, say)


def load(directory: Path) -> list[Record]:
    """All runs, in their order."""
    return [json.loads(file.read_text()) for file in sorted(directory.glob("run-*.json"))]
