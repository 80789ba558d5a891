"""How many requests a second the API server is asked to take from us.

A token bucket. When the server says that it is too much (429), the rate is halved at once and
comes back by itself within a minute; until its Retry-After has passed, nothing is sent. What was
under way when it was halved was sent at the rate of before: that some of it is answered so as well
halves it no further.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

RECOVERY: Final = 60.0
"""Seconds in which a rate of nothing would come back to the full one."""

_LEAST_SHARE: Final = 1 / 64


class TokenBucket:
    """``rate``: tokens a second, ``burst``: the most that can be saved up.

    ``waited`` is told the seconds of each wait for a token; one waits at a time.
    """

    def __init__(
        self, rate: float, burst: float, waited: Callable[[float], None] = lambda _: None
    ) -> None:
        self._waited = waited
        self._full_rate = rate
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._refilled: float | None = None
        self._closed_until = 0.0
        self._halved = 0.0
        """When it was, by the loop's clock."""
        self._turn = asyncio.Lock()

    @property
    def rate(self) -> float:
        """Tokens a second at this moment."""
        self._refill()
        return self._rate

    async def take(self) -> None:
        """Wait for one's turn (first come, first served) and use up a token."""
        async with self._turn:
            await self._available()
            self._tokens -= 1

    async def ready(self) -> None:
        """Wait until a token could be taken, without taking it."""
        async with self._turn:
            await self._available()

    def throttle(self, retry_after: float | None, *, sent: float) -> None:
        """The server answered 429: halve the rate, send nothing for ``retry_after`` seconds.

        ``sent``: when that request was, by the loop's clock.
        """
        now = asyncio.get_running_loop().time()
        self._refill()
        if sent >= self._halved:
            self._rate = max(self._full_rate * _LEAST_SHARE, self._rate / 2)
            self._halved = now
        self._tokens = min(self._tokens, 1.0)
        if retry_after is not None:
            until = now + retry_after
            self._closed_until = max(self._closed_until, until)

    async def _available(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._refill()
            closed = self._closed_until - loop.time()
            missing = (1.0 - self._tokens) / self._rate
            wait = max(closed, missing)
            # The clock's own grain: a wait below it would spin without time going on.
            if wait <= 1e-6:
                return
            await asyncio.sleep(wait)
            self._waited(wait)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        passed = 0.0 if self._refilled is None else now - self._refilled
        self._refilled = now
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        self._rate = min(self._full_rate, self._rate + passed * self._full_rate / RECOVERY)
