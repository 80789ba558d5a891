"""Keeps a sink equal to what the API server has of one resource: list, then watch.

Why our own: after a 410 the list taken anew *replaces*, so an object that vanished unseen is a
deletion; raw documents are decoded once and dropped; nothing that the server does ends the process.

Assumptions: resourceVersions of a resource are integers that rise (documented from Kubernetes 1.35,
true of every etcd before). Invariants:

- the sink never gets a list that is behind something it has been given;
- `version` moves only after the sink has taken the event, so a cut watch loses nothing;
- an object that cannot be decoded is unknown (`Sink.discard`), and the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import Any, Final, Generic, Literal, NoReturn, Protocol, TypeVar

from wavegate.kube.errors import ApiError, Gone, Uncertain, error_of
from wavegate.kube.resources import Resource
from wavegate.kube.transport import Transport
from wavegate.watch.decoding import Carefully, Raw

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

PAGE: Final = 500
"""Objects in one page of a list."""

IDLE_TIMEOUT: Final = 90.0
"""Seconds without event or bookmark after which a watch is taken for dead.

Servers send a bookmark every 60 to 75 s.
"""

WATCH_SECONDS: Final = (300, 600)
"""A watch asks the server to end it after a random time between these."""

LIST_TIMEOUT: Final = 30.0
SHORT_WATCH: Final = 1.0
"""A watch that ends sooner, having brought nothing, is answered with a back-off."""

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0


class Sink(Protocol[T_contra]):
    """Who is kept up to date. ``namespace`` is the reflector's, None for cluster-wide."""

    def replace(
        self, items: Sequence[T_contra], resource_version: int, namespace: str | None
    ) -> None:
        """All that there is, as of ``resource_version``: what is missing in it is deleted."""

    def apply(self, event: EventType, item: T_contra) -> None:
        """One change."""

    def discard(self, namespace: str, name: str) -> None:
        """An object of that name exists, but nothing can be known of it."""

    def is_news(self, namespace: str, name: str, version: int) -> bool:
        """Whether an object of that name and version says more than is known."""


class Behind(ApiError):
    """A list from a server that has not caught up with what was already seen."""

    def __init__(self, listed: int, seen: int) -> None:
        super().__init__(0, "Behind", f"the list is at {listed}, and {seen} has been seen")


class Reflector(Generic[T]):
    """Reflects one resource, of one namespace or of all, into a sink.

    ``decode`` makes an item of a raw object once for each event; ``failed`` is told every request,
    watch or list that did not succeed, each of which is tried again for ever. ``synced`` is set
    once the sink has had its first list.
    """

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        decode: Callable[[Raw], T],
        sink: Sink[T],
        *,
        rng: Random,
        failed: Callable[[Resource, ApiError], None],
        namespace: str | None = None,
        label_selector: str = "",
    ) -> None:
        self.resource = resource
        self.synced = asyncio.Event()
        self._transport = transport
        self._decoded = Carefully(resource.kind, decode, sink.discard)
        self._sink = sink
        self._rng = rng
        self._failed = failed
        self._namespace = namespace
        self._path = resource.collection(namespace)
        self._selection = {"labelSelector": label_selector} if label_selector else {}
        self._version = 0
        self._seen = 0
        self._failures = 0
        self._heard: float | None = None

    def silence(self) -> float:
        """Seconds since a list, an event or a bookmark came, or since the start."""
        return 0.0 if self._heard is None else asyncio.get_running_loop().time() - self._heard

    async def run(self) -> NoReturn:
        """Reflect until cancelled. Raises only what the sink raises: a bug of ours."""
        self._hear()
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiError as error:
                self._failed(self.resource, error)
                if isinstance(error, Gone):
                    self._version = 0
                await asyncio.sleep(self._delay(error))

    def _hear(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    def _delay(self, error: ApiError) -> float:
        """Back-off with jitter; the first 410 is answered at once, since a list is the cure."""
        self._failures += 1
        steps = self._failures - (2 if isinstance(error, Gone) else 1)
        if steps < 0:
            return 0.0
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(steps, 10))
        return max(delay * self._rng.uniform(0.5, 1.0), error.retry_after or 0.0)

    async def _list(self) -> None:
        """List and replace. resourceVersion is left out: the server answers consistently."""
        items: list[T] = []
        query: dict[str, str | int] = {**self._selection, "limit": PAGE}
        while True:
            page = await self._transport.request(
                "GET", self._path, query=query, timeout=LIST_TIMEOUT
            )
            metadata = _mapping(page.get("metadata"))
            version = self._version_of(metadata)
            if version < self._seen:
                raise Behind(version, self._seen)
            items += self._decoded_page(page.get("items"))
            if not (token := metadata.get("continue")):
                break
            query["continue"] = str(token)
        self._sink.replace(items, version, self._namespace)
        self._version = self._seen = version
        self._hear()
        self.synced.set()

    async def _watch(self) -> None:
        query: dict[str, str | int] = {
            **self._selection,
            "resourceVersion": str(self._version),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": self._rng.randint(*WATCH_SECONDS),
        }
        clock = asyncio.get_running_loop().time
        began, heard = clock(), False
        events = self._transport.watch(self._path, query, idle_timeout=IDLE_TIMEOUT)
        async with aclosing(events):
            async for event in events:
                self._take(event)
                heard = True
                self._failures = 0
        if not heard and clock() - began < SHORT_WATCH:
            raise Uncertain(f"WATCH {self._path}: ended as soon as it began", "ShortWatch")

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        raw = event["object"]
        if kind == "ERROR":
            raise _event_error(raw)
        metadata = _mapping(raw.get("metadata"))
        version = self._version_of(metadata)
        if kind in ("ADDED", "MODIFIED") and not self._is_news(metadata, version):
            pass  # most often what a write of ours was answered with
        elif kind in ("ADDED", "MODIFIED", "DELETED"):
            item = self._decoded(raw)
            if item is not None:
                self._sink.apply(kind, item)
        elif kind != "BOOKMARK":
            raise Uncertain(f"WATCH {self._path}: an event of type {kind!r}", "BadEvent")
        self._version = self._seen = max(self._seen, version)
        self._hear()

    def _is_news(self, metadata: Mapping[str, Any], version: int) -> bool:
        namespace, name = metadata.get("namespace"), metadata.get("name")
        return self._sink.is_news(str(namespace or ""), str(name), version)

    def _decoded_page(self, raws: Any) -> list[T]:
        found = (self._decoded(raw) for raw in raws or () if isinstance(raw, dict))
        return [item for item in found if item is not None]

    def _version_of(self, metadata: Mapping[str, Any]) -> int:
        text = metadata.get("resourceVersion")
        if not isinstance(text, str) or not text.isdecimal():
            raise Uncertain(f"{self._path}: resourceVersion {text!r} is no number", "BadVersion")
        return int(text)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _event_error(status: Mapping[str, Any]) -> ApiError:
    code = status.get("code")
    return error_of(code if isinstance(code, int) else 500, status)
