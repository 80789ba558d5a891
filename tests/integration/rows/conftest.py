"""Rows: one test for each field of the API, on the real API server with simulated nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.answering import Endpoint
from support.asking import Asked
from support.few import GATED, few, runs
from support.operator_process import OperatorProcess
from support.rollouts import awaits
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


@pytest.fixture
def at_the_gate(started: Space) -> Space:
    """v1 runs on three nodes; the canary of v2 is stable and waits for a person."""
    started.apply("app", few("app:2", **GATED))
    started.wait("v2 waits at its gate", lambda: awaits(started, "app-v2"))
    started.wait("the job says so", lambda: started.job_state("app") == "RolloutPaused")
    return started


@pytest.fixture
def other() -> Iterator[Endpoint]:
    """Another endpoint."""
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def asked(space: Space, operator: OperatorProcess, endpoint: Endpoint) -> Iterator[Asked]:
    """A namespace with HTTPJobs that call the endpoint; deleted after the test."""
    yield Asked(space, endpoint)
    endpoint.release()
    for job in space.list("HTTPJob"):
        space.delete("HTTPJob", job["metadata"]["name"])
