"""Two processes of which the leader stands still, or is gone, in the middle of a write."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import wavelab
from real.proxy import Answer, Exchange, Passed, Untroubled
from real.replicas import Replica
from support.space import Space

TAKES_OVER: Final = 60.0
"""Seconds after which another leads at the latest, on a machine that is busy."""


class Stopping(Untroubled):
    """Stops the process in the middle of a write: that is on record, and the answer that says so
    waits until the process goes on.

    ``number``: which of the writes that ``counts`` says. ``how``: SIGSTOP, or SIGKILL, after which
    nothing goes on.
    """

    def __init__(
        self, number: int, counts: Callable[[Passed], bool], how: signal.Signals = signal.SIGSTOP
    ) -> None:
        self.stopped_at: float | None = None
        """Epoch seconds."""
        self.met: Passed | None = None
        self.in_flight: list[Passed] = []
        """Writes that had come and were not answered yet, the one that was met among them."""
        self.how = how
        self.process: Callable[[], int] = lambda: 0
        self._counts = counts
        self._left = number

    async def handle(self, exchange: Exchange) -> Answer:
        if not self._counts(exchange.passed):
            return await exchange.forward()
        self._left -= 1
        is_chosen = not self._left  # others come while this one is under way
        answer = await exchange.forward()
        if is_chosen:
            os.kill(self.process(), self.how)
            self.met, self.in_flight = exchange.passed, exchange.under_way()
            self.stopped_at = time.time()
        return answer


class Pair:
    """The process that is to be stopped, and the one that is to lead after it."""

    def __init__(
        self,
        cluster: wavelab.Cluster,
        space: Space,
        directory: Path,
        trouble: Stopping,
        *options: str,
    ) -> None:
        self._space = space
        self._trouble = trouble
        self._goes_on_at = float("inf")
        self.old, self.new = (
            Replica(cluster, space.name, directory / f"operator-{number}.log", each, *options)
            for number, each in enumerate((trouble, Untroubled()))
        )
        trouble.process = lambda: self.old.process.pid

    def launch(self) -> None:
        """The first one leads, and the other stands by."""
        self.old.launch()
        self._space.wait("one leads", lambda: self.old.leads, seconds=60)
        self.new.launch()
        self._space.wait("one stands by", lambda: self.new.is_ready, seconds=60)

    def is_stopped(self) -> float:
        """Wait until the leader is; when it was (epoch seconds)."""
        self._space.wait("it is stopped", lambda: self._trouble.stopped_at, seconds=300, poll=0.02)
        return self._trouble.stopped_at or 0.0

    def taken_over(self) -> float:
        """Wait until the other one leads; since when (epoch seconds)."""
        self._space.wait("the other leads", lambda: self.new.leads, seconds=TAKES_OVER)
        (led_at,) = leads_since(self.new)
        return led_at

    def go_on(self) -> None:
        """Let the former leader go on, where it only stood still."""
        self._goes_on_at = time.monotonic()
        if self._trouble.how is signal.SIGSTOP:
            os.kill(self.old.process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Wait until the former leader has ended, and stop the other one."""
        self._space.wait("the old one has ended", lambda: not self.old.process.running, seconds=30)
        self.new.process.stop()

    def late_writes(self) -> list[Passed]:
        """Writes of the former leader that were accepted after it went on."""
        return [
            each
            for each in self.old.proxy.passed
            if each.writes
            and each.accepted
            and not each.is_of_lease
            and (each.sent or 0.0) >= self._goes_on_at
        ]

    def wrongly_late(self) -> list[str]:
        """Which of these should have been refused.

        A create has no revision that it could be refused by. One that was on its way to the socket
        while the process stood still comes late, and is taken over by name: what is judged in the
        end is judged with it. There may be as many as had come when the process was stopped.
        """
        late = self.late_writes()
        creates = [each for each in late if each.method == "POST"]
        others = [each for each in late if each.method != "POST"]
        return list(map(str, [*others, *creates[len(self._trouble.in_flight) :]]))

    def close(self) -> None:
        self.old.close()
        self.new.close()


def leads_since(replica: Replica) -> list[float]:
    """When each of its processes that led began to (epoch seconds): before that it calls nobody."""
    offset = time.time() - time.monotonic()
    led = [
        each.sent + offset
        for each in replica.proxy.passed
        if each.is_of_lease and each.writes and each.accepted and each.sent is not None
    ]
    return [
        min(since for since in led if since >= launched)
        for launched, following in pairwise([*replica.launches, time.time()])
        if any(launched <= since < following for since in led)
    ]
