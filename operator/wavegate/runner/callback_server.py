"""Where endpoints call back: POST /runs/NAMESPACE/RUN/ATTEMPT/complete, fail or heartbeat.

On a port of its own. Who calls is a stranger until the token says otherwise: until then nothing is
read but a head, and of what is read, time, size and number are bounded. No connection serves two
requests, so that who has met a process that does not lead may meet another one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from typing import Final, cast

from aiohttp import web

from wavegate.dispatch.keeping import Body
from wavegate.runner.callbacks import BodyRefused, CallBack, Callbacks, Reply
from wavegate.runs.callbacks import VERBS, Verb

MAX_BODY: Final = 1024 * 1024
"""Bytes of a call back that are read."""

HEAD_TIMEOUT: Final = 10.0
BODY_TIMEOUT: Final = 10.0
"""Seconds in which the head, and then the body, has to be there."""

MAX_CONNECTIONS: Final = 512
"""At a time; a further one is closed."""

TOKEN_HEADER: Final = "X-Callback-Token"  # noqa: S105  (a name)

_MAX_FIELD: Final = 4096
_BUFFER: Final = 16 * 1024
"""Bytes of a connection that wait to be read, about twice as many at most."""
_MAX_HEADERS: Final = 64
_LINGER: Final = 1.0
"""Seconds for which what is left of a request is read, so that its answer arrives."""
_SHUTDOWN: Final = 1.0

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_PATH: Final = re.compile(
    rf"/runs/({_LABEL})/({_LABEL})/([1-9][0-9]{{0,4}})/({'|'.join(VERBS)})", re.ASCII
)

_quiet: Final = logging.getLogger("wavegate.callbacks")
"""aiohttp's: what strangers send is no matter of the log, where it could fill the disk."""
_quiet.disabled = True


class CallbackServer:
    """Serves call backs, also while this process does not lead: it says so then."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._server: web.Server | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, chosen by the system where 0 was asked for.

        Raises OSError where the address cannot be had.
        """
        server = web.Server(
            self._answer,
            access_log=None,
            logger=_quiet,
            keepalive_timeout=HEAD_TIMEOUT,
            lingering_time=_LINGER,
            read_bufsize=_BUFFER,
            max_line_size=_MAX_FIELD,
            max_field_size=_MAX_FIELD,
            max_headers=_MAX_HEADERS,
            auto_decompress=False,
        )

        def connected() -> asyncio.Protocol:
            many = len(server.connections) >= MAX_CONNECTIONS
            return _Closing() if many else server()

        loop = asyncio.get_running_loop()
        self._server = server
        self._listening = await loop.create_server(connected, host, port)
        return int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        if self._listening is not None:
            self._listening.close()
        if self._server is not None:
            await self._server.shutdown(_SHUTDOWN)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        reply = await self._reply(request)
        headers = {}
        if reply.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(reply.retry_after))
        text = json.dumps({"code": reply.code, "message": reply.message}) + "\n"
        response = web.Response(
            status=reply.status, text=text, headers=headers, content_type="application/json"
        )
        response.force_close()
        return response

    async def _reply(self, request: web.BaseRequest) -> Reply:
        path = _PATH.fullmatch(request.rel_url.raw_path)
        if path is None or request.method != "POST":
            words = "POST /runs/NAMESPACE/RUN/ATTEMPT/complete, fail or heartbeat"
            return self._refused(Reply("NotFound", words))
        tokens = request.headers.getall(TOKEN_HEADER, [])
        if len(tokens) != 1:
            words = f"needs one header {TOKEN_HEADER}: the token that the call had"
            return self._refused(Reply("Malformed", words))
        namespace, run, attempt, verb = path.groups()

        async def read() -> Body:
            return await _body(request)

        call_back = CallBack(
            namespace, run, int(attempt), cast("Verb", verb), tokens[0], request.headers, read
        )
        return await self._callbacks.take(call_back)

    def _refused(self, reply: Reply) -> Reply:
        self._callbacks.answered(reply)
        return reply


class _Closing(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


async def _body(request: web.BaseRequest) -> Body:
    """Its body, read to the end. Raises BodyRefused."""
    body = Body()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for piece in request.content.iter_any():
                body.add(piece)
                if body.size > MAX_BODY:
                    raise BodyRefused("TooLarge", f"it is longer than {MAX_BODY} bytes")
    except TimeoutError:
        raise BodyRefused("TooSlow", f"it did not come within {BODY_TIMEOUT:g} s") from None
    except (web.RequestPayloadError, ConnectionError):
        raise BodyRefused("Malformed", "it broke off") from None
    return body
