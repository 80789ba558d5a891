"""A load of runs that follow from each other, through which the process is killed or the leader is.

Lanes of jobs beside each other. In each a call triggers a second, that a third and a query over all
nodes, and the query's end one more; another call triggers two, of which both trigger a fourth. A
job waits for the first of them as at a gate, and batches of items are made beside it all. A lane is
asked for its next round once nothing of the one before is left, so that it is known what follows
from what. Each round is asked for twice, by one key: one of the two is refused.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import wavelab
from integration.test_one_shot import query
from real.calls import called_after_the_end, called_twice, phase_of
from real.followed import (
    Became,
    Edge,
    Followed,
    became,
    called_though_refused,
    executions,
    followed,
    items,
    left,
    open_gates,
)
from real.history import Event, History
from real.killing import Killing, OnlyProcess, Turns
from real.proxy import Passed
from real.replicas import LEASES
from real.stopping import Pair, Stopping
from support.answering import Endpoint, Received, Reply
from support.asking import GROUP, Asked
from support.space import Document, Space
from wavegate.api.names import ANNOTATION_AFTER, ANNOTATION_ITEM, job_ref
from wavegate.domain.times import parse_time
from wavegate.runs.batch_states import ENDED
from wavegate.runs.states import TERMINAL

LANES: Final = 4
ITEMS: Final = 40
"""Of a batch."""
KINDS: Final = ("HTTPJob", "FleetJob", "JobRun", "RunBatch", "Execution")
GRACE: Final = 1.0
"""Seconds within which a run may begin beside an end that closes its gate."""
MOST_FAILURES: Final = 2
"""That the endpoint answers with in a row."""
BETWEEN: Final = (1, 5)
"""Writes of the kind whose turn it is until the process is killed."""

ANY: Final = TERMINAL - {"Canceled", "Expired"}
NEEDS: Final[Mapping[str, Sequence[Document]]] = {
    "first": (),
    "second": ({"jobName": "first", "mode": "Trigger"},),
    "third": ({"jobName": "second", "mode": "Trigger"},),
    "look": ({"jobName": "second", "mode": "Trigger"},),
    "told": ({"jobKind": "FleetJob", "jobName": "look", "mode": "Trigger", "condition": "Any"},),
    "gated": ({"jobName": "first", "mode": "Gate"},),
    "top": (),
    "left": ({"jobName": "top", "mode": "Trigger"},),
    "right": ({"jobName": "top", "mode": "Trigger"},),
    "foot": ({"jobName": "left", "mode": "Trigger"}, {"jobName": "right", "mode": "Trigger"}),
}
"""Jobs of a lane, and what each depends on; ``look`` is a FleetJob."""
_RETRY: Final = {
    "maxAttempts": 50,
    "strategy": "Fixed",
    "initialDelay": "100ms",
    "jitterPercent": 0,
}
_OPTIONS: Final = ("--call-network=127.0.0.0/8",)


def _creates(annotation: str) -> Callable[[Passed], bool]:
    def counts(passed: Passed) -> bool:
        is_run = passed.method == "POST" and passed.path.endswith("/jobruns")
        return is_run and annotation in passed.body["metadata"].get("annotations", {})

    return counts


def _decides(passed: Passed) -> bool:
    is_job = "/httpjobs/" in passed.path or "/fleetjobs/" in passed.path
    return is_job and passed.method == "PUT" and "dependencies" in passed.body["status"]


def _asks_nodes(passed: Passed) -> bool:
    made = ("/fleetjobs", "/fleetdeployments", "/executions", "/pods")
    return passed.method == "POST" and passed.path.endswith(made)


def _ends(passed: Passed) -> bool:
    is_run = "/jobruns/" in passed.path and passed.method == "PUT"
    return is_run and phase_of(passed.body) in TERMINAL


TURNS: Final[Turns] = {
    "an item's run": _creates(ANNOTATION_ITEM),
    "a triggered run": _creates(ANNOTATION_AFTER),
    "what is decided": _decides,
    "what asks nodes": _asks_nodes,
    "an end": _ends,
}


@dataclass
class Chained:
    """What became of a load. ``take_over``: seconds until another led."""

    rounds: int = 0
    runs: int = 0
    calls: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    launches: int = 0
    ends: Followed = field(default_factory=Followed)
    refused: int = 0
    items: int = 0
    passes: int = 0
    executions: int = 0
    gated: int = 0
    seconds: float = 0.0
    take_over: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{number} at {kind}" for kind, number in sorted(self.killed.items()))
        return (
            f"{self.rounds} rounds, {self.runs} runs and {self.calls} calls in"
            f" {self.seconds:.0f} s{killed and f' ({killed})'}; of ends, {self.ends.made} had a"
            f" run made for them, {self.ends.joined} one that waited, {self.ends.nothing} asked"
            f" for none; {self.refused} runs refused, {self.gated} let through by a gate,"
            f" {self.items} items of batches, {self.passes} runs over nodes with"
            f" {self.executions} Executions; wrong: {len(self.wrong)}"
        )


class Lane:
    """Its jobs, whose names end in its number. ``is_well``: no answer of them is a refusal."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_well = False
        self.round = 0
        self.jobs = [job_ref(_kind(job), self.named(job)) for job in NEEDS]
        self.edges = [
            Edge(
                job_ref(need.get("jobKind", "HTTPJob"), self.named(need["jobName"])),
                job_ref(_kind(job), self.named(job)),
                ANY if need.get("condition") == "Any" else {"Completed"},
                triggers=need["mode"] == "Trigger",
            )
            for job, needs in NEEDS.items()
            for need in needs
        ]

    def named(self, job: str) -> str:
        return f"{job}-{self.number}"

    def apply(self, asked: Asked) -> None:
        for job, needs in NEEDS.items():
            depends_on = [{**need, "jobName": self.named(need["jobName"])} for need in needs]
            trigger = {"trigger": {"dependsOn": depends_on}} if needs else {}
            if _kind(job) == "HTTPJob":
                asked.job(self.named(job), runs={"retry": _RETRY}, **trigger)
                continue
            runs = {"runs": {"retry": {**_RETRY, "maxAttempts": 2}}}
            bad = {"fate_on": "sim-001=crash"} if not self.number else {}  # two attempts each
            rollout = {"strategy": "Immediate", "maxFailedNodes": 0}
            spec = {**query(**bad, **rollout), **runs, **trigger}
            asked.space.apply(self.named(job), spec)

    def ask(self, asked: Asked) -> None:
        """For a round."""
        self.round += 1
        for job in ("first", "top"):
            name = f"{self.named(job)}-r{self.round:03}"
            for each in (name, f"{name}-again"):
                asked.run(each, self.named(job), idempotencyKey=name)
        asked.run(f"{self.named('gated')}-r{self.round:03}", self.named("gated"))

    def is_at_rest(self, jobs: Mapping[str, Document], runs: Sequence[Became]) -> bool:
        """Whether nothing goes on, and all that ended is decided on. ``runs``: not older.

        What waits for a job to be as asked is at rest, but where all are well.
        """
        of_lane = [run for run in runs if run.job in self.jobs]
        rests = TERMINAL if self.is_well else TERMINAL | {"Waiting"}
        if any(run.phase not in rests for run in of_lane):
            return False
        for edge in self.edges:
            good = [
                parse_time(run.end) or 0.0
                for run in of_lane
                if run.job == edge.upstream and run.phase in edge.asked
            ]
            status = jobs.get(edge.job, {}).get("status", {})
            decided = {
                job_ref(each.get("jobKind", "HTTPJob"), each["jobName"]): each["decidedUpTo"]
                for each in status.get("dependencies", ())
            }
            if edge.triggers and (parse_time(decided.get(edge.upstream)) or 0.0) < max(
                good, default=0.0
            ):
                return False
        return True


def _kind(job: str) -> str:
    return "FleetJob" if job == "look" else "HTTPJob"


class Load:
    """An endpoint, lanes, and batches one after another until nobody is to be killed any more."""

    def __init__(self, cluster: wavelab.Cluster, name: str, rounds: int, seed: int) -> None:
        self.space = Space(cluster.client(), name)
        self.endpoint = Endpoint()
        self.lanes = [Lane(number) for number in range(LANES)]
        self.history = History(self.space, lambda _: False, KINDS)
        self._asked = Asked(self.space, self.endpoint)
        self._rounds = -(-rounds // LANES)
        self._seed = seed
        self._batches = 0
        self._answering = threading.Lock()
        self._failures = 0

    def answer(self, call: Received) -> Reply:
        """By the run and its attempt: most are well at once.

        So many failures in a row that the endpoint's circuit opens would only be waited for.
        """
        chance = random.Random(f"{self._seed} {call.run} {call.attempt}")
        time.sleep(chance.uniform(0.01, 0.1))
        job, _, lane = str(call.headers["X-Job-Name"]).rpartition("-")
        status = chance.choice((200, 200, 200, 200, 503, 404))
        refuses = job and not self.lanes[int(lane)].is_well
        if status != 200 and not refuses:
            status = 503 if call.attempt == 1 else 200
        with self._answering:
            if self._failures == MOST_FAILURES:
                status = 200
            self._failures = 0 if status == 200 else self._failures + 1
        return Reply(status)

    def begin(self) -> None:
        self.endpoint.answer = self.answer
        self._asked.job("bulk", runs={"retry": _RETRY, "limits": {"maxConcurrency": 8}})
        for lane in self.lanes:
            lane.apply(self._asked)
        self._batch()
        for lane in self.lanes:
            lane.ask(self._asked)

    def _batch(self) -> None:
        self._batches += 1
        every = [{"key": f"k{number}", "payload": "{}"} for number in range(ITEMS)]
        body = {
            "apiVersion": GROUP,
            "kind": "RunBatch",
            "metadata": {"name": f"bulk-{self._batches}"},
            "spec": {"jobName": "bulk", "items": every},
        }
        self.space.client.request("POST", self.space.path("RunBatch"), body)

    def go_on(self, *, may_end: bool) -> bool:
        """Ask for what comes next; whether all has ended. To be called again and again.

        The last round of a lane is one in which all is well.
        """
        batches = self.space.list("RunBatch")
        batches_ended = all(each.get("status", {}).get("state") in ENDED for each in batches)
        if batches_ended and not may_end:
            self._batch()
        jobs = {
            job_ref(kind, each["metadata"]["name"]): each
            for kind in ("HTTPJob", "FleetJob")
            for each in self.space.list(kind)
        }
        runs = became(Event(0, 0.0, "JobRun", each, False) for each in self.space.list("JobRun"))
        over = [self._go_on(lane, jobs, runs, may_end=may_end) for lane in self.lanes]
        return all(over) and batches_ended and may_end

    def _go_on(
        self, lane: Lane, jobs: Mapping[str, Document], runs: Sequence[Became], *, may_end: bool
    ) -> bool:
        if not lane.is_at_rest(jobs, runs):
            return False
        if lane.is_well:
            return True
        lane.is_well = may_end and lane.round + 1 >= self._rounds
        lane.ask(self._asked)
        return False

    def judge(self, found: Chained) -> Sequence[Event]:
        """Ask the oracles; no process may write any more."""
        events, calls = self.history.events(), self.endpoint.calls
        runs, edges = became(events), [edge for lane in self.lanes for edge in lane.edges]
        found.rounds = sum(lane.round for lane in self.lanes)
        found.runs, found.calls = len(runs), len(calls)
        found.ends = followed(runs, edges)
        found.refused = sum(run.phase == "Canceled" for run in runs)
        found.gated = sum(run.job.startswith("gated") and run.begun is not None for run in runs)
        found.passes = sum(run.job.startswith("FleetJob/") for run in runs)
        found.items, of_items = items(events)
        found.executions, of_nodes = executions(events, runs)
        found.wrong += [
            *found.ends.wrong,
            *open_gates(runs, edges, GRACE),
            *of_items,
            *of_nodes,
            *left(runs),
            *called_though_refused(runs, {call.run for call in calls}),
            *called_twice(calls),
            *self._refused_otherwise(runs),
        ]
        return [event for event in events if event.kind == "JobRun"]

    def _refused_otherwise(self, runs: Sequence[Became]) -> Iterator[str]:
        """Of the two runs of a key one may be refused, and both may not complete."""
        for run in runs:
            if run.phase == "Canceled" and run.status["reason"] != "DuplicateKey":
                yield f"{run.name} is Canceled, {run.status['reason']}"
        completed = Counter(
            run.name.removesuffix("-again")
            for run in runs
            if run.job.startswith(("first", "top")) and run.phase == "Completed"
        )
        yield from (f"{name} has completed twice" for name in completed if completed[name] > 1)

    def close(self) -> None:
        self.endpoint.close()
        self.space.client.delete(f"/api/v1/namespaces/{self.space.name}")
        self.space.client.delete(f"{LEASES}/{self.space.name}")


def killed(
    cluster: wavelab.Cluster, directory: Path, *, runs: int, kills: int, seed: int = 1
) -> Chained:
    """A load through which the only process is killed so often, and started again at once.

    ``runs``: rounds at least; there are more until it has been killed so often.
    """
    trouble = Killing(kills, seed, TURNS, BETWEEN)
    with ExitStack() as stack:
        load = stack.enter_context(closing(Load(cluster, f"chained-killed-{seed}", runs, seed)))
        only = OnlyProcess(cluster, load.space, directory, trouble, *_OPTIONS)
        stack.enter_context(closing(only))

        def tend() -> bool:
            only.tend()
            return load.go_on(may_end=trouble.is_over)

        only.launch()
        stack.enter_context(load.history)
        begun = time.monotonic()
        load.begin()
        load.space.wait("all has ended", tend, seconds=60 + 5 * runs + 20 * kills, poll=0.2)
        found = Chained(killed=trouble.met, launches=len(only.replica.launches))
        found.seconds = time.monotonic() - begun
        only.replica.process.stop()  # so that nothing is written while it is read
        history = load.judge(found)
        found.wrong += called_after_the_end(history, load.endpoint.calls)
        return found


def stopped(
    cluster: wavelab.Cluster, directory: Path, how: signal.Signals, *, runs: int, seed: int = 1
) -> tuple[Chained, list[Passed]]:
    """A load whose leader stands still or is killed, with its Lease left behind, while it makes a
    run that is triggered; what it wrote after another led.
    """
    trouble = Stopping(LANES, TURNS["a triggered run"], how)
    name = f"chained-{how.name.lower()}-{seed}"
    with ExitStack() as stack:
        load = stack.enter_context(closing(Load(cluster, name, runs, seed)))
        pair = Pair(cluster, load.space, directory, trouble, *_OPTIONS)
        stack.enter_context(closing(pair))
        pair.launch()
        stack.enter_context(load.history)
        begun = time.monotonic()
        load.begin()
        found = Chained()
        stopped_at = pair.is_stopped()
        found.take_over = pair.taken_over() - stopped_at
        calls = len(load.endpoint.calls)
        load.space.wait("the other calls", lambda: len(load.endpoint.calls) > calls, seconds=60)
        pair.go_on()
        over = partial(load.go_on, may_end=True)
        load.space.wait("all has ended", over, seconds=200, poll=0.2)
        pair.end()
        found.seconds = time.monotonic() - begun
        load.judge(found)
        found.wrong += pair.wrongly_late()
        return found, pair.late_writes()
