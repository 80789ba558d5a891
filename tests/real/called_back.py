"""A load of Async runs whose operator is killed again and again while their endpoint calls back.

Two processes, of which one leads; before them what a Service is: each call back meets either. What
is asked afterwards: what was answered 2xx is what became of its attempt, no attempt was called
twice, and none whose 202 was on record was given up.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import wavelab
from real.calls import called_twice, phase_of
from real.history import Event, History
from real.killing import Killing
from real.replicas import LEASES, Replica
from support.answering import Endpoint, Received, Reply
from support.asking import Asked
from support.calling_back import call_back
from support.space import Document, Space
from wavegate.runs.callbacks import Verb
from wavegate.runs.states import TERMINAL
from wavelab.network import free_ports

AT_A_TIME: Final = 8
REPLICAS: Final = 2

JOB: Final[dict[str, Any]] = {
    "runs": {
        "limits": {"maxConcurrency": AT_A_TIME},
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


@dataclass(frozen=True)
class Told:
    """A call back that was answered. ``at``: epoch seconds of its answer."""

    run: str
    attempt: int
    verb: Verb
    status: int
    at: float


@dataclass
class CalledBack:
    """What became of a load. ``refused``: ends of attempts that nobody waited for any more."""

    runs: int
    kills: int
    calls: int = 0
    lost: int = 0
    """Attempts whose 202 was not on record when their process was killed."""
    accepted: int = 0
    heartbeats: int = 0
    again: int = 0
    """Call backs that were told to come again, or that nobody answered."""
    refused: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{number} {verb}" for verb, number in sorted(self.ends.items()))
        return (
            f"{self.runs} runs in {self.seconds:.0f} s, {self.kills} kills: {self.calls} calls,"
            f" {self.accepted} put on record as accepted, {self.lost} lost before that; answered"
            f" 2xx: {ends}, {self.heartbeats} heartbeats; {self.again} tries that were to come"
            f" again, {self.refused} refused"
        )


class Workers:
    """An endpoint that answers 202 and works in threads; each calls back until it is heard."""

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self.endpoint = Endpoint()
        self.endpoint.answer = self._answer
        self.told: list[Told] = []
        self.again = 0
        self._ports = ports
        self._seed = seed
        self._stops = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def are_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        self._stops.set()
        self.endpoint.close()
        for thread in self._threads:
            thread.join()

    def _answer(self, call: Received) -> Reply:
        thread = threading.Thread(target=self._work, args=(call,))
        self._threads.append(thread)
        thread.start()
        time.sleep(random.uniform(0, 0.1))
        return Reply(202, b"")

    def _work(self, call: Received) -> None:
        """By the run and its attempt: some are done before their 202 is there, some take long."""
        chance = random.Random(f"{self._seed} {call.run} {call.attempt}")
        end = time.monotonic() + chance.choice((0.0, 0.05, 0.5, 2.0, 5.0))
        verb = chance.choice(("complete", "complete", "complete", "fail"))
        while time.monotonic() < end:
            self._stops.wait(0.4)
            if self._say(call, "heartbeat", chance) not in (0, 200, 503):
                return
        while not self._stops.is_set() and self._say(call, verb, chance) in (0, 503):
            self._stops.wait(chance.uniform(0.1, 0.3))

    def _say(self, call: Received, verb: Verb, chance: random.Random) -> int:
        port = chance.choice(self._ports)  # as a Service would choose
        path = str(call.headers["X-Callback-Url"]).split("/", 3)[3]
        body = f"{call.run} {call.attempt}".encode()
        status, _ = call_back(call, verb, body, url=f"http://127.0.0.1:{port}/{path}")
        if status in (0, 503):
            self.again += 1
        else:
            self.told.append(Told(call.run, call.attempt, verb, status, time.time()))
        return status


def called_back(
    cluster: wavelab.Cluster, directory: Path, *, runs: int, kills: int, seed: int = 1
) -> CalledBack:
    """A load through which whichever process leads is killed so often."""
    names = [f"r{number:03}" for number in range(runs)]
    ports = free_ports(REPLICAS, ())
    killing = Killing(kills, seed)
    with ExitStack() as stack:
        space = Space(cluster.client(), f"called-back-{seed}")
        stack.callback(space.client.delete, f"/api/v1/namespaces/{space.name}")
        stack.callback(space.client.delete, f"{LEASES}/{space.name}")
        workers = stack.enter_context(closing(Workers(ports, seed)))
        replicas = []
        for number, port in enumerate(ports):
            replica = Replica(
                cluster,
                space.name,
                directory / f"operator-{number}.log",
                killing,
                "--call-network=127.0.0.0/8",
                f"--callback-bind=127.0.0.1:{port}",
                f"--callback-url=http://127.0.0.1:{port}",
            )
            replicas.append(stack.enter_context(closing(replica)))

        def tend(history: History) -> bool:
            _tend(space, replicas, killing)
            ended = {each["metadata"]["name"]: each for each in history.list("JobRun")}
            all_ended = all(phase_of(ended.get(name)) in TERMINAL for name in names)
            return killing.is_over and all_ended and workers.are_done

        replicas[0].launch()
        space.wait("one leads", lambda: replicas[0].leads, seconds=60)
        killing.watch(replicas[0].process.pid)
        replicas[1].launch()
        history = stack.enter_context(History(space, lambda _: False, ("HTTPJob", "JobRun")))
        begun = time.monotonic()
        _begin(space, workers, names)
        space.wait("all has ended", lambda: tend(history), seconds=120 + 10 * runs, poll=0.05)
        found = CalledBack(runs, kills, seconds=time.monotonic() - begun, again=workers.again)
        for replica in replicas:
            replica.process.stop()  # so that nothing is written while it is read
        _judge(found, history.events(), workers.endpoint.calls, workers.told)
        return found


def _tend(space: Space, replicas: Sequence[Replica], killing: Killing) -> None:
    """Start again what was killed; the next to be killed is whichever leads by then."""
    for at, replica in enumerate(replicas):
        if replica.process.running:
            continue
        other = replicas[1 - at]
        if replica.leads and not other.leads:
            # As if its 15 s had passed. Another's Lease is not to be taken: then two would lead.
            space.client.delete(f"{LEASES}/{space.name}")
        killing.watch(other.process.pid)
        replica.process.close()
        replica.launch()
    for replica in replicas:
        if replica.leads:
            killing.turn_to(replica.process.pid)


def _begin(space: Space, workers: Workers, names: Sequence[str]) -> None:
    asked = Asked(space, workers.endpoint)
    asked.job(http={"completion": "Async", "heartbeatTimeout": "20s"}, **JOB)
    for name in names:
        asked.run(name)


def _judge(
    found: CalledBack, events: Sequence[Event], calls: Sequence[Received], told: Sequence[Told]
) -> None:
    runs = [event for event in events if event.kind == "JobRun"]
    last = {event.name: event.document for event in runs}
    accepted = {
        (event.name, event.document["status"]["attempt"])
        for event in runs
        if _call_back(event.document).get("acceptedTime")
    }
    crashed = {
        (event.name, event.document["status"]["attempt"])
        for event in runs
        if phase_of(event.document) != "Executing"
        and event.document["status"].get("lastError", {}).get("class") == "Crashed"
    }
    found.calls, found.accepted = len(calls), len(accepted)
    found.lost = len(crashed - accepted)
    found.ends = Counter(each.verb for each in told if each.status == 200)
    found.heartbeats = found.ends.pop("heartbeat", 0)
    found.refused = sum(each.status != 200 for each in told)
    found.wrong += [
        *called_twice(calls),
        *(
            f"attempt {attempt} of {run} was given up though its 202 was on record"
            for run, attempt in crashed & accepted
        ),
        *_lost(runs, last, told),
        *_beyond_limits(runs),
    ]


def _lost(runs: Sequence[Event], last: dict[str, Document], told: Sequence[Told]) -> Iterator[str]:
    """Ends that were answered 2xx and did not come to be, or were not there when it was said."""
    since = {
        (event.name, event.document["status"]["attempt"], outcome): event
        for event in reversed(runs)
        if (outcome := _call_back(event.document).get("outcome"))
    }
    for each in told:
        if each.verb == "heartbeat" or each.status != 200:
            continue
        outcome = "Completed" if each.verb == "complete" else "Failed"
        words = f"{each.verb} of attempt {each.attempt} of {each.run} was answered 2xx, and"
        event = since.get((each.run, each.attempt, outcome))
        if event is None:
            yield f"{words} was never on record"
        elif outcome == "Completed":
            status = last[each.run]["status"]
            if (status["phase"], status["attempt"]) != ("Completed", each.attempt):
                yield f"{words} the run is {status['phase']}, attempt {status['attempt']}"
            elif status.get("result") != f"{each.run} {each.attempt}":
                yield f"{words} its result is {status.get('result')}"


def _beyond_limits(runs: Sequence[Event]) -> Iterator[str]:
    executing: set[str] = set()
    for event in runs:
        if phase_of(event.document) == "Executing" and not event.gone:
            executing.add(event.name)
        else:
            executing.discard(event.name)
        if len(executing) > AT_A_TIME:
            yield f"{len(executing)} execute at revision {event.revision}: {sorted(executing)}"


def _call_back(run: Document) -> Document:
    return dict(run["status"].get("callback") or {})
