"""In place of the network: endpoints that answer as they are told, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

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
class Endpoints:
    """``answer`` says what comes of each call; ``calls`` has them in the order of their begin."""

    now: Callable[[], float]
    answer: Answering = fine
    calls: list[Made] = field(default_factory=list)

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
