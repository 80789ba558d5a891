"""The gate that every request of a step goes through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from unit.engine.support import FakeApi
from wavegate.engine.bucket import TokenBucket
from wavegate.engine.client import Client
from wavegate.kube.errors import TooManyRequests
from wavegate.kube.guard import NotSent
from wavegate.kube.resources import FLEET_JOBS

pytestmark = pytest.mark.looptime

JOB = FLEET_JOBS.object("web", "app")


def made(api: FakeApi, *, leading: bool = True) -> Client:
    api.put(JOB, {"metadata": {"name": "app", "namespace": "web"}})
    return Client(api, lambda: leading, TokenBucket(rate=100, burst=100))


Request = Callable[[Client], Awaitable[None]]


async def read(client: Client) -> None:
    await client.get(FLEET_JOBS, "web", "app")


async def write(client: Client) -> None:
    await client.put_status(
        FLEET_JOBS,
        "web",
        "app",
        {"metadata": {"name": "app", "resourceVersion": "101"}, "status": {}},
    )


@pytest.mark.parametrize(("refused", "method"), [(read, "GET"), (write, "PUT")])
@pytest.mark.parametrize("then", [read, write])
async def test_after_a_429_nothing_is_sent_until_its_time_is_over(
    refused: Request, method: str, then: Request
):
    api = FakeApi()
    client = made(api)
    api.fail(method, JOB, TooManyRequests(429, retry_after=3.0))
    with pytest.raises(TooManyRequests):
        await refused(client)
    await then(client)
    first, second = (each.at for each in api.requests)
    assert second - first >= 3.0


async def test_who_does_not_lead_reads_and_does_not_write():
    api = FakeApi()
    client = made(api, leading=False)
    await read(client)
    with pytest.raises(NotSent):
        await write(client)
    assert [each.method for each in api.requests] == ["GET"]
    assert asyncio.get_running_loop().time() == 0
