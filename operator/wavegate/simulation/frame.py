"""In kopf's place: kopf's client brings sockets of its own, so kopf cannot run on virtual time.

The handlers are the operator's own, taken from kopf's registry; lists and watches are made and
retried as kopf 1.45 makes them, weak points included: after a 410 it lists again without telling
of what has vanished, an ERROR event of another code ends the process, and so does a request that
is refused longer than its back-offs last, or with a code that kopf does not retry. Left out are
kopf's queues, which may drop all but the last of several changes of an object within 0.1 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

import kopf

from wavegate.handlers.process import CLIENT_TIMEOUT, SERVER_TIMEOUT
from wavegate.kube.errors import ApiError, Forbidden, ServerError, TooManyRequests, Uncertain
from wavegate.kube.resources import BY_KIND, Resource
from wavegate.kube.transport import Transport

BACKOFFS: Final = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0)
RECONNECT: Final = 0.1

_RETRIED: Final = (Forbidden, ServerError, TooManyRequests, Uncertain)
_GONE: Final = 410


class WatchError(Exception):
    """An ERROR event in a watch that kopf does not survive."""


class WatchFrame:
    """Delivers events of the kinds whose handlers are registered."""

    def __init__(self, transport: Transport) -> None:
        self.registry = kopf.OperatorRegistry()
        self._transport = transport

    async def run(
        self, namespaces: Sequence[str], *, ready: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """See `handlers.process.Frame`."""
        ready.set()
        tasks = [asyncio.create_task(stop.wait(), name="frame's stop")]
        for handler in self.registry._watching.get_all_handlers():
            for namespace in namespaces or (None,):
                following = self._follow(handler, _resource(handler), namespace)
                tasks.append(asyncio.create_task(following, name="frame's watch"))  # type: ignore[arg-type]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, handler: Any, resource: Resource, namespace: str | None) -> None:
        while True:
            try:
                async with aclosing(self._events(resource, namespace)) as events:
                    async for event in events:
                        await handler.fn(event=event)
            except TooManyRequests:
                pass
            await asyncio.sleep(RECONNECT)

    async def _events(
        self, resource: Resource, namespace: str | None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """A list, then watches from it on, until the server has forgotten where that was."""
        path = resource.collection(namespace)
        listed = await self._list(path)
        for each in listed["items"]:
            yield {"type": None, "object": each}
        version = listed["metadata"]["resourceVersion"]
        while True:
            async with aclosing(self._watch(path, version)) as events:
                async for event in events:
                    raw = event["object"]
                    if event["type"] == "ERROR":
                        if raw.get("code") == _GONE:
                            return
                        raise WatchError(f"Error in the watch-stream: {raw}")
                    version = raw["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event

    async def _list(self, path: str) -> dict[str, Any]:
        for delay in (*BACKOFFS, None):
            try:
                return await self._transport.request("GET", path, timeout=30.0)
            except _RETRIED as error:
                if delay is None:
                    raise
                await asyncio.sleep(max(delay, error.retry_after or 0.0))
        raise AssertionError("the last attempt returns or raises")

    async def _watch(self, path: str, version: str) -> AsyncGenerator[dict[str, Any], None]:
        """One watch; only its beginning is retried, a connection that breaks just ends it."""
        query: dict[str, str | int] = {
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": SERVER_TIMEOUT,
        }
        for delay in (*BACKOFFS, None):
            begun = False
            try:
                watch = self._transport.watch(path, query, idle_timeout=CLIENT_TIMEOUT)
                async with aclosing(watch) as events:
                    async for event in events:
                        begun = True
                        yield event
            except ApiError as error:
                if isinstance(error, Uncertain) and begun:
                    return
                if delay is None or not isinstance(error, _RETRIED):
                    raise
                await asyncio.sleep(max(delay, error.retry_after or 0.0))
            else:
                return


def _resource(handler: Any) -> Resource:
    plural = handler.selector.any_name or handler.selector.plural
    return next(each for each in BY_KIND.values() if each.plural == plural)
