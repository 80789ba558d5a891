"""Runs of HTTPJobs by whole operator processes, in virtual time: also when these are killed."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from wavegate.dispatch.call import Call, Heard
from wavegate.engine.pending import Item
from wavegate.engine.writer import Writer
from wavegate.kube.errors import ApiError, Forbidden, NotFound, ServerError
from wavegate.runs.states import TERMINAL
from wavegate.simulation.cluster import SimulatedCluster, TroubleOf
from wavegate.simulation.endpoints import Made
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Administrator, load_roles
from wavegate.simulation.transport import Request, Untroubled

ROLES: Final = load_roles(Path(__file__).resolve().parents[2] / "manifests")
CLOCKS_AGREE: Final = 1.0
"""Seconds within which two processes know the server's time, which it tells in whole ones."""

PATIENCE: Final = 7200.0
"""Virtual seconds within which everything has ended."""


class World:
    """A simulated cluster with one replica of the operator."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self.endpoints = cluster.endpoints

    def job(self, name: str = "app", **spec: Any) -> None:
        self.cluster.create("HTTPJob", name, {"http": {"url": "http://echo.example/"}, **spec})

    def ask(self, name: str, job: str = "app", **spec: Any) -> None:
        self.cluster.create("JobRun", name, {"jobName": job, **spec})

    def runs(self) -> dict[str, Mapping[str, Any]]:
        """By name, their statuses."""
        return {each["metadata"]["name"]: each["status"] for each in self.cluster.list("JobRun")}

    def phases(self) -> dict[str, str]:
        return {name: status["phase"] for name, status in self.runs().items()}

    async def until(self, holds: Callable[[], bool], every: float = 0.05) -> None:
        """``every``: virtual seconds between two looks."""
        end = self.cluster.loop.time() + PATIENCE
        while not holds():
            assert self.cluster.loop.time() < end, self.runs()
            await asyncio.sleep(every)

    async def ended(self) -> None:
        await self.until(lambda: all(phase in TERMINAL for phase in self.phases().values()))


def play(
    story: Callable[[World], Awaitable[None]], seed: int = 0, trouble: TroubleOf | None = None
) -> None:
    async def whole() -> None:
        cluster = SimulatedCluster(ROLES, seed)
        cluster.keep_running(trouble)
        try:
            await story(World(cluster))
        finally:
            await cluster.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


def at_a_time(calls: list[Made]) -> int:
    """Most calls that were under way at one moment."""
    moments = [(made.began, 1) for made in calls]
    moments += [(made.ended, -1) for made in calls if made.ended is not None]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def test_a_run_is_called_once_and_completes() -> None:
    async def story(world: World) -> None:
        world.job()
        world.ask("one", payload='{"a": 1}')
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["attempt"], status["version"]) == ("Completed", 1, 1)
        assert status["result"] == "{}"
        assert [made.run for made in world.endpoints.calls] == ["one"]
        await world.until(
            lambda: (world.cluster.get("HTTPJob", "app") or {})["status"].get("version") == 1
        )

    play(story)


def test_a_run_that_fails_is_tried_again_and_its_delays_are_kept() -> None:
    async def story(world: World) -> None:
        async def unwell(_: Call) -> Heard:
            return Heard(http_status=503)

        world.endpoints.answer = unwell
        retry = {"maxAttempts": 3, "strategy": "Fixed", "initialDelay": "10s", "jitterPercent": 0}
        world.job(runs={"retry": retry})
        world.ask("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("DeadLetter", "Unavailable")
        assert status["message"] == "all 3 attempts failed, the last one: answered 503"
        began = [made.began for made in world.endpoints.calls]
        assert len(began) == 3
        for one, following in pairwise(began):
            assert 10.0 <= following - one < 11.0

    play(story)


def test_no_more_are_called_at_a_time_than_the_limit_says() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(3)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        world.job(runs={"limits": {"maxConcurrency": 4}})
        for number in range(20):
            world.ask(f"r{number:02}")
        await world.ended()
        assert at_a_time(world.endpoints.calls) == 4
        assert Counter(world.phases().values()) == {"Completed": 20}
        assert world.cluster.now() - world.endpoints.calls[0].began < 5 * 3 + 5

    play(story)


def test_a_pass_in_the_instant_in_which_a_run_begins_gives_its_place_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One comes in that instant that goes before it: of the same second, and by name."""

    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(3)
            return Heard(http_status=200)

        def meanwhile(writer: Writer, item: Item) -> None:
            start(writer, item)
            if item.step.key == "JobRun/b" and not world.cluster.get("JobRun", "a"):
                world.ask("a")
                (process,) = world.cluster.living
                runner = process.operator.runner
                runner.cache.assume("JobRun", world.cluster.get("JobRun", "a") or {})
                runner.reconciler.reconcile(item.job.key)

        start = Writer._start
        world.endpoints.answer = slow
        world.job(runs={"limits": {"maxConcurrency": 1}})
        monkeypatch.setattr(Writer, "_start", meanwhile)
        world.ask("b")
        await world.until(lambda: len(world.phases()) == 2)
        await world.ended()
        assert [made.run for made in world.endpoints.calls] == ["b", "a"]
        assert at_a_time(world.endpoints.calls) == 1

    play(story)


def test_a_canceled_run_is_no_longer_waited_for() -> None:
    async def story(world: World) -> None:
        async def for_ever(_: Call) -> Heard:
            await asyncio.sleep(1e6)
            return Heard(http_status=200)

        world.endpoints.answer = for_ever
        world.job()
        world.ask("one")
        await world.until(lambda: bool(world.endpoints.calls))
        world.cluster.patch("JobRun", "one", {"spec": {"canceled": True}})
        await world.ended()
        assert world.phases() == {"one": "Canceled"}
        await world.until(lambda: world.endpoints.calls[0].ended is not None)

    play(story)


def test_a_schedule_makes_a_run_for_each_tick() -> None:
    async def story(world: World) -> None:
        trigger = {"schedule": {"cron": "*/5 * * * *"}}
        world.job(trigger=trigger, runs={"successfulHistoryLimit": 2})
        begin = world.cluster.now()
        await asyncio.sleep(3600)
        ticks = [made.began for made in world.endpoints.calls]
        assert len(ticks) == 12
        for tick in ticks:
            assert tick > begin
            assert tick % 300 < 1.0
        await asyncio.sleep(2)
        assert len(world.runs()) == 2
        schedule = (world.cluster.get("HTTPJob", "app") or {})["status"]["schedule"]
        assert (schedule["missedTicks"], schedule["skippedTicks"]) == (0, 0)

    play(story)


def test_a_flood_of_failures_is_one_event_on_the_job_and_all_are_counted() -> None:
    async def story(world: World) -> None:
        async def no(_: Call) -> Heard:
            return Heard(http_status=404)

        world.endpoints.answer = no
        world.job()
        for number in range(30):
            world.ask(f"r{number:02}")
        await world.ended()
        await asyncio.sleep(5)
        (event,) = world.cluster.list("Event")
        about = (event["regarding"]["kind"], event["regarding"]["name"], event["reason"])
        assert about == ("HTTPJob", "app", "RunFailed")
        assert event["type"] == "Warning"
        assert re.fullmatch(r"r\d\d is Failed: answered 404", event["note"])
        (process,) = world.cluster.living
        text = process.operator.metrics.render().decode()
        assert 'wavegate_runs_total{phase="Failed"} 30.0' in text
        assert 'wavegate_call_seconds_count{outcome="Rejected"} 30.0' in text
        assert "wavegate_run_wait_seconds_count 30.0" in text

    play(story)


def test_missed_ticks_are_told_as_an_event_and_by_a_gauge() -> None:
    async def story(world: World) -> None:
        world.job(trigger={"schedule": {"cron": "* * * * *", "startingDeadline": "30s"}})
        await world.until(lambda: len(world.endpoints.calls) == 2)
        (process,) = world.cluster.living
        process.pause()
        await asyncio.sleep(600)
        process.resume()
        await world.until(lambda: len(world.endpoints.calls) == 4)
        told = [each for each in world.cluster.list("Event") if each["reason"] == "TicksMissed"]
        assert [each["regarding"]["kind"] for each in told] == ["HTTPJob"]
        assert re.match(r"\d+ ticks of the schedule passed without a run", told[0]["note"])
        (process,) = world.cluster.living
        text = process.operator.metrics.render().decode()
        missed = int(told[0]["note"].split()[0])
        assert f'job_name="app",job_namespace="default",why="missed"}} {missed}.0' in text

    play(story)


class Refusing(Untroubled):
    """The first requests for ConfigMaps are refused."""

    def __init__(self, error: ApiError, times: int) -> None:
        self._error = error
        self._left = times

    async def sending(self, request: Request) -> None:
        if "/configmaps/" in request.path and self._left:
            self._left -= 1
            raise self._error


@pytest.mark.parametrize(
    ("error", "phase", "attempt"),
    [
        pytest.param(ServerError(500), "Completed", 3, id="may pass"),
        pytest.param(Forbidden(403, "Forbidden", "no"), "SystemFailed", 1, id="does not pass"),
        pytest.param(NotFound(404, "NotFound", "no"), "SystemFailed", 1, id="is not there"),
    ],
)
def test_a_payload_that_cannot_be_read_is_looked_for_again_where_that_may_help(
    error: ApiError, phase: str, attempt: int
) -> None:
    async def story(world: World) -> None:
        payload = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"body": '{"a": 1}'}}
        payload["metadata"] = {"name": "payload", "namespace": "default"}
        path = "/api/v1/namespaces/default/configmaps"
        world.cluster.server.request(Administrator(), "POST", path, body=payload)
        world.job(runs={"retry": {"initialDelay": "1s"}})
        source = {"configMapKeyRef": {"name": "payload", "key": "body"}}
        world.ask("one", payloadFrom=source)
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["attempt"]) == (phase, attempt)
        if phase != "Completed":
            assert status["reason"] == "SourceUnreadable"
            assert "ConfigMap payload" in status["message"]

    play(story, trouble=lambda _: Refusing(error, 2))


def test_a_process_that_ends_waits_for_its_calls_and_puts_them_on_record() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(6)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        world.job(runs={"limits": {"maxConcurrency": 3}})
        for number in range(5):
            world.ask(f"r{number}")
        await world.until(lambda: len(world.endpoints.calls) == 3)
        (first,) = world.cluster.living
        first.operator.stop.set()
        await asyncio.wait([first.task])
        assert Counter(world.phases().values()) == {"Completed": 3, "Queued": 2}
        assert len(world.endpoints.calls) == 3, "none is begun by one that ends"
        await world.ended()
        assert [status["attempt"] for status in world.runs().values()] == [1] * 5

    play(story)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_killed_every_run_ends_and_no_limit_is_exceeded(seed: int) -> None:
    async def story(world: World) -> None:
        chance = Random(seed)
        kills: list[float] = []

        async def mixed(_: Call) -> Heard:
            await asyncio.sleep(chance.uniform(0.1, 5))
            return Heard(http_status=chance.choice((200, 200, 200, 503, 404)))

        world.endpoints.answer = mixed
        rate = {"max": 10, "window": "10s"}
        world.job(
            runs={
                "limits": {"maxConcurrency": 5, "rate": rate},
                "retry": {"initialDelay": "2s", "maxAttempts": 4},
                "successfulHistoryLimit": 1000,
                "failedHistoryLimit": 1000,
            }
        )
        for number in range(60):
            world.ask(f"r{number:02}")
        for _ in range(5):
            await asyncio.sleep(chance.uniform(1, 12))
            for process in world.cluster.living:
                kills.append(world.cluster.now())
                process.kill()
        await world.ended()
        calls = world.endpoints.calls
        completed = {name for name, phase in world.phases().items() if phase == "Completed"}
        for name in completed:
            last = [made for made in calls if made.run == name][-1]
            assert world.runs()[name]["attempt"] == last.attempt
        attempts = Counter((made.uid, made.attempt) for made in calls)
        assert max(attempts.values()) == 1, "an attempt is called once"
        extra = sum(made.ended in kills for made in calls)
        assert extra <= 5 * len(kills)
        began = sorted(made.began for made in calls)
        for first in began:
            within = sum(first <= each < first + 10 - CLOCKS_AGREE for each in began)
            assert within <= 2 * 10 - 1

    play(story, seed)
