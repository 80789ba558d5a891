"""The one way to the API server: raw documents in and out, failures as typed errors.

`Transport` is all that the rest of the operator knows of a network, so that a simulated API server
can stand in for it. `HttpTransport` is the real one, on the `kubernetes` package's client but past
its models: no object is built that nobody reads. Bodies and tokens are never logged.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from wavegate.kube.access import Access
from wavegate.kube.clock import ServerClock
from wavegate.kube.errors import ApiError, Uncertain, error_of
from wavegate.kube.guard import Guard, guarded
from wavegate.kube.reading import read_document

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
DEFAULT_TIMEOUT: Final = 8.0
"""Seconds: shorter than a lease of leadership has left when it could not be renewed."""

_CONNECT_TIMEOUT: Final = 5.0
_USER_AGENT: Final = "wavegate"
_NO_ANSWER: Final = "<error>"
_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)

Query = Mapping[str, str | int]


class Transport(Protocol):
    """What the operator asks of the connection to an API server."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> dict[str, Any]:
        """One request; returns the document of the answer.

        ``body``: a document (or the list of a JSON patch), ``timeout``: seconds in all, ``guard``:
        asked as late as can be whether a write may be sent; NotSent where it may not.
        Raises a type of `errors`; `Uncertain` where it may have been applied.
        """
        ...

    def watch(
        self, path: str, query: Query, *, idle_timeout: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a watch, as ``{"type": …, "object": …}``, until the server ends it.

        Raises a type of `errors`: those of the answer, `Uncertain` where the connection broke (an
        event that was cut is not delivered) or nothing came for ``idle_timeout`` seconds. ERROR
        events are delivered like others. Close the iterator to end the watch.
        """
        ...


class HttpTransport:
    """The real transport. Use as an async context manager, or call `close`.

    ``clock`` hears the dates of all answers; ``headers`` go with all requests; ``measured`` is told
    of each request its method, the code of the answer (<error> where there was none), and the
    seconds until it began.
    """

    def __init__(
        self,
        access: Access,
        clock: ServerClock | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        measured: Callable[[str, str, float], None] = lambda *_: None,
    ) -> None:
        self._access = access
        self._clock = clock
        self._headers = headers or {}
        self._measured = measured
        self._client: ApiClient = access.client()

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; watches under way end."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> dict[str, Any]:
        """See `Transport.request`. A 401 is answered once with credentials read anew, if others."""
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_TIMEOUT)
        extra = {"Content-Type": content_type, **(headers or {})}
        try:
            with guarded(guard):
                response = await self._open(method, path, query, body, extra, limits)
            try:
                raw = await response.read()
            finally:
                response.release()
        except _FAILURES as error:
            raise _uncertain(method, path, error) from error
        document = _parse(raw)
        if response.status >= 400:
            raise error_of(response.status, document, response.headers.get("Retry-After"))
        if document is None:
            raise Uncertain(f"{method} {path}: the answer is not a JSON object")
        return document

    async def watch(
        self, path: str, query: Query, *, idle_timeout: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """See `Transport.watch`. A line may have any length."""
        asked = {**query, "watch": "true"}
        async with aclosing(self.lines(path, asked, idle_timeout=idle_timeout)) as lines:
            async for line in lines:
                yield _event(path, line)

    async def lines(
        self, path: str, query: Query, *, idle_timeout: float | None
    ) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that may be long in coming, such as a log, without their ends.

        Raises as `watch` does; ``idle_timeout`` None waits without a limit.
        """
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_TIMEOUT, sock_read=idle_timeout
        )
        try:
            response = await self._open("GET", path, query, None, {}, limits)
            try:
                if response.status >= 400:
                    raw = await response.read()
                    wait = response.headers.get("Retry-After")
                    raise error_of(response.status, _parse(raw), wait)
                async for line in _lines(response.content):
                    yield line
            finally:
                response.close()
        except _FAILURES as error:
            raise _uncertain("GET", path, error) from error

    async def _open(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Any,
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        authorization = await self._access.headers()
        response = await self._send(method, path, query, body, {**authorization, **headers}, limits)
        if response.status == 401 and await self._access.renew(authorization):
            response.release()
            others = await self._access.headers()
            return await self._send(method, path, query, body, {**others, **headers}, limits)
        return response

    async def _send(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Any,
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        begun, code = time.monotonic(), _NO_ANSWER
        try:
            answer = await self._client.call_api(
                method,
                f"{self._access.server}{path}" + (f"?{urlencode(query)}" if query else ""),
                header_params={
                    "Accept": JSON,
                    "User-Agent": _USER_AGENT,
                    **self._headers,
                    **headers,
                },
                body=body,
                _request_timeout=limits,
            )
            response: aiohttp.ClientResponse = answer.response
            code = str(response.status)
        finally:
            self._measured(method, code, time.monotonic() - begun)
        if self._clock is not None:
            self._clock.heard(response.headers.get("Date"))
        return response


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        document = read_document(raw)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _event(path: str, line: bytes) -> dict[str, Any]:
    document = _parse(line)
    if document is None or not isinstance(document.get("object"), dict):
        raise Uncertain(f"WATCH {path}: an event that cannot be read")
    return document


def _uncertain(method: str, path: str, error: Exception) -> ApiError:
    if isinstance(error, TimeoutError):
        return Uncertain(f"{method} {path}: no answer in time", "Timeout")
    return Uncertain(f"{method} {path}: {type(error).__name__}: {error}")


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of a stream however long they are (`readline` ends at a few MB)."""
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            parts.append(end)
            if line := b"".join(parts):
                yield line
            parts = []
        if rest:
            parts.append(rest)
    if parts:
        raise aiohttp.ClientPayloadError("the watch was cut in the middle of an event")
