"""A storm: the server answers half of all requests 429, each with a Retry-After.

Every request counts: those of kopf, lists, watches, writes, the Lease. Whoever asks the same again
before its time is over has not listened, and is on record.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import wavelab
from real.history import KINDS, History
from real.proxy import Answer, Exchange, Passed, refusal
from real.replicas import LEASES, Replica
from real.rollouts import Scene
from support.campaign import digest
from support.few import AT_ONCE
from support.space import Space

PACK: Final = (True, True, False, False)
"""Of four requests for one resource two are refused, whichever they are: a draw of each by itself
would leave some resource alone in a storm of few requests."""
WAITS: Final = (1, 1, 2)
"""Seconds of a Retry-After, one of these; the API server itself says 1."""

PATIENT: Final = {"interval": "1s", "successThreshold": 1, "deadline": "2m"}
"""A deadline goes on while a pod waits for being made."""

GRAIN: Final = 0.02
"""Seconds by which the clocks of two processes' timers may differ."""


class Storm:
    """A `proxy.Trouble`, for ``seconds`` from its first request on."""

    def __init__(self, seconds: float, seed: int) -> None:
        self.asked: Counter[str] = Counter()
        """By what was asked: requests while it lasted; so is `refused`."""
        self.refused: Counter[str] = Counter()
        self.early: list[str] = []
        """Requests that were repeated too soon, and how much."""
        self._seconds = seconds
        self._random = random.Random(seed)
        self._ends: float | None = None
        self._not_before: dict[tuple[str, str], float] = {}
        self._packs: defaultdict[str, list[bool]] = defaultdict(list)

    @property
    def over(self) -> bool:
        return self._ends is not None and time.monotonic() >= self._ends

    async def handle(self, exchange: Exchange) -> Answer:
        return self._refuse(exchange.passed) or await exchange.forward()

    async def watching(self, exchange: Exchange) -> Answer | None:
        return self._refuse(exchange.passed)

    async def arriving(self, exchange: Exchange, line: bytes) -> bytes | None:
        return line

    def new_process(self) -> None:
        """It has been told nothing yet."""
        self._not_before.clear()

    def _refuse(self, passed: Passed) -> Answer | None:
        now, who = passed.came, (passed.agent, passed.about)
        self._ends = self._ends or now + self._seconds
        early = self._not_before.pop(who, now) - now
        if early > GRAIN:
            self.early.append(f"{passed.agent} {passed.about}: {early:.2f} s too soon")
        if self.over:
            return None
        kind = _kind(passed)
        self.asked[kind] += 1
        if not self._draw(kind.split()[1]):
            return None
        wait = self._random.choice(WAITS)
        self.refused[kind] += 1
        self._not_before[who] = time.monotonic() + wait
        return refusal(429, "TooManyRequests", retry_after=wait)

    def _draw(self, resource: str) -> bool:
        pack = self._packs[resource]
        if not pack:
            pack.extend(self._random.sample(PACK, len(PACK)))
        return pack.pop()


def _kind(passed: Passed) -> str:
    verb = "WATCH" if passed.watches else passed.method
    resource = next((each for each in _RESOURCES if each in passed.path), "discovery")
    return f"{verb} {resource}"


_RESOURCES: Final = (
    "leases",
    "fleetjobs",
    "fleetdeployments",
    "jobversions",
    "executions",
    "configmaps",
    "events",
    "pods",
    "nodes",
)


@dataclass
class Weathered:
    """What became of it. Times in seconds."""

    rollouts: int = 0
    """That began before its end; all of them completed."""
    restarts: int = 0
    """Of the operator's process."""
    longest: float = 0.0
    """Of one rollout."""
    storm: Storm = field(default_factory=lambda: Storm(0, 0))
    said: str = ""
    """Of the operator's log, where it restarted."""

    def __str__(self) -> str:
        asked, refused = self.storm.asked.total(), self.storm.refused.total()
        return (
            f"{self.rollouts} rollouts, the longest {self.longest:.0f} s; {refused} of {asked}"
            f" requests answered 429; {len(self.storm.early)} repeated too soon; {self.restarts}"
            " restarts"
        )


class Alone:
    """One replica in a storm, started again when it ends."""

    def __init__(self, replica: Replica, weathered: Weathered) -> None:
        self._replica = replica
        self._weathered = weathered

    def tend(self) -> None:
        process = self._replica.process
        if not process.running:
            self._weathered.said += process.log()[-2000:]
            self._weathered.restarts += 1
            process.close()
            self._weathered.storm.new_process()
            self._replica.launch()


def weather(cluster: wavelab.Cluster, seconds: float, log: Path, seed: int = 1) -> Weathered:
    """One update after another, for as long as the storm lasts. Raises where one never ends."""
    space = Space(cluster.client(), f"storm-{digest(str(log)) % 16**8:08x}")
    weathered = Weathered(storm=Storm(seconds, seed))
    replica = Replica(cluster, space.name, log, weathered.storm)
    try:
        with History(space, lambda _: False) as history:
            replica.launch()
            _roll(Scene(space, history, Alone(replica, weathered)), weathered)
    finally:
        replica.close()
        space.client.delete(f"/api/v1/namespaces/{space.name}")
        space.client.delete(f"{LEASES}/{space.name}")
    return weathered


def _roll(scene: Scene, weathered: Weathered) -> None:
    """The first one at once everywhere, those after it by a canary and two waves."""
    while not weathered.rollouts or not weathered.storm.over:
        weathered.rollouts += 1
        begun, version = time.monotonic(), weathered.rollouts
        at_once = AT_ONCE if version == 1 else {}
        scene.apply(f"app:{version}", healthCheck=PATIENT, **at_once)
        scene.over(f"app-v{version}")
        ended = scene.status("FleetDeployment", f"app-v{version}")
        assert ended["state"] == "Completed", f"{ended}\n{scene.space.story()}"
        weathered.longest = max(weathered.longest, time.monotonic() - begun)
    scene.says("Running")
    scene.space.delete("FleetJob", "app")
    scene.until("nothing is left", lambda: not any(map(scene.seen.list, KINDS)))
