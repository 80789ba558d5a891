"""The operator's process killed at its writes, and started again at once."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import wavelab
from real.proxy import Answer, Exchange, Passed, Reset, Untroubled
from real.replicas import LEASES, Replica
from support.space import Space

BETWEEN: Final = (2, 20)
"""Writes from one kill to the next."""

Turns = Mapping[str, Callable[[Passed], bool]]
"""By name, which writes are counted until a process is killed: those of each kind in turn."""

_ANY: Final[Turns] = {"any write": lambda _: True}


class Killing(Untroubled):
    """Kills the process at the chosen of its writes, before it is carried out or after it."""

    def __init__(
        self, kills: int, seed: int, turns: Turns = _ANY, between: tuple[int, int] = BETWEEN
    ) -> None:
        self.met: Counter[str] = Counter()
        """Kills, by the kind of write that they met."""
        self._turns = list(turns.items())
        self._between = between
        self._victim: int | None = None
        self._kills = kills
        self._chance = random.Random(seed)
        self._left = 0

    @property
    def killed(self) -> int:
        return self.met.total()

    @property
    def is_over(self) -> bool:
        """Whether as many were killed as are to be."""
        return self.killed == self._kills

    def watch(self, pid: int) -> None:
        """A process has been launched, which is the next to be killed."""
        self._left = self._chance.randint(*self._between)
        self._victim = pid

    def turn_to(self, pid: int) -> None:
        """It is that process, as it turns out, which leads and is to be killed."""
        if self._victim is not None:
            self._victim = pid

    async def handle(self, exchange: Exchange) -> Answer:
        if not exchange.passed.writes or exchange.passed.is_of_lease:
            return await exchange.forward()
        if self._victim is None:
            raise Reset  # of the process that is dead
        kind, counts = self._turns[self.killed % len(self._turns)]
        if self.is_over or not counts(exchange.passed):
            return await exchange.forward()
        self._left -= 1
        if self._left:
            return await exchange.forward()
        victim, self._victim = self._victim, None
        if self._chance.random() < 0.5:
            await exchange.forward()
        os.kill(victim, signal.SIGKILL)
        self.met[kind] += 1
        raise Reset


class OnlyProcess:
    """The only process of a namespace. `tend` is to be called again and again."""

    def __init__(
        self,
        cluster: wavelab.Cluster,
        space: Space,
        directory: Path,
        killing: Killing,
        *options: str,
    ) -> None:
        self._space = space
        self._killing = killing
        self.replica = Replica(cluster, space.name, directory / "operator.log", killing, *options)

    def launch(self) -> None:
        self.replica.launch()
        self._killing.watch(self.replica.process.pid)

    def tend(self) -> None:
        """Start it again where it was killed."""
        if not self.replica.process.running:
            # As if its 15 s had passed.
            self._space.client.delete(f"{LEASES}/{self._space.name}")
            self.replica.process.close()
            self.launch()

    def close(self) -> None:
        self.replica.close()
