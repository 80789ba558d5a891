"""Runs whose process is killed or stands still: a part of what ``make faults-real`` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.calls import killed, stopped

pytestmark = [pytest.mark.cluster, pytest.mark.real]

RUNS = int(os.environ.get("CALLS_RUNS", "40"))
KILLS = int(os.environ.get("CALLS_KILLS", "4"))
STOPPED_RUNS = 40


def test_whenever_the_process_is_killed_every_run_ends_within_its_limits(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    found = killed(cluster, tmp_path, runs=RUNS, kills=KILLS)
    measured(f"SIGKILL at {KILLS} writes: {found}")
    assert not found.wrong, "\n".join(found.wrong)
    assert found.crashed, "no kill met a call"
    assert found.ticks, "no tick came"
    assert set(found.ends) <= {"Completed", "Failed"}


def test_a_leader_that_stood_still_begins_no_call(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    found = stopped(cluster, tmp_path, runs=STOPPED_RUNS)
    measured(
        f"another led {found.take_over:.1f} s after the leader was stopped, {found.in_flight}"
        f" in flight; late calls: {len(found.late)}, late writes: {len(found.late_writes)}; {found}"
    )
    assert not found.wrong, "\n".join(found.wrong)
    assert found.in_flight
    assert not found.begun, "it was on record and not begun yet, and is not begun any more"
    assert len(found.late) <= found.in_flight
