"""Async HTTPJobs by whole operator processes, in virtual time: also when these are killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from sim.async_world import ASYNC, Told, Workers, play
from sim.test_runs import World
from wavegate.dispatch.call import Call, Heard
from wavegate.domain.times import parse_time
from wavegate.runs.callbacks import OUTCOMES
from wavegate.runs.states import TERMINAL
from wavegate.settings import Settings
from wavegate.simulation.cluster import LEASE_NAMESPACE, Process
from wavegate.simulation.transport import Request, Untroubled

RETRY = {"strategy": "Fixed", "initialDelay": "2s", "jitterPercent": 0}
KEPT = {"successfulHistoryLimit": 1000, "failedHistoryLimit": 1000}


def of(world: World, name: str = "one") -> Any:
    return world.runs()[name]


async def accepted(world: World, name: str = "one") -> None:
    await world.until(lambda: of(world, name).get("reason") == "CallbackPending")


def test_a_run_is_over_once_its_endpoint_has_called_back() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(http=ASYNC)
        world.ask("one")
        await accepted(world)
        status = of(world)
        assert (status["phase"], status["attempt"]) == ("Executing", 1)
        assert "holder" not in status
        await asyncio.sleep(3)
        reply = await workers.call_back("one", 1, "complete", body=b'{"rows": 7}')
        assert reply is not None
        assert reply.status == 200
        status = of(world)  # without waiting: it is on record before it is answered
        assert (status["phase"], status["reason"]) == ("Completed", "Completed")
        assert (status["result"], status["message"]) == ('{"rows": 7}', "called back: complete")
        assert status["trace"]["totalMs"] >= 3000
        for verb, code in (("complete", "Repeated"), ("fail", "Conflict"), ("heartbeat", "Over")):
            again = await workers.call_back("one", 1, verb)  # type: ignore[arg-type]
            assert again is not None
            assert again.code == code
        assert len(world.endpoints.calls) == 1

    play(story)


def test_a_token_is_in_nothing_that_is_kept() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(http=ASYNC)
        world.ask("one", debug=True)
        await accepted(world)
        token = workers.tokens["one", 1]
        await workers.call_back("one", 1, "complete", body=f"<{token}>".encode())
        assert of(world)["result"] == "<***>"
        (process,) = world.cluster.living
        everything = [world.cluster.list(kind) for kind in ("JobRun", "HTTPJob", "Event")]
        text = str(everything) + process.operator.metrics.render().decode()
        assert token not in text
        assert 'wavegate_callbacks_total{outcome="Taken"} 1.0' in text

    play(story)


@pytest.mark.parametrize("final", [False, True])
def test_what_an_endpoint_calls_back_as_failed_is_tried_again_unless_it_says_no(
    final: bool,
) -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda call: (
            "fail" if call.headers["X-Attempt"] == "1" else "complete",
            2.0,
        )
        world.job(http=ASYNC, runs={"retry": {**RETRY, "maxAttempts": 1 if final else 3}})
        world.ask("one")
        await world.ended()
        status = of(world)
        if final:
            assert (status["phase"], status["reason"]) == ("Failed", "Unavailable")
            assert status["callback"]["outcome"] == "Failed"
        else:
            assert (status["phase"], status["attempt"]) == ("Completed", 2)
        await world.until(lambda: len(workers.told) == status["attempt"])
        assert {told.reply.status for told in workers.told} == {200}

    play(story)


def test_an_endpoint_that_falls_silent_has_crashed_and_its_late_word_is_refused() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        workers.until_heard = silent  # type: ignore[method-assign]
        world.job(http=ASYNC, runs={"retry": RETRY})
        world.ask("one")
        await accepted(world)
        begun = world.cluster.now()
        await world.until(lambda: of(world)["attempt"] == 2)
        assert 30.0 <= world.cluster.now() - begun < 36.0
        assert of(world)["lastError"]["class"] == "Crashed"
        late = await workers.call_back("one", 1, "complete")
        assert late is not None
        assert (late.status, late.code) == (403, "Refused")
        assert (await workers.call_back("one", 2, "complete")).status == 200  # type: ignore[union-attr]
        assert of(world)["phase"] == "Completed"

    async def silent(*_: Any) -> Any:
        await asyncio.sleep(1e6)

    play(story)


def test_heartbeats_keep_it_alive_until_its_time_as_a_whole_is_over() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(
            http={**ASYNC, "completionTimeout": "10m"}, runs={"retry": {**RETRY, "maxAttempts": 1}}
        )
        world.ask("one")
        await accepted(world)
        on_record = set()
        for _ in range(550):
            await asyncio.sleep(1)
            assert (await workers.call_back("one", 1, "heartbeat")).status == 200  # type: ignore[union-attr]
            on_record.add(of(world)["callback"].get("heartbeatTime"))
        assert of(world)["phase"] == "Executing"
        assert 50 <= len(on_record - {None}) <= 55, "few of them are"
        known = parse_time(of(world)["callback"]["heartbeatTime"])
        assert known is not None
        assert world.cluster.now() - known <= 12
        await world.ended()
        assert (of(world)["phase"], of(world)["reason"]) == ("TimedOut", "TimedOut")
        await asyncio.sleep(20)
        assert workers.told[-1].reply.status == 410, "so that the endpoint stops"

    play(story)


def test_a_run_that_is_canceled_tells_its_endpoint_to_stop() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(http=ASYNC)
        world.ask("one")
        await accepted(world)
        world.cluster.patch("JobRun", "one", {"spec": {"canceled": True}})
        await world.ended()
        assert of(world)["phase"] == "Canceled"
        for verb in ("heartbeat", "complete", "fail"):
            reply = await workers.call_back("one", 1, verb)  # type: ignore[arg-type]
            assert reply is not None
            assert (reply.status, reply.code) == (410, "Over")

    play(story)


@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_other_than_202_counts_as_ever(status: int) -> None:
    async def story(world: World, _: Workers) -> None:
        async def at_once(_: Call) -> Heard:
            return Heard(http_status=status, result="all is done")

        world.endpoints.answer = at_once
        world.job(http=ASYNC)
        world.ask("one")
        await world.ended()
        assert of(world)["phase"] == ("Completed" if status == 200 else "Failed")
        assert of(world)["result"] == "all is done"

    play(story)


def test_an_endpoint_may_call_back_before_its_202_has_come() -> None:
    async def story(world: World, workers: Workers) -> None:
        async def slow(call: Call) -> Heard:
            workers.tokens["one", 1] = call.headers["X-Callback-Token"]
            await asyncio.sleep(20)
            return Heard(http_status=202)

        world.endpoints.answer = slow
        world.job(http=ASYNC)
        world.ask("one")
        await world.until(lambda: bool(world.endpoints.calls))
        assert (await workers.call_back("one", 1, "heartbeat")).status == 200  # type: ignore[union-attr]
        assert (await workers.call_back("one", 1, "complete")).status == 200  # type: ignore[union-attr]
        assert of(world)["phase"] == "Completed"
        await world.until(lambda: world.endpoints.calls[0].ended is not None)
        await asyncio.sleep(5)
        assert of(world)["phase"] == "Completed"

    play(story)


def test_without_an_address_no_async_job_is_called() -> None:
    async def story(world: World, _: Workers) -> None:
        world.job(http=ASYNC)
        world.ask("one")
        await world.ended()
        assert (of(world)["phase"], of(world)["reason"]) == ("SystemFailed", "CallbacksOff")
        assert "administrator can allow it" in of(world)["message"]
        assert not world.endpoints.calls

    play(story, settings=Settings(identity=""))


def test_a_standby_asks_to_come_again_and_the_next_leader_knows_every_token() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(http=ASYNC, runs=KEPT)
        for number in range(5):
            world.ask(f"r{number}")
        for number in range(5):
            await accepted(world, f"r{number}")
        await world.until(lambda: len(world.cluster.living) == 2)
        (leader,) = leaders(world)
        (standby,) = [each for each in world.cluster.living if each is not leader]
        reply = await workers.call_back("r0", 1, "complete", at=standby)
        assert reply is not None
        assert (reply.status, reply.code, reply.retry_after) == (503, "NotLeading", 1.0)
        leader.kill()
        reply = await workers.until_heard("r0", 1, "complete")
        assert reply.status == 200
        assert of(world, "r0")["attempt"] == 1
        assert Counter(world.phases().values()) == {"Completed": 1, "Executing": 4}
        assert len(world.endpoints.calls) == 5, "none is called again"

    play(story, replicas=2)


def leaders(world: World) -> list[Process]:
    return [each for each in world.cluster.living if each.operator.leadership.held()]


def test_a_leader_that_stood_still_answers_nobody_2xx() -> None:
    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda _: ("complete", 1e6)
        world.job(http=ASYNC)
        world.ask("one")
        await accepted(world)
        (old,) = leaders(world)
        old.pause()
        await world.until(lambda: any(each is not old for each in leaders(world)))
        old.resume()
        for verb in ("heartbeat", "complete"):
            reply = await workers.call_back("one", 1, verb, at=old)  # type: ignore[arg-type]
            assert reply is not None
            assert reply.status == 503
        assert of(world)["phase"] == "Executing"
        assert (await workers.until_heard("one", 1, "complete")).status == 200

    play(story, replicas=2)


def assert_nothing_is_lost(world: World, told: list[Told]) -> None:
    """What was answered 2xx is what became of its attempt, and of no attempt two things."""
    ends: dict[tuple[str, int], str] = {}
    for each in told:
        if each.verb == "heartbeat" or each.reply.status != 200:
            continue
        assert ends.setdefault((each.run, each.attempt), each.verb) == each.verb
    for (run, attempt), verb in ends.items():
        status = of(world, run)
        assert status["attempt"] >= attempt
        if verb == "complete":
            assert (status["phase"], status["attempt"]) == ("Completed", attempt), run
        elif status["attempt"] == attempt:
            assert status["callback"]["outcome"] == OUTCOMES[verb]  # type: ignore[index]


class KilledAt(Untroubled):
    """The first process dies at its n-th write about runs, before that is carried out or after."""

    def __init__(self, process: Process, at: int, after: bool) -> None:
        self._process, self._left, self._after = process, at, after

    def _is_it(self, request: Request) -> bool:
        if request.method == "GET" or LEASE_NAMESPACE in request.path:
            return False
        if "/jobruns" not in request.path:
            return False
        self._left -= 1
        return self._left == 0

    async def sending(self, request: Request) -> None:
        if not self._after and self._is_it(request):
            self._process.kill()

    async def answered(self, request: Request, _: dict[str, Any]) -> None:
        if self._after and self._is_it(request):
            self._process.kill()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 10))
def test_at_whichever_write_the_process_is_killed_no_call_back_is_lost(
    at: int, after: bool
) -> None:
    killed: list[Process] = []

    def trouble(process: Process) -> Untroubled:
        if killed:
            return Untroubled()
        killed.append(process)
        return KilledAt(process, at, after)

    async def story(world: World, workers: Workers) -> None:
        workers.outcome = lambda call: (
            "fail" if call.headers["X-Run-Id"] == "two" and len(workers.told) < 2 else "complete",
            3.0,
        )
        world.job(http=ASYNC, runs={"retry": {**RETRY, "maxAttempts": 9}, **KEPT})
        for name in ("one", "two", "three"):
            world.ask(name)
        await world.ended()
        await asyncio.sleep(10)
        assert_nothing_is_lost(world, workers.told)
        assert set(world.phases().values()) == {"Completed"}
        attempts = Counter((made.run, made.attempt) for made in world.endpoints.calls)
        assert max(attempts.values()) == 1
        assert killed[0].transport.dead == (at <= 9)

    play(story, trouble=trouble)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_killed_no_call_back_is_lost_and_no_place_is_taken_twice(seed: int) -> None:
    async def story(world: World, workers: Workers) -> None:
        chance = Random(seed)
        most = 0
        workers.outcome = lambda _: (
            chance.choice(("complete", "complete", "fail")),
            chance.choice((0.0, 1.0, 8.0, 45.0)),
        )
        limits = {"maxConcurrency": 6}
        world.job(
            http=ASYNC, runs={"limits": limits, "retry": {**RETRY, "maxAttempts": 20}, **KEPT}
        )
        names = [f"r{number:02}" for number in range(24)]
        for name in names:
            world.ask(name)
        for _ in range(6):
            end = world.cluster.now() + chance.uniform(1, 25)
            while world.cluster.now() < end:
                await asyncio.sleep(0.1)
                executing = sum(phase == "Executing" for phase in world.phases().values())
                most = max(most, executing)
            chance.choice(world.cluster.living).kill()
        await world.ended()
        await asyncio.sleep(60)
        assert most <= 6
        assert_nothing_is_lost(world, workers.told)
        assert all(phase in TERMINAL for phase in world.phases().values())
        assert Counter(world.phases().values()) == {"Completed": 24}

    play(story, seed, replicas=2)
