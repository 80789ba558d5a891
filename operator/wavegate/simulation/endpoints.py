"""In place of the network: endpoints that answer as they are told, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard

Answering = Callable[[Call], Awaitable[Heard]]

FINE: Heard = Heard(http_status=200, result="{}")


async def fine(_: Call) -> Heard:
    """Answer 200 at once."""
    return FINE


@dataclass(slots=True)
class Made:
    """A call: of which run, by which process, from when to when. Seconds of the server."""

    run: str
    uid: str
    attempt: int
    began: float
    ended: float | None = None


@dataclass(slots=True)
class Told:
    """An attempt to tell a webhook: the call, what its body says, from when to when."""

    call: Call
    body: Mapping[str, Any]
    began: float
    ended: float | None = None
    heard: Heard | None = None

    @property
    def run(self) -> str:
        """Name of the run that it is about."""
        return str(self.body["data"]["run"])

    @property
    def id(self) -> str:
        return self.call.headers["webhook-id"]


@dataclass(slots=True)
class Endpoints:
    """``answer`` says what comes of each call, ``receive`` of each that tells a webhook; ``calls``
    and ``told`` have them in the order of their begin."""

    now: Callable[[], float]
    answer: Answering = fine
    receive: Answering = fine
    calls: list[Made] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    async def make(
        self,
        call: Call,
        policy: AddressPolicy,  # noqa: ARG002 - as of the real one
        *,
        retryable: Callable[[Heard], bool],  # noqa: ARG002
    ) -> Heard:
        """As `dispatch.call.make`; a fallback is not simulated."""
        assert not call.fallback_url
        headers = call.headers
        if "X-Run-Id" not in headers:
            return await self._told(call)
        made = Made(
            headers["X-Run-Id"],
            headers["Idempotency-Key"],
            int(headers["X-Attempt"]),
            self.now(),
        )
        self.calls.append(made)
        try:
            return await self.answer(call)
        finally:
            made.ended = self.now()

    async def _told(self, call: Call) -> Heard:
        told = Told(call, json.loads(call.body), self.now())
        self.told.append(told)
        try:
            told.heard = await self.receive(call)
            return told.heard
        finally:
            told.ended = self.now()
