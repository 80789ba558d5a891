"""The way of one process to the simulated API server, in which requests and events can go wrong.

It is a `kube.transport.Transport`. Nothing of a process that was killed reaches the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wavegate.kube.clock import ServerClock
from wavegate.kube.errors import ApiError, Uncertain
from wavegate.kube.guard import Guard, NotSent
from wavegate.kube.transport import DEFAULT_TIMEOUT, JSON, Query
from wavegate.simulation.rights import User
from wavegate.simulation.server import Server

LATENCY: Final = 0.002
"""Seconds to the server, and as many back."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it leaves the process."""

    method: str
    path: str
    query: Query
    body: Any


class Trouble(Protocol):
    """What happens between a process and the server. What is awaited may raise, wait or kill."""

    def leaving(self, request: Request) -> None:
        """The process has decided to send this, at this very moment."""

    async def sending(self, request: Request) -> None:
        """Before the request reaches the server; what it raises is the answer."""

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        """The server has done it, and the answer is on its way."""

    async def watching(self, path: str) -> None:
        """Before a watch begins; what it raises is the answer."""

    async def arriving(self, path: str, event: dict[str, Any]) -> bool:
        """An event is about to arrive; False: it is lost."""
        ...


class Untroubled:
    """Nothing goes wrong."""

    def leaving(self, request: Request) -> None:
        pass

    async def sending(self, request: Request) -> None:
        pass

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        pass

    async def watching(self, path: str) -> None:
        pass

    async def arriving(self, *_: Any) -> bool:
        return True


class SimulatedTransport:
    """Requests of ``user``. ``clock`` hears the dates of answers."""

    def __init__(self, server: Server, user: User, clock: ServerClock | None = None) -> None:
        self.dead = False
        """Whether the process is no more."""
        self.trouble: Trouble = Untroubled()
        self._clock = clock
        self._server = server
        self._user = user

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        guard: Guard | None = None,
    ) -> dict[str, Any]:
        """See `kube.transport.Transport`."""
        if guard is not None and not guard():
            raise NotSent
        request = Request(method, path, query or {}, body)
        self.trouble.leaving(request)
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(request, content_type)
        except TimeoutError:
            raise Uncertain(f"{method} {path}: no answer in time", "Timeout") from None

    async def _exchange(self, request: Request, content_type: str) -> dict[str, Any]:
        self._live()
        await asyncio.sleep(LATENCY)
        await self.trouble.sending(request)
        self._live()
        answer: dict[str, Any] | None = None
        refused: ApiError | None = None
        try:
            answer = self._server.request(
                self._user, request.method, request.path, request.query, request.body, content_type
            )
        except ApiError as error:
            refused = error
        date = self._server.date()
        await asyncio.sleep(LATENCY)
        self._live()
        if self._clock is not None:
            self._clock.heard(date)
        if refused is not None:
            raise refused
        assert answer is not None
        await self.trouble.answered(request, answer)
        self._live()
        return answer

    async def watch(
        self, path: str, query: Query, *, idle_timeout: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """See `kube.transport.Transport`."""
        self._live()
        await asyncio.sleep(LATENCY)
        await self.trouble.watching(path)
        self._live()
        watch = self._server.watch(self._user, path, query)
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_timeout):
                        event = await watch.next()
                except TimeoutError:
                    raise Uncertain(f"WATCH {path}: no answer in time", "Timeout") from None
                self._live()
                if event is None:
                    return
                if await self.trouble.arriving(path, event):
                    yield event
        finally:
            watch.close()

    def _live(self) -> None:
        if self.dead:
            raise Uncertain("the process was killed", "Dead")
