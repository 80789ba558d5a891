"""Calls as a process makes them: slots, answers, circuits, and who leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from support.runs_world import NOW, executing, job
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard
from wavegate.engine.client import Client
from wavegate.runner.calls import Calls
from wavegate.runner.sources import Sources
from wavegate.runs.circuit import FAILURES

KEY = ("shop", "app")
ENDPOINT = "http://echo.example:80"
SPEC = job(http={"url": "http://echo.example/", "fallbackUrl": "http://other.example/"}).spec


class Bench:
    """Calls whose endpoint answers as it is told."""

    def __init__(self, heard: Heard, leading: Callable[[], bool] = lambda: True) -> None:
        self.heard = heard
        self.made: list[Call] = []
        self.ended: list[Any] = []
        self.told: list[tuple[str, float]] = []
        self._end = asyncio.Event()
        self.calls = Calls(
            Sources(cast("Client", None), read_secrets=False),
            AddressPolicy(),
            self.make,
            concurrency=3,
            leading=leading,
            now=lambda: NOW,
            ended=self._ended,
            called=lambda *told: self.told.append(told),
        )

    def _ended(self, key: Any) -> None:
        self.ended.append(key)
        self._end.set()

    async def make(self, call: Call, *_: Any, **__: Any) -> Heard:
        self.made.append(call)
        return self.heard

    async def call(self, name: str = "one") -> None:
        assert SPEC is not None
        run = executing(name)
        self._end.clear()
        self.calls.reserve(KEY, run.uid)
        self.calls.begin(KEY, run, SPEC)
        await self.ends()

    async def ends(self) -> None:
        await self._end.wait()


async def test_an_answer_is_kept_as_long_as_its_run_executes() -> None:
    bench = Bench(Heard(http_status=200, result="{}"))
    await bench.call()
    assert bench.ended == [KEY]
    answers = bench.calls.answers(KEY, ["uid-one"])
    assert (answers["uid-one"].outcome, answers["uid-one"].result) == ("Completed", "{}")
    assert bench.told == [("Completed", 0.0)]
    assert bench.calls.answers(KEY, []) == {}
    assert bench.calls.answers(KEY, ["uid-one"]) == {}


async def test_a_slot_is_taken_from_before_the_run_is_on_record() -> None:
    bench = Bench(Heard(http_status=200))
    bench.calls.reserve(KEY, "uid-one")
    assert (bench.calls.slots, bench.calls.of(KEY)) == (2, {"uid-one"})
    bench.calls.release("uid-one")
    assert (bench.calls.slots, bench.calls.of(KEY)) == (3, frozenset())


async def test_a_call_that_has_begun_keeps_its_slot_when_its_write_has_ended() -> None:
    bench = Bench(Heard(http_status=200))
    bench.calls.reserve(KEY, "uid-one")
    assert SPEC is not None
    bench.calls.begin(KEY, executing("one"), SPEC)
    bench.calls.release("uid-one")
    assert (bench.calls.slots, bench.calls.of(KEY)) == (2, {"uid-one"})
    await bench.ends()
    assert bench.calls.slots == 3


async def test_who_does_not_lead_calls_nobody() -> None:
    bench = Bench(Heard(http_status=200), leading=lambda: False)
    await bench.call()
    assert not bench.made
    assert bench.calls.answers(KEY, ["uid-one"]) == {}
    assert not bench.calls.is_open
    assert bench.told == []


@pytest.mark.parametrize(
    ("heard", "is_held"),
    [
        pytest.param(Heard(http_status=503), True, id="it fails"),
        pytest.param(Heard(http_status=200, from_fallback=True), True, id="its fallback answers"),
        pytest.param(Heard(http_status=200), False, id="it answers"),
        pytest.param(Heard(http_status=404), False, id="it says no"),
    ],
)
async def test_an_endpoint_that_is_not_well_is_left_alone(heard: Heard, is_held: bool) -> None:
    bench = Bench(heard)
    for number in range(FAILURES):
        await bench.call(f"r{number}")
    held, probes = bench.calls.held()
    assert (ENDPOINT in held, probes) == (is_held, frozenset())


async def test_a_fault_of_ours_ends_one_attempt() -> None:
    bench = Bench(Heard(http_status=200))

    async def broken(*_: Any, **__: Any) -> Heard:
        raise RuntimeError("what it says may hold anything")

    bench.calls._make = broken  # type: ignore[assignment]
    await bench.call()
    answer = bench.calls.answers(KEY, ["uid-one"])["uid-one"]
    assert (answer.outcome, answer.retryable) == ("Fault", False)
    assert answer.message == "a fault of the operator: RuntimeError"


ASYNC = job(http={"url": "http://echo.example/", "completion": "Async"}).spec


async def test_an_async_call_says_where_it_is_called_back_and_keeps_the_token_out_of_all() -> None:
    assert ASYNC is not None
    bench = Bench(Heard(http_status=202))
    bench.calls._callback_address = "http://operator.example"
    bench.calls.begin(KEY, executing(), ASYNC, "a-token")
    await bench.ends()
    (call,) = bench.made
    assert call.headers["X-Callback-Url"] == "http://operator.example/runs/shop/one/1"
    assert call.headers["X-Callback-Token"] == "a-token"
    assert "a-token" in call.secrets
    assert "a-token" not in repr(call)
    assert bench.calls.answers(KEY, ["uid-one"])["uid-one"].outcome == "Accepted"


async def test_where_nobody_can_call_back_an_async_call_is_not_made() -> None:
    assert ASYNC is not None
    bench = Bench(Heard(http_status=200))
    bench.calls.begin(KEY, executing(), ASYNC, "a-token")
    await bench.ends()
    assert not bench.made
    answer = bench.calls.answers(KEY, ["uid-one"])["uid-one"]
    assert (answer.outcome, answer.retryable) == ("CallbacksOff", False)


async def test_what_is_sent_follows_from_the_run() -> None:
    bench = Bench(Heard(http_status=200))
    await bench.call()
    (call,) = bench.made
    assert (call.url, call.fallback_url) == ("http://echo.example/", "http://other.example/")
    assert (call.body, call.timeout) == ("{}", 300.0)
    assert call.headers["X-Attempt"] == "1"
    assert call.headers["Idempotency-Key"] == "uid-one"
