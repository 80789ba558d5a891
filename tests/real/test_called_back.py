"""Call backs whose process is killed: a part of what ``make faults-real`` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.called_back import called_back

pytestmark = [pytest.mark.cluster, pytest.mark.real]

RUNS = int(os.environ.get("CALLED_BACK_RUNS", "30"))
KILLS = int(os.environ.get("CALLED_BACK_KILLS", "4"))


def test_whichever_process_is_killed_no_call_back_that_was_answered_2xx_is_lost(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    found = called_back(cluster, tmp_path, runs=RUNS, kills=KILLS)
    measured(f"SIGKILL at {KILLS} writes: {found}")
    assert not found.wrong, "\n".join(found.wrong)
    assert found.ends["complete"] >= RUNS, "each run is called back, once at least"
    assert found.heartbeats
    assert found.again, "no kill met a call back"
