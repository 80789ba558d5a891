"""Live reads of pods that should be gone: one each."""

from __future__ import annotations

import asyncio

import pytest

from unit.engine.support import EPOCH, Engine, FakeApi
from wavegate.domain.actions import Look
from wavegate.engine.reads import RETRY
from wavegate.kube.errors import ServerError
from wavegate.kube.resources import PODS

pytestmark = pytest.mark.looptime

EDGE = ("web", "edge")


def path_of_pod(name: str) -> str:
    return PODS.object("web", name)


def pod(engine: Engine, name: str) -> Look:
    """A pod on the server and in the cache, doubted since now."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"wavegate.dev/job": "edge"}},
        "spec": {"containers": [{"name": "main", "image": "a:1"}]},
    }
    raw = engine.api.put(path_of_pod(name), body)
    engine.cache.assume("Pod", raw)
    return Look("web", name, raw["metadata"]["uid"], EPOCH)


def reads(api: FakeApi) -> int:
    return sum(request.method == "GET" for request in api.requests)


async def test_a_pod_that_is_there_is_found_by_one_read():
    api = FakeApi(latency=0.1)
    engine = Engine(api)
    looks = [pod(engine, "a"), pod(engine, "b")]
    for _ in range(10):
        engine.live_pods.keep(EDGE, looks)
    await asyncio.sleep(1)
    engine.live_pods.keep(EDGE, looks)
    await asyncio.sleep(1)
    assert reads(api) == 2
    assert engine.live_pods.found(EDGE) == {
        looks[0].pod_uid: EPOCH,
        looks[1].pod_uid: EPOCH + 0.1,
    }


async def test_its_job_is_looked_at_again_then():
    engine = Engine(FakeApi(latency=0.1))
    look = pod(engine, "a")
    await engine.queue.get()
    engine.live_pods.keep(EDGE, [look])
    assert await asyncio.wait_for(engine.queue.get(), 1) == EDGE
    assert look.pod_uid in engine.live_pods.found(EDGE)


async def test_a_pod_that_is_gone_is_forgotten():
    api = FakeApi()
    engine = Engine(api)
    look = pod(engine, "a")
    del api.objects[path_of_pod("a")]
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(0.1)
    assert engine.cache.pods.get("web", "a") is None
    assert not engine.live_pods.found(EDGE)


async def test_one_of_its_name_that_came_after_it_is_another():
    api = FakeApi()
    engine = Engine(api)
    look = pod(engine, "a")
    del api.objects[path_of_pod("a")]
    after = Engine(api)
    uid = pod(after, "a").pod_uid
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(0.1)
    assert uid != look.pod_uid
    assert engine.cache.pods.get("web", "a").uid == uid
    assert not engine.live_pods.found(EDGE)


async def test_what_was_found_before_the_moment_in_question_is_read_again():
    api = FakeApi()
    engine = Engine(api)
    look = pod(engine, "a")
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(30)
    later = Look(look.pod_namespace, look.pod_name, look.pod_uid, EPOCH + 20)
    engine.live_pods.keep(EDGE, [later])
    await asyncio.sleep(1)
    assert reads(api) == 2
    assert engine.live_pods.found(EDGE) == {look.pod_uid: EPOCH + 30}


async def test_a_pod_that_is_doubted_no_more_is_forgotten():
    engine = Engine(FakeApi())
    look = pod(engine, "a")
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(0.1)
    engine.live_pods.keep(EDGE, [])
    assert not engine.live_pods.found(EDGE)


async def test_a_read_that_fails_says_nothing_and_is_made_again_later():
    api = FakeApi()
    engine = Engine(api)
    look = pod(engine, "a")
    await engine.queue.get()
    api.fail("GET", "/pods/", ServerError(503))
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(0.1)
    engine.live_pods.keep(EDGE, [look])
    assert reads(api) == 1
    assert not engine.live_pods.found(EDGE)
    await asyncio.wait_for(engine.queue.get(), RETRY)
    engine.live_pods.keep(EDGE, [look])
    await asyncio.sleep(0.1)
    assert look.pod_uid in engine.live_pods.found(EDGE)


async def test_closing_leaves_no_read_behind():
    api = FakeApi(latency=100)
    engine = Engine(api)
    engine.live_pods.keep(EDGE, [pod(engine, "a")])
    await asyncio.sleep(0)
    await engine.live_pods.close()
    assert api.in_flight == 0
