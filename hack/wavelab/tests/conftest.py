"""Every test has a state directory and cluster names of its own, and takes down what it put up."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wavelab import state as states
from wavelab.cluster import Cluster

Wait = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def state_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty state directory with a short path: a socket's may have 107 characters."""
    root = Path(tempfile.mkdtemp(prefix="wl-", dir="/var/tmp"))
    monkeypatch.setenv("WAVELAB_STATE", str(root))
    yield root
    # Against the same directory, whatever became of the environment since.
    monkeypatch.setenv("WAVELAB_STATE", str(root))
    for state in states.all_states():
        Cluster(state.name).down()
    shutil.rmtree(root)


@pytest.fixture
def wait() -> Wait:
    """Wait for a condition: `wait("the pod runs", lambda: …)`, up to 120 s."""

    def until(what: str, done: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not done():
            assert time.monotonic() < deadline, f"never came true: {what}"
            time.sleep(0.1)

    return until
