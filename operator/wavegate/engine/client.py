"""The gate that every request of a step goes through.

A write asks whether this process still leads, as late as it can: Kubernetes has no fencing, so it
must not even begin when it could end after somebody else took over (`WRITE_TIMEOUT` is what is left
of a lease at the last moment it counts as held). The gate also keeps the rate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from wavegate.engine.bucket import TokenBucket
from wavegate.kube.errors import TooManyRequests
from wavegate.kube.resources import Resource
from wavegate.kube.transport import JSON, MERGE_PATCH, Query, Transport

WRITE_TIMEOUT: Final = 5.0
"""Seconds a write may take: the lease's duration minus its renew deadline."""


class Client:
    """Reads and writes of steps. Raises a type of `kube.errors`, or NotSent."""

    def __init__(
        self,
        transport: Transport,
        leading: Callable[[], bool],
        bucket: TokenBucket,
    ) -> None:
        self._transport = transport
        self._leading = leading
        self._bucket = bucket

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        """The object as it is now, read through to the store."""
        await self._bucket.take()
        return await self._send("GET", resource.object(namespace, name))

    async def create(
        self, resource: Resource, namespace: str, body: dict[str, Any], query: Query | None = None
    ) -> dict[str, Any]:
        """Create; returns the object as stored."""
        return await self._write("POST", resource.collection(namespace), body, query)

    async def put_status(
        self, resource: Resource, namespace: str, name: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace the status; returns the object as stored."""
        return await self._write("PUT", resource.status(namespace, name), body)

    async def patch(self, resource: Resource, name: str, change: dict[str, Any]) -> dict[str, Any]:
        """Merge a change into an object that has no namespace; returns it as stored."""
        path = resource.object(None, name)
        return await self._write("PATCH", path, change, content_type=MERGE_PATCH)

    async def delete(
        self, resource: Resource, namespace: str, name: str, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Delete; returns the object on its way out, or a Status where it is gone."""
        return await self._write("DELETE", resource.object(namespace, name), options)

    async def _write(
        self,
        verb: str,
        path: str,
        body: dict[str, Any],
        query: Query | None = None,
        content_type: str = JSON,
    ) -> dict[str, Any]:
        await self._bucket.take()
        return await self._send(
            verb, path, query=query, body=body, content_type=content_type, guard=self._leading
        )

    async def _send(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        sent = asyncio.get_running_loop().time()
        try:
            return await self._transport.request(verb, path, timeout=WRITE_TIMEOUT, **more)
        except TooManyRequests as error:
            self._bucket.throttle(error.retry_after, sent=sent)
            raise
