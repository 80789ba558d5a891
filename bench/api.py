"""The administrator's requests to the API server, over connections that are kept."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import aiohttp

from bench.errors import BenchError

Document = dict[str, Any]
T = TypeVar("T")

AT_ONCE: Final = 64
"""Requests of the minimal client under way, as many as the operator has steps."""

_CONFLICTS: Final = (404, 409)


class Api:
    """An async context; paths are those of the API server, documents JSON."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = b64decode(cluster["certificate-authority-data"]).decode()
        self._server = cluster["server"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._context = ssl.create_default_context(cadata=authority)

    async def __aenter__(self) -> Api:
        self._session = aiohttp.ClientSession(
            self._server,
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=AT_ONCE, ssl=self._context),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=None),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def text(self, path: str) -> str:
        """GET of something that is not JSON, such as /metrics."""
        async with self._session.get(path) as answer:
            answer.raise_for_status()
            return await answer.text()

    async def request(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        content: str = "application/json",
        gone_ok: bool = False,
    ) -> Document:
        """The answer's document; with ``gone_ok``, {} for 404 and 409. Raises BenchError."""
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, path, data=data, headers={"Content-Type": content}
        ) as answer:
            text = await answer.text()
            if answer.status in _CONFLICTS and gone_ok:
                return {}
            if not answer.ok:
                raise BenchError(f"{method} {path}: {answer.status} {text[:500]}")
            return dict(json.loads(text))

    async def get(self, path: str) -> Document:
        """GET of an object or a list."""
        return await self.request("GET", path)

    async def merge(self, path: str, change: Document) -> Document:
        """A merge patch."""
        return await self.request("PATCH", path, change, content="application/merge-patch+json")

    async def states(self, collection: str, name: str) -> AsyncIterator[Document]:
        """One object each time that it changes, its present state first; it may come later."""
        async for event in self.watch(collection, f"fieldSelector=metadata.name%3D{name}"):
            if event["type"] in ("ADDED", "MODIFIED"):
                yield event["object"]

    async def watch(self, collection: str, query: str) -> AsyncIterator[Document]:
        """Events of a watch, without end; ``query`` says of which objects, and since when.

        Raises BenchError where it is ended.
        """
        path = f"{collection}?watch=true&timeoutSeconds=3600&{query}"
        async with self._session.get(path) as answer:
            answer.raise_for_status()
            while line := await answer.content.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise BenchError(f"the watch of {collection}: {event['object']}")
                yield event
        raise BenchError(f"the watch of {collection} ended")

    async def revision(self, collection: str) -> str:
        """The resourceVersion from which on a watch of the collection tells what is new."""
        return str((await self.get(f"{collection}?limit=1"))["metadata"]["resourceVersion"])

    async def count(self, collection: str) -> int:
        """How many objects there are."""
        found = await self.get(f"{collection}?limit=1")
        return len(found["items"]) + int(found["metadata"].get("remainingItemCount", 0))


async def each(work: Callable[[T], Awaitable[object]], items: Iterable[T]) -> None:
    """Do the work for all items, AT_ONCE at a time; the first error ends it."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
