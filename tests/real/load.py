"""Load: many jobs are changed by several clients at once, while nodes flap and the server refuses.

What is asked of it afterwards: everything has converged, the process is as large and as busy as it
was before, and it has said no more than it has decided.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import wavelab
from real.proxy import Answer, Exchange, refusal
from real.replicas import LEASES, Replica
from support.campaign import digest
from support.few import few
from support.nodes import Nodes
from support.space import Document, Space

REFUSED: Final = 0.1
"""Of the operator's requests, while the load lasts."""

FLAPS: Final = 0.01
"""Of the nodes, each minute; at least one in the time."""

DOWN: Final = 5.0
"""Seconds for which a node is down."""

ON: Final = 3
"""Nodes of a job."""

PATIENCE: Final = 600.0

_PAUSE: Final = 0.25
"""Seconds between two changes of one client."""


@dataclass(frozen=True)
class Size:
    """What the process takes."""

    mib: float
    threads: int
    files: int
    """Open ones, connections included."""
    busy: dict[str, float]
    """What it has to do."""


@dataclass
class Loaded:
    """What became of it. Times in seconds."""

    jobs: int
    changes: int = 0
    flaps: int = 0
    asked: int = 0
    refused: int = 0
    converged: float = 0.0
    """From the last change until every job was as its spec says."""
    decided: int = 0
    said: Counter[str] = field(default_factory=Counter)
    """Lines of the log, by level, but for those that only debugging shows."""
    before: Size | None = None
    after: Size | None = None

    def __str__(self) -> str:
        return (
            f"{self.jobs} jobs, {self.changes} changes, {self.flaps} nodes down and up,"
            f" {self.refused} of {self.asked} requests answered 429; converged after"
            f" {self.converged:.0f} s; {sum(self.said.values())} lines ({dict(self.said)}) of"
            f" {self.decided} decisions; before {self.before}, after {self.after}"
        )


class Grudging:
    """A `proxy.Trouble`: a share of requests that are no watch is answered 429 while it is on."""

    def __init__(self, seed: int) -> None:
        self.on = False
        self.asked = 0
        self.refused = 0
        self._random = random.Random(seed)

    async def handle(self, exchange: Exchange) -> Answer:
        if self.on:
            self.asked += 1
            if self._random.random() < REFUSED:
                self.refused += 1
                return refusal(429, "TooManyRequests", retry_after=1)
        return await exchange.forward()

    async def watching(self, exchange: Exchange) -> Answer | None:
        return None

    async def arriving(self, exchange: Exchange, line: bytes) -> bytes | None:
        return line


def load(
    cluster: wavelab.Cluster,
    nodes: Sequence[str],
    log: Path,
    *,
    jobs: int,
    clients: int,
    seconds: float,
    seed: int = 1,
) -> Loaded:
    """Jobs of a few of these nodes each. Raises where one does not converge."""
    space = Space(cluster.client(), f"load-{digest(str(log)) % 16**8:08x}")
    loaded, grudging = Loaded(jobs), Grudging(seed)
    replica = Replica(cluster, space.name, log, grudging)
    try:
        replica.launch()
        crowd = _Crowd(space, nodes, loaded, seed)
        crowd.create()
        crowd.wait_converged()
        loaded.before = _size(replica)
        begun = replica.process.log()
        grudging.on = True
        crowd.press(clients, seconds)
        grudging.on = False
        ended = time.monotonic()
        crowd.wait_converged()
        loaded.converged = time.monotonic() - ended
        space.wait("nothing is left to do", lambda: not any(_busy(replica).values()), PATIENCE)
        before = loaded.before.files
        # Connections that nobody uses are kept for some seconds.
        with suppress(AssertionError):
            space.wait("they are closed", lambda: _size(replica).files <= before, seconds=30)
        loaded.after = _size(replica)
        _read(replica.process.log()[len(begun) :], loaded)
        loaded.asked, loaded.refused = grudging.asked, grudging.refused
    finally:
        replica.close()
        space.client.delete(f"/api/v1/namespaces/{space.name}")
        space.client.delete(f"{LEASES}/{space.name}")
    return loaded


class _Crowd:
    """Those who change jobs, and what they last wanted."""

    def __init__(
        self,
        space: Space,
        nodes: Sequence[str],
        loaded: Loaded,
        seed: int,
    ) -> None:
        self._space = space
        self._loaded = loaded
        self._seed = seed
        self._nodes = nodes
        self._wanted = {f"job-{number:03}": 1 for number in range(loaded.jobs)}
        """By job, the tag of its image."""
        self._broken: list[BaseException] = []
        self._on = {
            name: [nodes[(ON * number + step) % len(nodes)] for step in range(ON)]
            for number, name in enumerate(self._wanted)
        }

    def create(self) -> None:
        for name in self._wanted:
            self._apply(name)

    def press(self, clients: int, seconds: float) -> None:
        """Each client has jobs of its own; one more flaps nodes. Raises what one of them met."""
        until = time.monotonic() + seconds
        names = list(self._wanted)
        threads = [
            threading.Thread(target=self._guarded, args=(self._change, names[n::clients], n, until))
            for n in range(clients)
        ]
        threads.append(threading.Thread(target=self._guarded, args=(self._flap, seconds, until)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._broken:
            raise self._broken[0]

    def wait_converged(self) -> None:
        self._space.wait("every job is as its spec says", self._has_converged, PATIENCE, 1.0)

    def _has_converged(self) -> bool:
        if not all(map(_is_settled, self._space.list("FleetJob"))):
            return False
        wanted = {
            name: dict.fromkeys(self._on[name], f"app:{tag}") for name, tag in self._wanted.items()
        }
        return self._images() == wanted

    def _images(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for pod in self._space.list("Pod"):
            spec, job = pod["spec"], pod["metadata"]["labels"]["wavegate.dev/job"]
            found.setdefault(job, {})[spec["nodeName"]] = spec["containers"][0]["image"]
        return found

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:
            self._broken.append(error)

    def _change(self, names: list[str], number: int, until: float) -> None:
        chosen = random.Random(f"{self._seed}/{number}")
        while time.monotonic() < until:
            name = chosen.choice(names)
            self._wanted[name] += 1
            self._apply(name)
            self._loaded.changes += 1
            time.sleep(_PAUSE)

    def _apply(self, name: str) -> None:
        spec = few(f"app:{self._wanted[name]}", nodes=self._on[name], maxParallel=2)
        self._space.apply(name, spec)

    def _flap(self, seconds: float, until: float) -> None:
        pause = min(60 / (FLAPS * len(self._nodes)), seconds / 2)
        chosen = random.Random(self._seed)
        nodes = Nodes(self._space.client)
        while time.monotonic() + pause < until:
            time.sleep(pause - min(DOWN, pause / 2))
            name = chosen.choice(self._nodes)
            nodes.go_down(name)
            time.sleep(min(DOWN, pause / 2))
            nodes.come_back(name)
            self._loaded.flaps += 1


def _is_settled(job: Document) -> bool:
    status = job.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    seen = status.get("observedGeneration") == job["metadata"]["generation"]
    return seen and conditions.get("Ready") == "True"


def _size(replica: Replica) -> Size:
    process = Path(f"/proc/{replica.process.pid}")
    return Size(
        mib=round(replica.process.resident_mib()),
        threads=len(list((process / "task").iterdir())),
        files=len(list((process / "fd").iterdir())),
        busy=_busy(replica),
    )


def _busy(replica: Replica) -> dict[str, float]:
    text = replica.process.metrics()
    names = ("workqueue_depth", "wavegate_steps_pending", "wavegate_steps_running")
    return {
        name: sum(
            float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        )
        for name in names
    }


def _read(log: str, loaded: Loaded) -> None:
    for line in log.splitlines():
        level = re.match(r"\S+Z (\w+) ", line)
        if level is not None and level[1] != "DEBUG":
            loaded.said[level[1]] += 1
            loaded.decided += " decision=" in line
