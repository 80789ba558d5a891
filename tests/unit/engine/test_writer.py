"""The bounded writer: order, concurrency, back-off."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

import pytest

from unit.engine.support import Engine, FakeApi, claim, now
from wavegate.domain.actions import Action, CreateExecution, Step, Urgency
from wavegate.domain.observed import JobView
from wavegate.engine.outcomes import Done, Failed, LookAgain, Outcome, Refused, TooSoon
from wavegate.engine.writer import Writer
from wavegate.kube.errors import ApiError, ServerError, TooManyRequests

pytestmark = pytest.mark.looptime


class Script:
    """An executor that notes what it is told, and answers as the test says."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.begun: list[tuple[float, str]] = []
        self.answer: Callable[[str], Outcome] = lambda _: Done()
        self.under_way = 0
        self.most = 0
        self.taken: set[str] = set()

    @contextmanager
    def taking(self, job: JobView, actions: Sequence[CreateExecution]) -> Iterator[None]:
        taken = {each.node for each in actions}
        self.taken |= taken
        try:
            yield
        finally:
            self.taken -= taken

    async def execute(self, job: JobView, action: Action) -> Outcome:
        assert isinstance(action, CreateExecution)
        self.begun.append((asyncio.get_running_loop().time(), action.node))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return self.answer(action.node)

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.begun]


class Bench:
    """A writer on a scripted executor."""

    def __init__(self, concurrency: int = 64, seconds: float = 1.0) -> None:
        self.engine = Engine(FakeApi())
        self.script = Script(seconds)
        self.writer = Writer(
            self.script,  # type: ignore[arg-type]
            self.engine.queue,
            self.engine.bucket,
            self.engine.metrics,
            now=now,
            rng=Random(1),
            concurrency=concurrency,
        )
        self._task = asyncio.create_task(self.writer.run())

    def submit(self, job: JobView, steps: list[Step]) -> None:
        self.writer.submit(job, steps, "e1")

    async def stop(self) -> None:
        self._task.cancel()
        await self.writer.close()


@pytest.fixture
async def make_bench():
    made: list[Bench] = []

    def make(concurrency: int = 64, seconds: float = 1.0) -> Bench:
        made.append(Bench(concurrency, seconds))
        return made[-1]

    yield make
    for bench in made:
        await bench.stop()


MakeBench = Callable[..., Bench]


def step(name: str, urgency: Urgency = Urgency.CREATE, group: str = "", count: int = 1) -> Step:
    actions = tuple(claim(f"{name}{number or ''}") for number in range(count))
    return Step(f"node/{name}", urgency, actions, group)


@pytest.mark.row("spec.priority")
async def test_the_most_urgent_goes_first_then_the_higher_priority(make_bench: MakeBench):
    bench = make_bench(concurrency=1)
    low, high = bench.engine.make_job("low", 10), bench.engine.make_job("high", 90)
    bench.submit(
        low, [step("clean", Urgency.CLEAN), step("create"), step("record", Urgency.RECORD)]
    )
    bench.submit(high, [step("create-high"), step("remove", Urgency.REMOVE)])
    await asyncio.sleep(10)
    assert bench.script.names == ["remove", "record", "create-high", "create", "clean"]


async def test_jobs_of_equal_rank_take_turns(make_bench: MakeBench):
    bench = make_bench(concurrency=1)
    for name in ("one", "two"):
        job = bench.engine.make_job(name)
        bench.submit(job, [step(f"{name}-{number}") for number in range(3)])
    await asyncio.sleep(10)
    assert bench.script.names == ["one-0", "two-0", "one-1", "two-1", "one-2", "two-2"]


async def test_a_job_that_is_looked_at_often_does_not_lose_or_gain_its_turn(make_bench: MakeBench):
    bench = make_bench(concurrency=1)
    one, two = bench.engine.make_job("one"), bench.engine.make_job("two")
    bench.submit(one, [step(f"one-{number}") for number in range(5)])
    bench.submit(two, [step(f"two-{number}") for number in range(5)])
    await asyncio.sleep(0.5)
    bench.submit(one, [step(f"one-{number}") for number in range(1, 5)])
    await asyncio.sleep(3)
    assert bench.script.names == ["one-0", "two-0", "one-1", "two-1"]


async def test_creates_of_a_group_start_slowly_and_go_back_to_one_after_a_failure(
    make_bench: MakeBench,
):
    bench = make_bench()
    job = bench.engine.make_job()
    steps = [step(f"n{number:02}", group="v1") for number in range(40)]
    bench.submit(job, steps)
    await asyncio.sleep(3.5)
    assert [at for at, _ in bench.script.begun] == pytest.approx(
        [0, 1, 1, 2, 2, 2, 2] + [3] * 8, abs=0.1
    )
    bench.script.answer = lambda _: Failed(ServerError(500))
    await asyncio.sleep(1)
    assert len(bench.script.begun) == 16


async def test_a_group_that_has_to_wait_holds_up_nobody(make_bench: MakeBench):
    bench = make_bench()
    job, other = bench.engine.make_job(), bench.engine.make_job("other")
    bench.submit(job, [step("a", group="v1"), step("b", group="v1"), step("c")])
    bench.submit(other, [step("d", group="v1")])
    await asyncio.sleep(0.5)
    assert sorted(bench.script.names) == ["a", "c", "d"]


async def test_concurrency_is_bounded(make_bench: MakeBench):
    bench = make_bench(concurrency=5)
    job = bench.engine.make_job()
    bench.submit(job, [step(f"n{number}") for number in range(20)])
    await asyncio.sleep(10)
    assert bench.script.most == 5
    assert len(bench.script.begun) == 20


async def test_a_step_whose_key_is_under_way_is_dropped(make_bench: MakeBench):
    bench = make_bench()
    job = bench.engine.make_job()
    bench.submit(job, [step("a")])
    await asyncio.sleep(0.5)
    assert bench.writer.busy(job.key) == {"node/a"}
    bench.submit(job, [step("a")])
    await asyncio.sleep(5)
    assert bench.script.names == ["a"]
    assert bench.writer.busy(job.key) == frozenset()


@pytest.mark.parametrize("seconds", [0, 1.0])
async def test_what_a_step_takes_is_taken_for_as_long_as_it_is_under_way(
    make_bench: MakeBench, seconds: float
):
    """Whoever looks between two turns of the loop sees it waiting or taken, and never neither."""
    bench = make_bench(seconds=seconds)
    job = bench.engine.make_job()
    bench.submit(job, [step("a", count=2), step("b")])
    seen: list[tuple[frozenset[str], frozenset[str]]] = []
    while len(bench.script.begun) < 3 or bench.writer.busy(job.key):
        await asyncio.sleep(0 if len(seen) < 20 else 0.1)
        seen.append((bench.writer.busy(job.key), frozenset(bench.script.taken)))
    takes = {"node/a": {"a", "a1"}, "node/b": {"b"}}
    for busy, taken in seen:
        assert taken == {node for each in busy for node in takes[each]}
    assert {busy for busy, _ in seen} >= {frozenset({"node/a"}), frozenset()}


async def test_what_a_step_takes_is_free_when_it_breaks(make_bench: MakeBench):
    bench = make_bench()
    bench.script.answer = lambda _: raises()
    bench.submit(bench.engine.make_job(), [step("a")])
    await asyncio.sleep(0.5)
    assert bench.script.taken == {"a"}
    await asyncio.sleep(1)
    assert bench.script.taken == set()


def raises() -> Outcome:
    raise ValueError("broken")


async def test_of_two_steps_of_one_key_in_one_plan_only_one_runs(make_bench: MakeBench):
    bench = make_bench()
    job = bench.engine.make_job()
    bench.submit(job, [step("a", Urgency.REMOVE), step("a", Urgency.CLEAN)])
    await asyncio.sleep(0.5)
    assert bench.script.names == ["a"]


async def test_of_a_step_under_way_that_is_halted_no_further_action_begins(make_bench: MakeBench):
    bench = make_bench()
    job = bench.engine.make_job()
    bench.submit(job, [step("a", count=3), step("b", count=2)])
    await asyncio.sleep(0.5)
    bench.writer.submit(job, [], "e2", frozenset({"node/a", "node/c"}))
    await asyncio.sleep(5)
    assert sorted(bench.script.names) == ["a", "b", "b1"]
    bench.submit(job, [step("a", count=2), step("c", count=2)])
    await asyncio.sleep(5)
    assert sorted(bench.script.names[3:]) == ["a", "a1", "c", "c1"], "a later step is another"


async def test_what_the_newest_plan_does_not_want_is_not_written(make_bench: MakeBench):
    bench = make_bench(concurrency=1)
    job = bench.engine.make_job()
    bench.submit(job, [step("a"), step("b"), step("c")])
    await asyncio.sleep(0.5)
    bench.submit(job, [step("c")])
    await asyncio.sleep(5)
    assert bench.script.names == ["a", "c"]


@pytest.mark.parametrize(
    "bad", [LookAgain("changed"), Refused("Invalid", "no"), TooSoon(0.0), Failed(ServerError(500))]
)
async def test_a_step_ends_with_its_first_action_that_does_not_succeed(
    make_bench: MakeBench, bad: Outcome
):
    bench = make_bench()
    job = bench.engine.make_job()
    bench.script.answer = lambda name: bad if name == "a1" else Done()
    bench.submit(job, [step("a", count=3)])
    await asyncio.sleep(5)
    assert bench.script.names == ["a", "a1"]


async def test_its_job_is_looked_at_after_each_step(make_bench: MakeBench):
    bench = make_bench()
    job = bench.engine.make_job()
    assert await bench.engine.queue.get() == job.key
    bench.submit(job, [step("a")])
    assert await asyncio.wait_for(bench.engine.queue.get(), 2) == job.key


async def resubmit(bench: Bench, job: JobView, seconds: float) -> None:
    """Passes that want the same step again and again, unless it is under way."""
    for _ in range(int(seconds * 4)):
        busy = bench.writer.busy(job.key)
        bench.submit(job, [each for each in [step("a")] if each.key not in busy])
        await asyncio.sleep(0.25)


@pytest.mark.parametrize("takes", [0.01, 5.0])
async def test_a_step_that_fails_is_not_a_hot_loop(make_bench: MakeBench, takes: float):
    bench = make_bench(seconds=takes)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: Failed(ServerError(500))
    await resubmit(bench, job, 300)
    times = [at for at, _ in bench.script.begun]
    gaps = [later - sooner - takes for sooner, later in itertools.pairwise(times)]
    assert gaps[0] < 1.1
    assert all(sooner < later * 1.5 for sooner, later in itertools.pairwise(gaps))
    assert 45 < gaps[-1] <= 75
    assert len(times) < 15


@pytest.mark.parametrize(("error", "told"), [(ServerError(503), 1), (TooManyRequests(429), 0)])
async def test_a_failure_is_told_but_not_that_it_is_too_much(
    make_bench: MakeBench, error: ApiError, told: int, caplog: pytest.LogCaptureFixture
):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: Failed(error)
    with caplog.at_level(logging.INFO):
        bench.submit(job, [step("a")])
        await asyncio.sleep(0.1)
    assert len(caplog.records) == told


async def test_retry_after_is_obeyed(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: Failed(TooManyRequests(429, retry_after=20.0))
    await resubmit(bench, job, 19)
    assert len(bench.script.begun) == 1
    await resubmit(bench, job, 3)
    assert len(bench.script.begun) == 2


async def test_a_lost_race_is_tried_again_at_once_but_only_once(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: LookAgain("changed")
    await resubmit(bench, job, 60)
    times = [at for at, _ in bench.script.begun]
    assert times[1] - times[0] < 0.5
    assert len(times) < 12


async def test_a_refusal_is_shown_until_the_next_try_has_succeeded(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: Refused("Forbidden", "exceeded quota")
    bench.submit(job, [step("a")])
    await asyncio.sleep(0.1)
    assert bench.writer.refusals(job.key)["node/a"].message == "exceeded quota"
    retry = bench.writer.next_change(job.key)
    assert now() < retry < now() + 1
    bench.script.answer = lambda _: Done()
    await resubmit(bench, job, 2)
    assert not bench.writer.refusals(job.key)
    assert bench.writer.next_change(job.key) is None


async def test_a_refusal_that_nobody_tries_again_is_not_shown_for_ever(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    bench.script.answer = lambda _: Refused("Forbidden", "exceeded quota")
    bench.submit(job, [step("a")])
    await asyncio.sleep(4)
    assert not bench.writer.refusals(job.key)


async def test_a_status_that_came_too_soon_wakes_its_job_then_and_no_sooner(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()
    await bench.engine.queue.get()  # of its making
    due = now() + 5
    bench.script.answer = lambda _: TooSoon(due)
    bench.submit(job, [step("a")])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.engine.queue.get(), 4.9)
    assert await asyncio.wait_for(bench.engine.queue.get(), 0.2) == job.key


async def test_a_defect_in_one_step_does_not_end_the_writer(make_bench: MakeBench):
    bench = make_bench(seconds=0.01)
    job = bench.engine.make_job()

    def break_down(_: str) -> Outcome:
        raise RuntimeError("broken")

    bench.script.answer = break_down
    bench.submit(job, [step("a")])
    await asyncio.sleep(0.1)
    bench.script.answer = lambda _: Done()
    bench.submit(job, [step("b")])
    await asyncio.sleep(0.1)
    assert bench.script.names == ["a", "b"]


async def test_something_more_urgent_overtakes_while_the_rate_is_used_up(make_bench: MakeBench):
    bench = make_bench()
    job, other = bench.engine.make_job(), bench.engine.make_job("other")
    bench.engine.bucket.throttle(10.0, sent=asyncio.get_running_loop().time())
    bench.submit(job, [step(f"n{number}") for number in range(10)])
    await asyncio.sleep(5)
    bench.submit(other, [step("urgent", Urgency.REMOVE)])
    await asyncio.sleep(6)
    assert bench.script.names[0] == "urgent"


async def test_closing_lets_a_write_end_and_starts_none(make_bench: MakeBench):
    bench = make_bench(concurrency=1)
    job = bench.engine.make_job()
    bench.submit(job, [step("a"), step("b")])
    await asyncio.sleep(0.5)
    await bench.stop()
    assert bench.script.names == ["a"]
    assert bench.script.under_way == 0
