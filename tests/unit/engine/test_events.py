"""Events: after their write, once in ten minutes, again where they could not be sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from unit.engine.support import EPOCH, Engine, FakeApi
from wavegate.domain.actions import Note, SetStatus
from wavegate.domain.observed import JobView
from wavegate.domain.times import parse_time
from wavegate.engine.bodies import Owner
from wavegate.engine.outcomes import Done
from wavegate.kube.errors import ApiError, Forbidden, ServerError, Uncertain

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
async def teller(engine: Engine) -> AsyncIterator[None]:
    sending = asyncio.create_task(engine.events.run())
    yield
    sending.cancel()


def status_of(engine: Engine, **state: Any) -> SetStatus:
    job = engine.cache.job(("web", "edge"))
    return SetStatus("FleetJob", "edge", job.uid, job.resource_version, state)


def told(api: FakeApi) -> list[str]:
    """The words of the events that are there."""
    return [each["note"] for path, each in api.objects.items() if "/events/" in path]


def tell(engine: Engine, job: JobView, *words: str) -> None:
    about = Owner("FleetJob", job.name, job.uid)
    engine.events.tell(job.namespace, about, [Note("Said", each) for each in words])


async def test_an_event_is_told_only_after_its_write_and_only_once(api: FakeApi, engine: Engine):
    job = engine.make_job()
    note = Note("Promoted", "all 3 canaries are stable")
    stale = replace(status_of(engine, revision=1), resource_version="1", notes=(note,))
    await engine.executor.execute(job, stale)
    await asyncio.sleep(0.1)
    assert not api.writes("/events")
    for revision in (1, 2):
        action = replace(status_of(engine, revision=revision), notes=(note,))
        assert await engine.executor.execute(job, action) == Done()
        await asyncio.sleep(1)
    (event,) = api.writes("/events")
    assert event.body["regarding"]["uid"] == job.uid
    assert event.body["note"] == "all 3 canaries are stable"
    assert event.body["type"] == "Normal"


async def test_what_came_again_within_ten_minutes_is_counted_in_the_next_event(
    api: FakeApi, engine: Engine
):
    job = engine.make_job()
    notes = (Note("Degraded", "not well: n1", warning=True),)
    for minute in range(14):
        action = replace(status_of(engine, revision=minute + 1), notes=notes)
        assert await engine.executor.execute(job, action) == Done()
        await asyncio.sleep(60)
    first, second = (event.body for event in api.writes("/events"))
    assert "series" not in first
    assert second["series"]["count"] == 10
    assert parse_time(second["eventTime"]) == pytest.approx(EPOCH + 60, abs=1)
    assert parse_time(second["series"]["lastObservedTime"]) == pytest.approx(EPOCH + 600, abs=1)


async def test_what_a_single_execution_comes_to_is_no_event(api: FakeApi, engine: Engine):
    job = engine.make_job()
    note = Note("ExecutionStable", "v1 on n1 is stable", is_event=False)
    action = replace(status_of(engine, revision=1), notes=(note,))
    assert await engine.executor.execute(job, action) == Done()
    await asyncio.sleep(1)
    assert not api.writes("/events")


async def test_an_event_that_is_tried_again_is_in_nobodys_way(api: FakeApi, engine: Engine):
    job = engine.make_job()
    api.fail("POST", "/events", ServerError(503), times=3)
    for revision, words in ((1, "one"), (2, "two")):
        action = replace(status_of(engine, revision=revision), notes=(Note("Said", words),))
        assert await engine.executor.execute(job, action) == Done()
        await asyncio.sleep(1)
    assert told(api) == []
    await asyncio.sleep(60)
    assert told(api) == ["one", "two"]


@pytest.mark.parametrize("error", [Uncertain("no answer in time"), ServerError(504)], ids=str)
async def test_one_that_came_without_an_answer_is_not_told_twice(
    api: FakeApi, engine: Engine, error: ApiError
):
    api.fail("POST", "/events", error, applied=True)
    tell(engine, engine.make_job(), "one", "two")
    await asyncio.sleep(60)
    assert told(api) == ["one", "two"]


async def test_a_server_that_asks_for_time_gets_it(api: FakeApi, engine: Engine):
    api.fail("POST", "/events", ServerError(503, retry_after=20.0))
    tell(engine, engine.make_job(), "one")
    await asyncio.sleep(60)
    first, second = (request.at for request in api.writes("/events"))
    assert second - first >= 20
    assert told(api) == ["one"]


async def test_one_that_is_refused_is_lost_at_once_and_one_that_never_comes_through_in_the_end(
    api: FakeApi, engine: Engine
):
    api.fail("POST", "/events", Forbidden(403, "Forbidden", "the namespace goes away"))
    api.fail("POST", "/events", ServerError(503), times=5)
    tell(engine, engine.make_job(), "refused", "unlucky", "three")
    await asyncio.sleep(60)
    assert told(api) == ["three"]
    tries = [request.body["note"] for request in api.writes("/events")]
    assert tries == ["refused", *["unlucky"] * 5, "three"]
