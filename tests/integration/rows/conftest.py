"""Rows: one test for each field of the API, on the real API server with simulated nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.few import few, runs
from support.operator_process import OperatorProcess
from support.space import Space


@pytest.fixture
def jobs(space: Space, operator: OperatorProcess) -> Iterator[Space]:
    """A namespace whose jobs are deleted after the test."""
    yield space
    for job in space.list("FleetJob"):
        space.delete("FleetJob", job["metadata"]["name"])


@pytest.fixture
def started(jobs: Space) -> Space:
    """A namespace with a job ``app`` whose first version is stable on three nodes."""
    jobs.apply("app", few())
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    return jobs
