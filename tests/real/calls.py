"""A load of runs whose process is killed again and again, or whose leader stands still for a while.

The endpoint is real and so is the API server. What is asked of it afterwards: every run has ended,
no limit was exceeded at any revision, no attempt was called twice, nothing that had ended was
called, and each tick of the schedule has one run.
"""

from __future__ import annotations

import random
import time
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import wavelab
from real.history import Event, History
from real.killing import Killing, OnlyProcess
from real.proxy import Passed
from real.replicas import LEASES
from real.stopping import Pair, Stopping, leads_since
from support.answering import Endpoint, Received, Reply
from support.asking import Asked
from support.space import Document, Space
from wavegate.domain.times import parse_time
from wavegate.runs.naming import tick_name
from wavegate.runs.states import TERMINAL

AT_A_TIME: Final = 8
RATE: Final = 20
WINDOW: Final = 5.0
CLOCKS_AGREE: Final = 1.0
"""Seconds within which two processes know the server's time, which it tells in whole ones."""

JOB: Final[dict[str, Any]] = {
    "trigger": {"schedule": {"cron": "* * * * *", "concurrencyPolicy": "Allow", "catchUp": "All"}},
    "runs": {
        "limits": {"maxConcurrency": AT_A_TIME, "rate": {"max": RATE, "window": "5s"}},
        "retry": {
            "maxAttempts": 50,
            "strategy": "Fixed",
            "initialDelay": "300ms",
            "jitterPercent": 0,
        },
        "successfulHistoryLimit": 1000,
        "failedHistoryLimit": 1000,
    },
}
_MINUTE: Final = 60.0
_OPTIONS: Final = ("--call-network=127.0.0.0/8",)


@dataclass
class Loaded:
    """What became of a load. ``late``: calls of a former leader after another led."""

    runs: int
    calls: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    crashed: int = 0
    """Attempts that were lost with their process."""
    again: int = 0
    """Calls that were answered for good, and made again since that was not on record."""
    ticks: int = 0
    seconds: float = 0.0
    take_over: float | None = None
    in_flight: int = 0
    late: list[Received] = field(default_factory=list)
    begun: list[Received] = field(default_factory=list)
    """Calls of the attempt in whose beginning the leader was stopped."""
    late_writes: list[Passed] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{number} {phase}" for phase, number in sorted(self.ends.items()))
        return (
            f"{self.runs} runs and {self.ticks} ticks in {self.seconds:.0f} s: {ends};"
            f" {self.calls} calls, {self.crashed} attempts lost with their process,"
            f" {self.again} calls made again though they had been answered"
        )


class Load:
    """An endpoint, a job with a schedule, and runs that are asked for."""

    def __init__(self, cluster: wavelab.Cluster, name: str, runs: int, seed: int) -> None:
        self.space = Space(cluster.client(), name)
        self.endpoint = Endpoint()
        self._names = [f"r{number:03}" for number in range(runs)]
        self._seed = seed

    def answer(self, call: Received) -> Reply:
        """By the run and its attempt: most are well at once, some never."""
        chance = random.Random(f"{self._seed} {call.run} {call.attempt}")
        time.sleep(chance.uniform(0.02, 0.4))
        return Reply(chance.choice((200, 200, 200, 200, 503, 503, 404)))

    def begin(self) -> None:
        self.endpoint.answer = self.answer
        spec = {"http": {"url": self.endpoint.url}, **JOB}
        self.space.apply("app", spec, "HTTPJob")
        for name in self._names:
            Asked(self.space, self.endpoint).run(name)

    def have_ended(self, history: History) -> bool:
        """Those that were asked for, and one of the schedule, which goes on."""
        found = {each["metadata"]["name"]: each for each in history.list("JobRun")}
        others = found.keys() - set(self._names)
        has_ticked = any(phase_of(found[name]) in TERMINAL for name in others)
        return has_ticked and all(phase_of(found.get(name)) in TERMINAL for name in self._names)

    def close(self) -> None:
        self.endpoint.close()
        self.space.client.delete(f"/api/v1/namespaces/{self.space.name}")
        self.space.client.delete(f"{LEASES}/{self.space.name}")


def killed(
    cluster: wavelab.Cluster, directory: Path, *, runs: int, kills: int, seed: int = 1
) -> Loaded:
    """A load through which the only process is killed so often, and started again at once."""
    trouble = Killing(kills, seed)
    with ExitStack() as stack:
        load = stack.enter_context(closing(Load(cluster, f"calls-killed-{seed}", runs, seed)))
        only = OnlyProcess(cluster, load.space, directory, trouble, *_OPTIONS)
        stack.enter_context(closing(only))

        def tend(history: History) -> bool:
            only.tend()
            return trouble.is_over and load.have_ended(history)

        only.launch()
        history = stack.enter_context(History(load.space, lambda _: False, ("HTTPJob", "JobRun")))
        begun = time.monotonic()
        load.begin()
        load.space.wait("all has ended", lambda: tend(history), seconds=60 + 5 * runs, poll=0.05)
        found = Loaded(runs, seconds=time.monotonic() - begun)
        only.replica.process.stop()  # so that nothing is written while it is read
        _judge(found, history.events(), load.endpoint.calls, leads_since(only.replica)[1:])
        return found


def stopped(cluster: wavelab.Cluster, directory: Path, *, runs: int, seed: int = 1) -> Loaded:
    """A load in which the leader stands still (SIGSTOP) until another leads, and then goes on.

    That is while it begins a call: that the run executes is on record, and it was not told so.
    """
    trouble = Stopping(2 * AT_A_TIME, _begins)
    with ExitStack() as stack:
        load = stack.enter_context(closing(Load(cluster, f"calls-stopped-{seed}", runs, seed)))
        pair = Pair(cluster, load.space, directory, trouble, *_OPTIONS)
        stack.enter_context(closing(pair))
        pair.launch()
        history = stack.enter_context(History(load.space, lambda _: False, ("HTTPJob", "JobRun")))
        begun = time.monotonic()
        load.begin()
        stopped_at = pair.is_stopped()
        found = Loaded(runs)
        found.in_flight = sum(
            phase_of(each) == "Executing" for each in history.list("JobRun")
        ) + len(pair.old.proxy.under_way)
        led_at = pair.taken_over()
        found.take_over = led_at - stopped_at
        calls = load.endpoint.calls
        load.space.wait("the other calls", lambda: calls and calls[-1].at > led_at, seconds=60)
        pair.go_on()
        load.space.wait("all has ended", lambda: load.have_ended(history), seconds=200)
        pair.end()
        found.seconds = time.monotonic() - begun
        events = history.events()
        found.late = _late(events, calls, stopped_at, led_at)
        assert trouble.met is not None
        met = trouble.met.path.split("/")[-2], trouble.met.body["status"]["attempt"]
        found.begun = [each for each in calls if (each.run, each.attempt) == met]
        found.late_writes = pair.late_writes()
        found.wrong += pair.wrongly_late()
        _judge(found, events, calls, [led_at])
        return found


def _begins(passed: Passed) -> bool:
    return isinstance(passed.body, dict) and phase_of(passed.body) == "Executing"


def phase_of(run: Document | None) -> str:
    return str((run or {}).get("status", {}).get("phase", ""))


def _judge(
    found: Loaded, events: Sequence[Event], calls: Sequence[Received], changes: Sequence[float]
) -> None:
    """``changes``: since when another process led."""
    runs = [event for event in events if event.kind == "JobRun"]
    asked = {event.name: event for event in runs if not _owned(event)}
    found.calls = len(calls)
    found.ends = Counter(phase_of(event.document) for event in asked.values())
    found.crashed = len(
        {
            (event.name, event.document["status"].get("attempt"))
            for event in runs
            if phase_of(event.document) != "Executing"
            and event.document["status"].get("lastError", {}).get("class") == "Crashed"
        }
    )
    found.wrong += [
        *_beyond_limits(runs),
        *called_twice(calls),
        *called_after_the_end(runs, calls, found.late),
        *_answered_again(found, calls, changes),
        *_ticks(found, events),
    ]


def _owned(event: Event) -> bool:
    """Whether the job's schedule has made it."""
    return bool(event.document["metadata"].get("ownerReferences"))


def _beyond_limits(runs: Sequence[Event]) -> Iterator[str]:
    executing: set[str] = set()
    began: dict[tuple[str, int], float] = {}
    for event in runs:
        status = event.document["status"]
        if phase_of(event.document) == "Executing" and not event.gone:
            executing.add(event.name)
            began[event.name, status["attempt"]] = parse_time(status["startTime"]) or 0.0
        else:
            executing.discard(event.name)
        if len(executing) > AT_A_TIME:
            yield f"{len(executing)} execute at revision {event.revision}: {sorted(executing)}"
    times = sorted(began.values())
    for first in dict.fromkeys(times):
        within = sum(first <= each < first + WINDOW - CLOCKS_AGREE for each in times)
        if within > 2 * RATE - 1:
            yield f"{within} began within {WINDOW:g} s from {first}"


def called_twice(calls: Sequence[Received]) -> Iterator[str]:
    """Attempts that were called more than once."""
    for (run, attempt), number in Counter((each.run, each.attempt) for each in calls).items():
        if number > 1:
            yield f"attempt {attempt} of {run} was called {number} times"


def called_after_the_end(
    runs: Sequence[Event], calls: Sequence[Received], late: Sequence[Received] = ()
) -> Iterator[str]:
    """Calls of what had ended, but for those of a former leader."""
    ended: dict[str, float] = {}
    for event in runs:
        if phase_of(event.document) in TERMINAL:
            ended.setdefault(event.name, event.at)
    for call in calls:
        if call not in late and call.at > ended.get(call.run, float("inf")):
            yield f"{call.run} was called {call.at - ended[call.run]:.2f} s after its end"


def _answered_again(
    found: Loaded, calls: Sequence[Received], changes: Sequence[float]
) -> Iterator[str]:
    """Answered for good twice by one process; from one to the next it may be, once a run."""
    lives: defaultdict[tuple[str, int], int] = defaultdict(int)
    answered: Counter[str] = Counter()
    for call in calls:
        if call.reply is not None and call.reply.status in (200, 404) and call not in found.late:
            lives[call.run, bisect(changes, call.at)] += 1
            answered[call.run] += 1
    found.again = sum(number - 1 for number in answered.values())
    for (run, life), number in lives.items():
        if number > 1:
            yield f"{run} was called {number} times by process {life}, though it had been answered"


def _ticks(found: Loaded, events: Sequence[Event]) -> Iterator[str]:
    job = [event.document for event in events if event.kind == "HTTPJob"][-1]
    uid, schedule = job["metadata"]["uid"], job["status"]["schedule"]
    begin = parse_time(job["metadata"]["creationTimestamp"]) or 0.0
    decided = parse_time(schedule.get("lastTickTime")) or begin
    due = set()
    tick = begin - begin % _MINUTE + _MINUTE
    while tick <= decided:
        due.add(tick_name("app", uid, tick))
        tick += _MINUTE
    made: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.kind == "JobRun" and _owned(event):
            made[event.name].add(event.document["metadata"]["uid"])
    found.ticks = len(made)
    for name in due - made.keys():
        yield f"the run {name} of a tick was not made"
    for name, uids in made.items():
        if len(uids) > 1:
            yield f"the run {name} of a tick was made {len(uids)} times"
    if schedule["missedTicks"] or schedule["skippedTicks"]:
        yield f"ticks are counted as missed or skipped: {schedule}"


def _late(
    events: Sequence[Event], calls: Sequence[Received], stopped_at: float, led_at: float
) -> list[Received]:
    """Calls after another led of attempts that had been put on record before."""
    decided = {
        (event.name, event.document["status"]["attempt"])
        for event in events
        if phase_of(event.document) == "Executing" and event.at < stopped_at
    }
    return [each for each in calls if each.at > led_at and (each.run, each.attempt) in decided]
