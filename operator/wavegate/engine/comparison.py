"""Compares the jobs and deployments that kopf told of with lists of our own.

After a 410 kopf does not tell of objects that vanished meanwhile. So these kinds are listed before
the first pass, and every few minutes from then on; a list replaces what was known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

from wavegate.kube.errors import ApiError, Gone
from wavegate.kube.resources import Resource
from wavegate.kube.transport import Transport

INTERVAL: Final = 300.0
"""Seconds between two comparisons."""

RETRY: Final = 2.0
PAGE: Final = 500

_LIST_TIMEOUT: Final = 30.0


class Compared(Protocol):
    """Who takes whole lists of a kind."""

    def compare(
        self,
        kind: str,
        raws: Iterable[dict[str, Any]],
        *,
        resource_version: int,
        namespace: str | None = None,
    ) -> None: ...


class JobComparison:
    """``caches``: who takes the lists of which resource; ``namespaces``: those that the operator
    looks after, empty for all."""

    def __init__(
        self,
        transport: Transport,
        caches: Mapping[Resource, Compared],
        namespaces: Sequence[str],
        failed: Callable[[Resource, ApiError], None],
    ) -> None:
        self.synced = asyncio.Event()
        self._transport = transport
        self._caches = caches
        self._namespaces: Sequence[str | None] = namespaces or (None,)
        self._failed = failed
        self._heard: float | None = None

    def silence(self) -> float:
        """Seconds since all were compared, or since the start."""
        return 0.0 if self._heard is None else asyncio.get_running_loop().time() - self._heard

    async def run(self) -> NoReturn:
        """Compare at once and then every few minutes, until cancelled."""
        clock = asyncio.get_running_loop().time
        self._heard = clock()
        while True:
            if (error := await self._compare_all()) is None:
                self._heard = clock()
                self.synced.set()
                await asyncio.sleep(INTERVAL)
            else:
                await asyncio.sleep(max(RETRY, error.retry_after or 0.0))

    async def _compare_all(self) -> ApiError | None:
        """None where it succeeded."""
        for resource in self._caches:
            for namespace in self._namespaces:
                try:
                    await self._compare(resource, namespace)
                except ApiError as error:
                    self._failed(resource, error)
                    return error
        return None

    async def _compare(self, resource: Resource, namespace: str | None) -> None:
        raws, version = await self._list(resource, namespace)
        self._caches[resource].compare(
            resource.kind, raws, resource_version=version, namespace=namespace
        )

    async def _list(
        self, resource: Resource, namespace: str | None
    ) -> tuple[list[dict[str, Any]], int]:
        """All objects, page by page, as of one moment; from the beginning if that is too old."""
        while True:
            raws: list[dict[str, Any]] = []
            token = ""
            try:
                while True:
                    answer = await self._page(resource, namespace, token)
                    raws += answer["items"]
                    token = answer["metadata"].get("continue") or ""
                    if not token:
                        return raws, int(answer["metadata"]["resourceVersion"])
            except Gone:
                if not token:
                    raise

    async def _page(self, resource: Resource, namespace: str | None, token: str) -> dict[str, Any]:
        query: dict[str, str | int] = {"limit": PAGE}
        if token:
            query["continue"] = token
        path = resource.collection(namespace)
        return await self._transport.request("GET", path, query=query, timeout=_LIST_TIMEOUT)
