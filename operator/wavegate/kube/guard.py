"""A write's last question: whether it may still be sent.

Between the decision to write and the socket lies a turn of the event loop, which takes as long as
all else that is to be sent in it, and a process can stand still in the middle of that. So a guard
is asked where aiohttp writes the body: what it refuses has sent nothing, not even a header, since
headers wait for the body they go out with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aiohttp import BytesPayload, ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.abc import AbstractStreamWriter

Guard = Callable[[], bool]
"""Whether a request may be sent now."""

_GUARD: ContextVar[Guard | None] = ContextVar("guard", default=None)


class NotSent(Exception):
    """The guard said no: the request was not sent, or, where aiohttp repeats one, not once more."""


@contextmanager
def guarded(guard: Guard | None) -> Iterator[None]:
    """Ask it about a request that is made within; None: no question.

    Raises NotSent in place of what the broken request raises.
    """
    if guard is None:
        yield
        return
    said_no = False

    def ask() -> bool:
        nonlocal said_no
        said_no = not guard()
        return not said_no

    token = _GUARD.set(ask)
    try:
        yield
    except Exception as error:
        if said_no:
            raise NotSent from error
        raise
    finally:
        _GUARD.reset(token)


async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """For the session of a client: its requests ask the guard that they are made under.

    One without a body is asked about here, before it has a connection.
    """
    guard, body = _GUARD.get(), request.body
    if guard is not None and body:
        await request.update_body(_Guarded(await body.as_bytes(), guard))
    elif guard is not None and not guard():
        raise NotSent
    return await handler(request)


class _Guarded(BytesPayload):
    def __init__(self, value: bytes, guard: Guard) -> None:
        super().__init__(value)
        self._guard = guard

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        if not self._guard():
            raise NotSent
        await super().write_with_length(writer, content_length)
