"""The pages on runs of HTTPJobs in docs/concepts, as one text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONCEPTS: Final = Path(__file__).parents[2] / "docs" / "concepts"
NAMES: Final = ("runs", "calls", "limits", "schedules", "dependencies", "health", "webhooks")


def concepts_of_runs() -> str:
    return "\n".join((CONCEPTS / f"{name}.md").read_text() for name in NAMES)
