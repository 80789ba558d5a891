"""The reflector against a scripted transport, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from wavegate.cache.cluster import POD_SELECTOR, ClusterCache
from wavegate.kube.errors import ApiError, Gone, Uncertain, error_of
from wavegate.kube.resources import PODS, Resource
from wavegate.watch.reflector import IDLE_TIMEOUT, PAGE, WATCH_SECONDS, Reflector

pytestmark = pytest.mark.looptime

Raw = dict[str, Any]


def pod(name: str, version: int, *, uid: str = "", **status: Any) -> Raw:
    metadata = {
        "namespace": "shop",
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "labels": {"wavegate.dev/job": "feed"},
    }
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}


def listing(version: int, *items: Raw, more: str = "") -> Raw:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def event(kind: str, raw: Raw) -> Raw:
    return {"type": kind, "object": raw}


def bookmark(version: int) -> Raw:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def gone_event() -> Raw:
    return event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})


@dataclass
class ScriptedTransport:
    """Answers lists and watches in order; a script that is used up waits for ever.

    In a watch a number is a pause in seconds, an exception is raised, `END` ends it.
    """

    lists: list[Raw | ApiError]
    watches: list[Sequence[Raw | ApiError | float]]
    list_queries: list[dict[str, Any]] = field(default_factory=list)
    watch_queries: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, method: str, path: str, *, query: Any = None, **_: Any) -> Raw:
        assert (method, path) == ("GET", "/api/v1/pods")
        self.list_queries.append(dict(query))
        self.times.append(asyncio.get_running_loop().time())
        if not self.lists:
            await self._wait()
        answer = self.lists.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    async def watch(
        self, path: str, query: Any, *, idle_timeout: float
    ) -> AsyncGenerator[Raw, None]:
        assert (path, idle_timeout) == ("/api/v1/pods", IDLE_TIMEOUT)
        self.watch_queries.append(dict(query))
        self.times.append(asyncio.get_running_loop().time())
        if not self.watches:
            await self._wait()
        for step in self.watches.pop(0):
            if isinstance(step, ApiError):
                raise step
            if isinstance(step, dict):
                yield step
            else:
                await asyncio.sleep(step)

    async def _wait(self) -> None:
        self.waiting.set()
        await asyncio.Event().wait()


@dataclass
class Run:
    """A reflector at work on a real cache."""

    cache: ClusterCache
    reflector: Reflector[Any]
    transport: ScriptedTransport
    woken: list[tuple[str, str]]
    failures: list[ApiError]

    def names(self) -> set[str]:
        return {view.name for view in self.cache.pods.values()}

    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.transport.watch_queries]


@asynccontextmanager
async def reflecting(
    lists: Sequence[Raw | ApiError], watches: Sequence[Sequence[Raw | ApiError | float]]
) -> AsyncIterator[Run]:
    """Runs until the script is used up; the body sees the outcome."""
    transport = ScriptedTransport(list(lists), list(watches))
    woken: list[tuple[str, str]] = []
    failures: list[ApiError] = []
    cache = ClusterCache(woken.append, clock=asyncio.get_running_loop().time)

    def failed(resource: Resource, error: ApiError) -> None:
        assert resource is PODS
        failures.append(error)

    decode, sink = cache.source(PODS)
    reflector = Reflector(
        transport,
        PODS,
        decode,
        sink,
        rng=Random(7),
        failed=failed,
        label_selector=POD_SELECTOR,
    )
    task = asyncio.create_task(reflector.run())
    finished = asyncio.create_task(transport.waiting.wait())
    await asyncio.wait({task, finished}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    yield Run(cache, reflector, transport, woken, failures)
    task.cancel()
    await asyncio.wait({task})


async def test_the_first_list_is_a_consistent_read_and_the_watch_goes_on_from_it() -> None:
    async with reflecting([listing(5, pod("a", 3))], []) as run:
        assert run.transport.list_queries == [{"labelSelector": POD_SELECTOR, "limit": PAGE}]
        query = run.transport.watch_queries[0]
        assert query["resourceVersion"] == "5"
        assert query["allowWatchBookmarks"] == "true"
        assert query["labelSelector"] == POD_SELECTOR
        assert WATCH_SECONDS[0] <= query["timeoutSeconds"] <= WATCH_SECONDS[1]
        assert run.reflector.synced.is_set()
        assert run.names() == {"a"}


async def test_events_reach_the_store() -> None:
    events: list[Raw | ApiError | float] = [
        event("ADDED", pod("b", 6)),
        event("MODIFIED", pod("a", 7, phase="Running")),
        event("DELETED", pod("b", 8)),
    ]
    async with reflecting([listing(5, pod("a", 3))], [events]) as run:
        assert run.names() == {"a"}
        view = run.cache.pods.get("shop", "a")
        assert view is not None
        assert view.phase == "Running"
        assert run.watched_from() == ["5", "8"]


async def test_what_is_known_already_is_not_decoded_again(caplog: pytest.LogCaptureFixture) -> None:
    unreadable: Raw = {"metadata": {"namespace": "shop", "name": "a", "resourceVersion": "3"}}
    newer = {"metadata": {**unreadable["metadata"], "resourceVersion": "6"}}
    events: list[Raw | ApiError | float] = [event("MODIFIED", unreadable), bookmark(5)]
    async with reflecting([listing(5, pod("a", 3))], [events]) as run:
        assert run.names() == {"a"}
        assert not caplog.records
        assert run.watched_from() == ["5", "5"]
    events = [event("MODIFIED", newer)]
    async with reflecting([listing(5, pod("a", 3))], [events]) as run:
        assert run.names() == set()
    assert "cannot be understood" in caplog.text


@pytest.mark.parametrize("how", ["event", "http"])
async def test_after_410_an_object_that_vanished_unseen_is_a_deletion(how: str) -> None:
    end: Raw | ApiError = gone_event() if how == "event" else error_of(410, None)
    lists = [listing(5, pod("a", 3), pod("b", 4)), listing(20, pod("b", 4), pod("c", 15))]
    async with reflecting(lists, [[end]]) as run:
        assert run.names() == {"b", "c"}
        assert run.watched_from() == ["5", "20"]
        assert isinstance(run.failures[0], Gone)
        assert run.transport.times[-1] == 0, "the first 410 is answered at once"


async def test_410_on_every_watch_is_slowed_down() -> None:
    gone = error_of(410, None)
    async with reflecting([listing(5 + n) for n in range(6)], [[gone]] * 5) as run:
        assert run.transport.times[-1] > 3


async def test_a_list_behind_what_was_seen_is_not_taken() -> None:
    stale = listing(8, pod("a", 3))
    lists = [listing(5, pod("a", 3)), stale, stale, listing(12)]
    watched: list[Raw | ApiError | float] = [event("DELETED", pod("a", 10)), gone_event()]
    async with reflecting(lists, [watched]) as run:
        assert run.names() == set()
        assert [error.reason for error in run.failures] == ["Expired", "Behind", "Behind"]
        assert run.watched_from() == ["5", "12"]
        assert run.transport.times[-1] > 0.5, "with a back-off"


async def test_a_bookmark_moves_the_version_and_nothing_else() -> None:
    async with reflecting([listing(5, pod("a", 3))], [[bookmark(90)]]) as run:
        assert run.watched_from() == ["5", "90"]
        assert run.woken == [("shop", "feed")], "only by the list"
        assert run.failures == []


async def test_a_list_behind_a_bookmark_is_not_taken() -> None:
    lists = [listing(5), listing(50, pod("a", 3)), listing(95)]
    async with reflecting(lists, [[bookmark(90), gone_event()]]) as run:
        assert run.names() == set()


async def test_a_watch_cut_in_mid_line_goes_on_from_the_last_whole_event() -> None:
    cut = Uncertain("cut in the middle of an event")
    async with reflecting([listing(5)], [[event("ADDED", pod("a", 6)), cut]]) as run:
        assert run.watched_from() == ["5", "6"]
        assert run.failures == [cut]
        assert run.names() == {"a"}


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 503])
async def test_a_refused_watch_is_tried_again_for_ever_without_a_new_list(code: int) -> None:
    refused = error_of(code, None)
    async with reflecting([listing(5, pod("a", 3))], [[refused]] * 12) as run:
        assert len(run.failures) == 12
        assert len(run.transport.list_queries) == 1
        assert run.names() == {"a"}
        gaps = [b - a for a, b in zip(run.transport.times, run.transport.times[1:], strict=False)]
        assert max(gaps) <= 30
        assert gaps[-1] >= 15, "backed off"


@pytest.mark.parametrize("code", [401, 403, 404, 500])
async def test_a_refused_list_is_tried_again_and_synced_waits(code: int) -> None:
    async with reflecting([error_of(code, None)] * 3, []) as run:
        assert not run.reflector.synced.is_set()
        assert len(run.failures) == 3


async def test_retry_after_is_obeyed() -> None:
    busy = error_of(429, None, "17")
    async with reflecting([busy, listing(5)], []) as run:
        assert run.transport.times[1] == 17


async def test_another_error_event_keeps_the_version() -> None:
    broken = event("ERROR", {"kind": "Status", "code": 500, "reason": "InternalError"})
    async with reflecting([listing(5)], [[bookmark(7), broken]]) as run:
        assert run.watched_from() == ["5", "7"]
        assert [error.status for error in run.failures] == [500]


async def test_watches_that_end_at_once_are_slowed_down() -> None:
    async with reflecting([listing(5)], [[]] * 6) as run:
        assert run.transport.times[-1] > 5
        assert {error.reason for error in run.failures} == {"ShortWatch"}


async def test_a_watch_that_ended_in_quiet_is_opened_again_at_once() -> None:
    async with reflecting([listing(5)], [[400.0]]) as run:
        assert run.failures == []
        assert run.transport.times[-1] == 400


async def test_an_event_ends_the_back_off() -> None:
    refused = error_of(503, None)
    steps: list[Sequence[Raw | ApiError | float]] = [[refused]] * 8 + [[bookmark(6), refused]]
    async with reflecting([listing(5)], steps) as run:
        assert run.transport.times[-1] - run.transport.times[-2] <= 0.5


async def test_pages_are_joined_and_410_between_them_starts_again() -> None:
    lists: list[Raw | ApiError] = [
        listing(5, pod("a", 3), more="t1"),
        error_of(410, None),
        listing(9, pod("a", 3), more="t2"),
        listing(9, pod("b", 8)),
    ]
    async with reflecting(lists, []) as run:
        assert [query.get("continue") for query in run.transport.list_queries] == [
            None,
            "t1",
            None,
            "t2",
        ]
        assert run.names() == {"a", "b"}
        assert run.watched_from() == ["9"]


async def test_an_object_that_cannot_be_decoded_is_told_once_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd: Raw = {"metadata": {"namespace": "shop", "name": "a", "resourceVersion": "6"}}
    events = [event("MODIFIED", odd), event("MODIFIED", odd), event("ADDED", pod("b", 8))]
    with caplog.at_level(logging.WARNING):
        async with reflecting([listing(5, pod("a", 3))], [[*events]]) as run:
            assert run.names() == {"b"}, "what is unknown is not kept as it was"
            assert run.watched_from() == ["5", "8"]
    assert len(caplog.records) == 1
    assert "Pod shop/a" in caplog.text


async def test_an_object_that_can_be_decoded_again_comes_back() -> None:
    odd: Raw = {"metadata": {"namespace": "shop", "name": "a", "resourceVersion": "6"}}
    lists = [listing(5, pod("a", 3)), listing(7, odd)]
    watches: list[list[Raw | ApiError | float]] = [
        [gone_event()],
        [event("MODIFIED", pod("a", 8))],
    ]
    async with reflecting(lists, watches) as run:
        assert run.names() == {"a"}


async def test_an_event_without_a_version_is_not_trusted() -> None:
    odd = event("ADDED", {"metadata": {"name": "a"}})
    async with reflecting([listing(5)], [[odd]]) as run:
        assert [error.reason for error in run.failures] == ["BadVersion"]
        assert run.watched_from() == ["5", "5"]


async def test_a_bug_in_the_sink_is_not_hidden() -> None:
    class Broken:
        def replace(self, items: Any, resource_version: int, namespace: str | None) -> None:
            raise RuntimeError("a bug")

        def apply(self, event: Any, item: Any) -> None: ...

        def discard(self, namespace: str, name: str) -> None: ...

        def is_news(self, namespace: str, name: str, version: int) -> bool:
            return True

    transport = ScriptedTransport([listing(5)], [])
    reflector = Reflector(transport, PODS, dict, Broken(), rng=Random(1), failed=lambda *_: None)
    with pytest.raises(RuntimeError, match="a bug"):
        await reflector.run()


@pytest.mark.parametrize(
    ("steps", "silent"),
    [
        pytest.param([30.0], 30, id="since the list"),
        pytest.param([30.0, event("ADDED", pod("a", 11)), 5.0], 5, id="since an event"),
        pytest.param([30.0, bookmark(12), 7.0], 7, id="since a bookmark"),
        pytest.param([30.0, Uncertain("cut")], 30, id="an error is none"),
    ],
)
async def test_silence_counts_from_what_was_heard_last(
    steps: list[Raw | ApiError | float], silent: float
) -> None:
    async with reflecting([listing(10)], [steps]) as run:
        assert run.reflector.silence() == pytest.approx(silent, abs=1)


async def test_lists_that_fail_break_no_silence() -> None:
    async with reflecting([error_of(503, None)] * 6, []) as run:
        assert run.reflector.silence() == pytest.approx(asyncio.get_running_loop().time())
        assert run.reflector.silence() > 5
