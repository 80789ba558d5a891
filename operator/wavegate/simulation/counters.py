"""The pages with counters that simulated pods serve, in place of an HTTP session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from wavegate.simulation.fleet import Fleet

_LATENCY: Final = 0.002


class _Content:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


class _Response:
    """As much of an aiohttp response, and of its context, as is read."""

    status: Final = 200
    reason: Final = "OK"

    def __init__(self, fleet: Fleet, url: URL) -> None:
        self._fleet = fleet
        self._url = url
        self.headers = CIMultiDict({"Content-Type": "text/plain; version=0.0.4"})

    async def __aenter__(self) -> _Response:
        await asyncio.sleep(_LATENCY)
        page = self._fleet.page(str(self._url.host))
        if page is None:
            raise aiohttp.ClientConnectionError(f"cannot connect to {self._url.host}")
        self.content = _Content(page.encode())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class CountersSession:
    """Stands in for the `aiohttp.ClientSession` of `health.scrape`."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def get(self, url: URL, **_: Any) -> _Response:
        """The page of the pod with that address."""
        return _Response(self._fleet, url)
