"""When a kind counts as gone: only what discovery says, and only if it stays so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from wavegate.engine.kinds import GONE_AFTER, KindWatch
from wavegate.kube.errors import ApiError, NotFound, ServerError
from wavegate.kube.resources import EXECUTIONS, PODS

pytestmark = [pytest.mark.looptime, pytest.mark.row("Deletion")]

WITH_GROUP = {"groups": [{"name": "apps"}, {"name": "wavegate.dev"}]}
WITHOUT_GROUP = {"groups": [{"name": "apps"}]}
WITH_KIND = {"resources": [{"name": "fleetjobs"}, {"name": "executions"}]}
WITHOUT_KIND = {"resources": [{"name": "fleetjobs"}]}


class Discovery:
    """An API server that answers discovery alone; ``answers`` maps the path's end to an answer."""

    def __init__(self) -> None:
        self.groups: dict[str, Any] | ApiError = WITH_GROUP
        self.kinds: dict[str, Any] | ApiError = WITH_KIND
        self.asked = 0
        self.changes: list[float] = []
        clock = asyncio.get_running_loop().time
        self.watch = KindWatch(self, clock, lambda: self.changes.append(clock()))  # type: ignore[arg-type]

    async def request(self, method: str, path: str, **_: Any) -> dict[str, Any]:
        assert method == "GET"
        self.asked += 1
        answer = self.groups if path == "/apis" else self.kinds
        if isinstance(answer, ApiError):
            raise answer
        return answer


@pytest.fixture
async def server() -> AsyncIterator[Discovery]:
    made = Discovery()
    task = asyncio.create_task(made.watch.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_asks_without_a_reason(server: Discovery) -> None:
    server.watch.request_failed(EXECUTIONS, ServerError(503))
    server.watch.request_failed(PODS, NotFound(404))
    await asyncio.sleep(600)
    assert (server.asked, server.watch.gone) == (0, False)


async def test_a_plain_404_says_nothing_where_the_kind_is_served(server: Discovery) -> None:
    server.watch.request_failed(EXECUTIONS, NotFound(404))
    await asyncio.sleep(600)
    assert (server.asked, server.watch.gone) == (2, False)


@pytest.mark.parametrize(
    ("groups", "kinds"), [(WITHOUT_GROUP, WITH_KIND), (WITH_GROUP, WITHOUT_KIND)]
)
async def test_a_kind_that_stays_away_is_gone_after_half_a_minute(
    server: Discovery, groups: dict[str, Any], kinds: dict[str, Any]
) -> None:
    server.groups, server.kinds = groups, kinds
    server.watch.request_failed(EXECUTIONS, NotFound(404))
    await asyncio.sleep(GONE_AFTER - 1)
    assert not server.watch.gone
    await asyncio.sleep(7)
    assert server.watch.gone
    server.groups, server.kinds = WITH_GROUP, WITH_KIND
    await asyncio.sleep(6)
    assert not server.watch.gone
    assert len(server.changes) == 2


@pytest.mark.parametrize(
    "interrupt",
    [
        pytest.param(lambda it: setattr(it, "groups", ServerError(503)), id="not readable"),
        pytest.param(lambda it: setattr(it, "groups", {}), id="an odd answer"),
        pytest.param(lambda it: setattr(it, "kinds", NotFound(404)), id="a 404 of the group"),
    ],
)
async def test_an_answer_that_says_nothing_begins_the_time_anew(
    server: Discovery, interrupt: Callable[[Discovery], None]
) -> None:
    server.kinds = WITHOUT_KIND
    server.watch.request_failed(EXECUTIONS, NotFound(404))
    await asyncio.sleep(20)
    interrupt(server)
    await asyncio.sleep(20)
    assert not server.watch.gone
    server.groups, server.kinds = WITH_GROUP, WITHOUT_KIND
    await asyncio.sleep(20)
    assert not server.watch.gone, "the half minute began anew"
    await asyncio.sleep(20)
    assert server.watch.gone
