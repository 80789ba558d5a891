"""Many jobs changed at once while nodes flap and requests are refused: it converges and calms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wavelab
from real.load import load
from support import shared
from support.few import simulated

pytestmark = [pytest.mark.cluster, pytest.mark.real]

SECONDS = float(os.environ.get("LOAD_SECONDS", "15"))
JOBS = int(os.environ.get("LOAD_JOBS", "10"))
NODES = int(os.environ.get("LOAD_NODES", "6"))
CLIENTS = 10


def test_everything_converges_and_the_process_is_as_it_was(
    cluster: wavelab.Cluster, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    nodes = [f"load-{shared.worker()}-{number:03}" for number in range(NODES)]
    with simulated(cluster, {node: {} for node in nodes}):
        log = tmp_path / "operator.log"
        loaded = load(cluster, nodes, log, jobs=JOBS, clients=CLIENTS, seconds=SECONDS)
    measured(f"a load of {SECONDS:.0f} s: {loaded}")
    assert loaded.changes > CLIENTS
    assert loaded.flaps
    assert loaded.refused
    before, after = loaded.before, loaded.after
    assert before is not None
    assert after is not None
    assert after.threads <= before.threads
    assert after.files <= before.files + 5
    assert after.mib <= 1.25 * before.mib + 20
    assert set(loaded.said) <= {"INFO", "WARNING"}
    assert loaded.said["INFO"] <= loaded.decided, "each line tells of a decision"
    assert loaded.said["WARNING"] <= loaded.refused, "or of a request that was refused"
