"""Half of all requests answered 429: rollouts complete, and nobody asks again too soon."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.storm import weather

pytestmark = [pytest.mark.cluster, pytest.mark.real]

SECONDS = float(os.environ.get("STORM_SECONDS", "20"))


def test_rollouts_complete_and_nothing_is_repeated_before_its_time(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    weathered = weather(cluster, SECONDS, tmp_path / "operator.log")
    storm = weathered.storm
    measured(f"a storm of {SECONDS:.0f} s: {weathered}")
    assert weathered.rollouts >= 1
    assert not storm.early
    clients = {"discovery", "leases", "fleetjobs", "executions", "pods"}
    refused = {kind.split()[1] for kind in storm.refused}
    assert clients <= refused, "all of them were refused some"
    unfinished = len({kind.split()[1] for kind in storm.asked})
    assert abs(storm.refused.total() - storm.asked.total() / 2) <= unfinished, "about half"
