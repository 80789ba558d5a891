"""Runs that follow from each other, killed or led by another: a part of ``make faults-real``."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.chained import TURNS, killed, stopped

pytestmark = [pytest.mark.cluster, pytest.mark.real]

RUNS = int(os.environ.get("CHAINED_RUNS", "8"))
KILLS = int(os.environ.get("CHAINED_KILLS", "5"))
STOPPED_RUNS = 8


def test_whenever_the_process_is_killed_what_follows_from_an_end_is_made_once(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    found = killed(cluster, tmp_path, runs=RUNS, kills=KILLS)
    measured(f"chained, SIGKILL at {KILLS} writes: {found}")
    assert not found.wrong, "\n".join(found.wrong)
    assert found.killed.total() == KILLS
    assert found.launches == KILLS + 1
    assert set(found.killed) == set(TURNS), "a kind of write met no kill"
    assert found.rounds >= RUNS
    for number in (found.ends.made, found.refused, found.gated, found.passes, found.items):
        assert number, f"something was not asked: {found}"


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_whoever_leads_what_follows_from_an_end_is_made_once(
    how: signal.Signals,
    cluster: wavelab.Cluster,
    tmp_path: Path,
    measured: Callable[[str], None],
) -> None:
    """The leader stands still, or is gone without having released its Lease."""
    found, late = stopped(cluster, tmp_path, how, runs=STOPPED_RUNS)
    measured(
        f"chained, another led {found.take_over:.1f} s after {how.name}, late writes: {len(late)};"
        f" {found}"
    )
    assert not found.wrong, "\n".join(found.wrong)
    assert found.rounds >= STOPPED_RUNS
