"""Webhooks whose process is killed: a part of what ``make faults-real`` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.hooks import killed

pytestmark = [pytest.mark.cluster, pytest.mark.real]

RUNS = int(os.environ.get("HOOKS_RUNS", "30"))
KILLS = int(os.environ.get("HOOKS_KILLS", "4"))


def test_whenever_the_process_is_killed_no_delivery_is_lost(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    found = killed(cluster, tmp_path, runs=RUNS, kills=KILLS)
    measured(f"webhooks, SIGKILL at {KILLS} writes: {found}")
    assert not found.wrong, "\n".join(found.wrong)
    assert len(found.attempts) > 1, "none was tried again"
    assert sum(found.attempts.values()) == RUNS
