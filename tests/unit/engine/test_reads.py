"""Live reads in the background: one at a time for each job, and after a failure not at once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from unit.engine.support import now
from wavegate.cache.store import JobKey
from wavegate.engine.queue import WorkQueue
from wavegate.engine.reads import NOT_UNDERSTOOD, RETRY, Reads
from wavegate.kube.errors import ApiError, ServerError, TooManyRequests

pytestmark = pytest.mark.looptime

EDGE: JobKey = ("web", "edge")
OTHER: JobKey = ("web", "other")
SECONDS = 0.5


class Server:
    """Counts reads, each of which takes half a second; the next ``failures`` of them fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or ServerError(503)
        self.begun = 0
        self.ended = 0
        self.failures = 0
        self.queue = WorkQueue(now)
        self.reads = Reads("job", self.queue, now)

    async def read(self) -> None:
        self.begun += 1
        await asyncio.sleep(SECONDS)
        if self.failures:
            self.failures -= 1
            raise self.error
        self.ended += 1


async def woken(server: Server) -> float:
    """When the job is looked at again, in seconds from now."""
    begun = now()
    assert await asyncio.wait_for(server.queue.get(), 120) == EDGE
    return now() - begun


async def test_the_job_is_looked_at_once_something_is_known() -> None:
    server = Server()
    server.reads.begin(EDGE, server.read)
    assert await woken(server) == pytest.approx(SECONDS)
    assert server.ended == 1


@pytest.mark.parametrize(("error", "told"), [(ServerError(503), 1), (TooManyRequests(429), 0)])
async def test_a_failure_is_told_but_not_that_it_is_too_much(
    error: ApiError, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(error)
    server.failures = 1
    with caplog.at_level(logging.INFO):
        server.reads.begin(EDGE, server.read)
        await woken(server)
    assert len(caplog.records) == told


async def test_an_answer_that_cannot_be_decoded_is_told_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(OverflowError("odd"))
    server.failures = 1
    server.reads.begin(EDGE, server.read)
    await woken(server)
    [record] = caplog.records
    assert record.getMessage() == "job web/edge cannot be understood"
    assert record.exc_info is not None


async def test_one_at_a_time_for_each_job() -> None:
    server = Server()
    for _ in range(3):
        server.reads.begin(EDGE, server.read)
        server.reads.begin(OTHER, server.read)
        await asyncio.sleep(0.1)
    assert server.begun == 2
    await asyncio.sleep(SECONDS)
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(0.1)
    assert server.begun == 3


async def test_after_a_failure_the_job_is_looked_at_again_but_nothing_is_read_before() -> None:
    server = Server()
    server.failures = 1
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(SECONDS + 0.1)
    server.queue.add(EDGE)
    await woken(server)  # this pass voids the wake-up before it
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(0.1)
    assert server.begun == 1
    assert await woken(server) == pytest.approx(RETRY - 0.2)
    server.reads.begin(EDGE, server.read)
    await woken(server)
    assert (server.begun, server.ended) == (2, 1)
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(0.1)
    assert server.begun == 3, "what has succeeded since holds nothing up"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (ServerError(503), RETRY),
        (TooManyRequests(429, retry_after=6.0), 6.0),
        (OverflowError("odd"), NOT_UNDERSTOOD),
    ],
    ids=["no word of when", "later", "an answer that cannot be decoded"],
)
async def test_a_failure_alone_has_the_job_looked_at_again(error: Exception, wait: float) -> None:
    server = Server(error)
    server.failures = 1
    server.reads.begin(EDGE, server.read)
    assert await woken(server) == pytest.approx(SECONDS + wait)


async def test_a_job_that_is_forgotten_waits_for_nothing() -> None:
    server = Server()
    server.failures = 1
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(SECONDS + 0.1)
    server.reads.forget(EDGE)
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(0.1)
    assert server.begun == 2


async def test_closing_ends_those_that_are_under_way() -> None:
    server = Server()
    server.reads.begin(EDGE, server.read)
    await asyncio.sleep(0.1)
    begun = now()
    await server.reads.close()
    assert now() == begun
    assert server.ended == 0
