"""Live reads of jobs: one for each change."""

from __future__ import annotations

import asyncio

import pytest

from unit.engine.support import Engine, FakeApi, path_of
from wavegate.domain.actions import SetStatus
from wavegate.engine.reads import RETRY
from wavegate.kube.errors import ServerError

pytestmark = pytest.mark.looptime

EDGE = ("web", "edge")


def reads(api: FakeApi) -> int:
    return sum(request.method == "GET" for request in api.requests)


async def test_a_job_is_confirmed_by_one_read_until_it_changes():
    api = FakeApi(latency=0.1)
    engine = Engine(api)
    job = engine.make_job()
    assert not engine.live.confirmed(job)
    for _ in range(10):
        engine.live.read(EDGE)
    await asyncio.sleep(1)
    assert reads(api) == 1
    assert engine.live.confirmed(engine.cache.job(EDGE))
    changed = api.put(path_of("fleetjobs", "edge"), api.objects[path_of("fleetjobs", "edge")])
    engine.cache.assume("FleetJob", changed)
    assert not engine.live.confirmed(engine.cache.job(EDGE))


async def test_a_fresher_job_is_known_and_its_key_queued():
    api = FakeApi()
    engine = Engine(api)
    engine.make_job()
    await engine.queue.get()
    path = path_of("fleetjobs", "edge")
    there = api.objects[path]
    there["metadata"]["generation"] = 2
    api.put(path, {**there, "spec": {**there["spec"], "priority": 7}})
    engine.live.read(EDGE)
    assert await asyncio.wait_for(engine.queue.get(), 1) == EDGE
    assert engine.cache.job(EDGE).spec.priority == 7


async def test_a_job_that_is_gone_is_forgotten_and_confirmed_as_gone():
    api = FakeApi()
    engine = Engine(api)
    engine.make_job()
    del api.objects[path_of("fleetjobs", "edge")]
    engine.live.read(EDGE)
    await asyncio.sleep(0.1)
    assert engine.cache.job(EDGE) is None


async def test_a_job_that_only_seemed_gone_comes_back():
    api = FakeApi()
    engine = Engine(api)
    job = engine.make_job()
    raw = api.objects[path_of("fleetjobs", "edge")]
    engine.cache.jobs.discard(*EDGE)
    engine.live.read(EDGE)
    await asyncio.sleep(0.1)
    assert engine.cache.job(EDGE).uid == job.uid == raw["metadata"]["uid"]


async def test_our_own_status_write_needs_no_read():
    api = FakeApi()
    engine = Engine(api)
    job = engine.make_job()
    action = SetStatus("FleetJob", "edge", job.uid, job.resource_version, {"revision": 1})
    await engine.executor.execute(job, action)
    assert engine.live.confirmed(engine.cache.job(EDGE))
    assert reads(api) == 0


async def test_a_read_that_fails_is_made_again_later_and_confirms_nothing():
    api = FakeApi()
    engine = Engine(api)
    job = engine.make_job()
    await engine.queue.get()
    api.fail("GET", "/fleetjobs/", ServerError(503))
    engine.live.read(EDGE)
    await asyncio.sleep(0.1)
    engine.live.read(EDGE)
    assert reads(api) == 1
    assert not engine.live.confirmed(job)
    await asyncio.wait_for(engine.queue.get(), RETRY)
    engine.live.read(EDGE)
    await asyncio.sleep(0.1)
    assert engine.live.confirmed(job)


async def test_closing_leaves_no_read_behind():
    api = FakeApi(latency=100)
    engine = Engine(api)
    engine.make_job()
    engine.live.read(EDGE)
    await asyncio.sleep(0)
    await engine.live.close()
    assert api.in_flight == 0
