"""Endpoints that answer 202 and call back, in virtual time, whatever becomes of the operator.

A worker does its work and then calls back until it hears something for good, as the page says that
it is to: 2xx, or a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from sim.test_runs import ROLES, World
from wavegate.dispatch.call import Call, Heard
from wavegate.dispatch.keeping import Body
from wavegate.runner.callbacks import CallBack, Reply
from wavegate.runs.callbacks import Verb
from wavegate.settings import Settings
from wavegate.simulation.cluster import Process, SimulatedCluster, TroubleOf
from wavegate.simulation.loop import VirtualLoop

ADDRESS: Final = "http://operator.example:8090"
SETTINGS: Final = Settings(identity="", callback_url=ADDRESS)
RETRY: Final = 1.0

ASYNC: Final = {
    "url": "http://echo.example/",
    "completion": "Async",
    "heartbeatTimeout": "30s",
}


@dataclass(frozen=True)
class Told:
    """A call back and what it was answered, and when (server's seconds)."""

    run: str
    attempt: int
    verb: Verb
    reply: Reply
    at: float


class Workers:
    """``outcome`` says how the work of a call ends: by which verb, and after how many seconds."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world = world
        self.told: list[Told] = []
        self.tokens: dict[tuple[str, int], str] = {}
        self.outcome: Callable[[Call], tuple[Verb, float]] = lambda _: ("complete", 5.0)
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, call: Call) -> Heard:
        """202 at once; the work goes on by itself."""
        run, attempt = call.headers["X-Run-Id"], int(call.headers["X-Attempt"])
        url = call.headers["X-Callback-Url"]
        assert url == f"{ADDRESS}/runs/default/{run}/{attempt}"
        self.tokens[run, attempt] = call.headers["X-Callback-Token"]
        # As another machine would: it goes on when the process that called is killed.
        self.world.cluster.apart(lambda: self._begin(self._work(call, run, attempt)))
        await asyncio.sleep(self._chance.uniform(0.001, 0.2))
        return Heard(http_status=202)

    async def call_back(
        self,
        run: str,
        attempt: int,
        verb: Verb,
        body: bytes = b"done",
        at: Process | None = None,
    ) -> Reply | None:
        """One try, at that process or any; None: it did not answer."""
        living = self.world.cluster.living
        if not living:
            return None
        process = at or self._chance.choice(living)

        async def read() -> Body:
            await asyncio.sleep(0.001)
            return Body(body)

        token = self.tokens[run, attempt]
        call = CallBack("default", run, attempt, verb, token, {}, read)
        reply = await process.operator.runner.callbacks.take(call)
        if process.transport.dead:
            return None
        self.told.append(Told(run, attempt, verb, reply, self.world.cluster.now()))
        return reply

    async def until_heard(self, run: str, attempt: int, verb: Verb) -> Reply:
        """As a worker does: again while nobody answers, or the answer is to come again."""
        while True:
            reply = await self.call_back(run, attempt, verb)
            if reply is not None and reply.status != 503:
                return reply
            await asyncio.sleep(RETRY)

    def _begin(self, doing: Awaitable[None]) -> None:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, call: Call, run: str, attempt: int) -> None:
        verb, seconds = self.outcome(call)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while end - loop.time() > 10:
            await asyncio.sleep(10)
            if (await self.until_heard(run, attempt, "heartbeat")).status != 200:
                return  # nobody waits for it
        await asyncio.sleep(max(0.0, end - loop.time()))
        await self.until_heard(run, attempt, verb)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def play(
    story: Callable[[World, Workers], Awaitable[None]],
    seed: int = 0,
    trouble: TroubleOf | None = None,
    replicas: int = 1,
    settings: Settings = SETTINGS,
) -> None:
    async def whole() -> None:
        cluster = SimulatedCluster(ROLES, seed, settings)
        for _ in range(replicas):
            cluster.keep_running(trouble)
        world = World(cluster)
        workers = Workers(world, Random(f"workers {seed}"))
        cluster.endpoints.answer = workers.answer
        try:
            await story(world, workers)
        finally:
            await workers.close()
            await cluster.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())
