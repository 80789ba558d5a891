"""Where a job stands, as kstatus has it: the table of the module, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.cli.sight import Sight
from wavegate.cli.waiting import Standing, standing


def job(observed: int = 2, **conditions: str) -> Sight:
    """Generation 2 of a job; conditions as ``Ready="True"``."""
    told: list[dict[str, Any]] = [
        {"type": kind, "status": status, "reason": "Why"} for kind, status in conditions.items()
    ]
    status = {"observedGeneration": observed, "conditions": told}
    return Sight({"metadata": {"name": "app", "generation": 2}, "status": status}, [], [])


@pytest.mark.parametrize(
    ("sight", "stands"),
    [
        (job(Ready="True"), Standing.WELL),
        (job(Ready="False", Reconciling="True"), Standing.OPEN),
        (job(Ready="False", Stalled="True"), Standing.BADLY),
        (job(observed=1, Ready="True"), Standing.OPEN),
        (job(observed=1, Ready="False", Stalled="True"), Standing.OPEN),
        (job(observed=-1), Standing.OPEN),
    ],
)
def test_where_a_job_stands(sight: Sight, stands: Standing) -> None:
    assert standing(sight) is stands
