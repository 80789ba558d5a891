"""What all processes of a test session have together: the cluster and the operator.

Tests run side by side in several processes (pytest-xdist). The first that needs a thing starts it
while the others wait; the process that began the session ends everything once all tests are done.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import wavelab


class Started(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int: ...


CLUSTER: Final = "test-integration"
_DIRECTORY: Final = "WAVEGATE_TEST_SESSION"
_WORKER: Final = "PYTEST_XDIST_WORKER"
_kept: Final[list[Started]] = []


def is_worker() -> bool:
    """Whether this process is one of several that run the session's tests."""
    return _WORKER in os.environ


def worker() -> str:
    """Name of this process among those that run the session's tests."""
    return os.environ.get(_WORKER, "main")


def begin() -> None:
    """Make the directory of the session; its workers inherit the name."""
    if not is_worker():
        os.environ[_DIRECTORY] = tempfile.mkdtemp(prefix="wavegate-tests-")


def directory() -> Path:
    """Where the session keeps its files."""
    return Path(os.environ[_DIRECTORY])


@contextmanager
def once(what: str) -> Iterator[bool]:
    """Whether ``what`` is still to be started; nobody else is told before that was done."""
    with (directory() / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = directory() / what
        yield not started.exists()
        started.touch()


def end() -> None:
    """End what the session has started: the operator, then the cluster."""
    if is_worker():
        return
    if (directory() / "operator").exists() and is_alive(operator_pid()):
        os.kill(operator_pid(), signal.SIGKILL)
    if (directory() / "cluster").exists():
        wavelab.Cluster(CLUSTER).down()
    shutil.rmtree(directory())


def operator_pid() -> int:
    """The process that was last told of; it may have ended."""
    return int((directory() / "operator.pid").read_text())


def keep_operator(process: Started) -> None:
    """This process has started the session's operator, which may outlive it.

    It is kept in mind here, because Python warns of a child that is forgotten and still runs.
    """
    _kept.append(process)
    (directory() / "operator.pid").write_text(str(process.pid))


def is_alive(pid: int) -> bool:
    """Whether the process is an operator that runs; one that has ended and waits is not."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    return b"wavegate" in command  # a zombie's is empty
