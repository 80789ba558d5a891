"""Watches: the changes of a kind, from a revision on, as far as somebody selects them."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final

from wavegate.simulation import refusals
from wavegate.simulation.kinds import Kind
from wavegate.simulation.store import Change, Document, Store

BOOKMARK_SECONDS: Final = 60.0
LAST_BOOKMARK: Final = 2.0
"""Seconds before the end of a watch."""

_FIELD: Final = "metadata.name="
_LABEL: Final = re.compile(r"[^=!,() ]*(!?=[^=!,() ]+)?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind: of a namespace, with a label, of a name; empty: any."""

    namespace: str = ""
    label: str = ""
    name: str = ""

    @classmethod
    def of(cls, namespace: str, query: Mapping[str, Any]) -> Selection:
        """501 for forms of selectors that the operator does not use."""
        label, field = str(query.get("labelSelector", "")), str(query.get("fieldSelector", ""))
        if not _LABEL.fullmatch(label):
            raise refusals.not_simulated(f"labelSelector {label!r}")
        if field and (not field.startswith(_FIELD) or "," in field):
            raise refusals.not_simulated(f"fieldSelector {field!r}")
        return cls(namespace, label, field.removeprefix(_FIELD))

    def has(self, document: Document) -> bool:
        """Whether the object is among them."""
        metadata = document["metadata"]
        return (
            (not self.namespace or metadata.get("namespace") == self.namespace)
            and _matches(self.label, metadata.get("labels") or {})
            and (not self.name or metadata["name"] == self.name)
        )


def _matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Forms ``key``, ``key=value`` and ``key!=value``, which one without the label matches."""
    if not selector:
        return True
    key, equals, value = selector.partition("=")
    if not equals:
        return key in labels
    if key.endswith("!"):
        return labels.get(key[:-1]) != value
    return labels.get(key) == value


class Watch:
    """One watch. `next` gives one event after the other, None at its end."""

    def __init__(self, ended: Callable[[Watch], None]) -> None:
        self._ended = ended
        self._events: deque[Document | None] = deque()
        self._filled = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []

    async def next(self) -> Document | None:
        """The next event; None once the server has ended the watch."""
        while not self._events:
            self._filled.clear()
            await self._filled.wait()
        return self._events.popleft()

    def push(self, event: Document | None) -> None:
        """Send an event, or None to end it."""
        self._events.append(event)
        self._filled.set()

    def keep(self, timer: asyncio.TimerHandle) -> None:
        """A timer that goes with the watch."""
        self._timers = [timer, *(each for each in self._timers if not each.cancelled())][:4]

    def close(self) -> None:
        """The client wants no more."""
        for timer in self._timers:
            timer.cancel()
        self._ended(self)


class Watches:
    """All watches of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[Watch, tuple[Kind, Selection]] = {}
        self._context = copy_context()
        store.listeners.append(self._tell)

    def begin(
        self,
        kind: Kind,
        selection: Selection,
        since: int,
        *,
        bookmarks: bool,
        seconds: float | None,
    ) -> Watch:
        """A watch of what has changed after ``since``; it ends after so many seconds."""
        watch = Watch(lambda it: self._open.pop(it, None) and None)
        if since < self._store.compacted:
            message = f"too old resource version: {since} ({self._store.compacted})"
            watch.push({"type": "ERROR", "object": refusals.status(410, "Expired", message)})
            watch.push(None)
            return watch
        for change in self._store.since(kind, since):
            if (event := _event(change, selection)) is not None:
                watch.push(event)
        self._open[watch] = (kind, selection)
        if bookmarks:
            self._bookmark_later(watch, kind)
        if seconds is not None:
            self._end_later(watch, kind, seconds, bookmarks=bookmarks)
        return watch

    def _tell(self, change: Change) -> None:
        for watch, (kind, selection) in list(self._open.items()):
            if kind is change.kind and (event := _event(change, selection)) is not None:
                watch.push(event)

    def _bookmark_later(self, watch: Watch, kind: Kind) -> None:
        def send() -> None:
            if watch in self._open:
                watch.push(_bookmark(kind, self._store.revision))
                self._bookmark_later(watch, kind)

        watch.keep(self._later(BOOKMARK_SECONDS, send))

    def _end_later(self, watch: Watch, kind: Kind, seconds: float, *, bookmarks: bool) -> None:
        """A last bookmark comes shortly before the end."""
        if bookmarks:
            last = max(0.0, seconds - LAST_BOOKMARK)
            watch.keep(self._later(last, lambda: watch.push(_bookmark(kind, self._store.revision))))
        watch.keep(self._later(seconds, lambda: watch.push(None)))

    def _later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """A timer of the server's own, whoever's request has set it."""
        return asyncio.get_running_loop().call_later(seconds, do, context=self._context)


def _event(change: Change, selection: Selection) -> Document | None:
    """What a watch with that selection sees of a change: objects come, change and go by it."""
    document = change.copy()
    chosen = selection.has(document)
    was_chosen = selection.has(json.loads(change.old)) if change.old and selection.label else chosen
    before, now = bool(change.old) and was_chosen, bool(change.new) and chosen
    match before, now:
        case False, False:
            return None
        case False, True:
            return {"type": "ADDED", "object": document}
        case True, True:
            return {"type": "MODIFIED", "object": document}
    return {"type": "DELETED", "object": document}


def _bookmark(kind: Kind, revision: int) -> Document:
    resource = kind.resource
    return {
        "type": "BOOKMARK",
        "object": {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"resourceVersion": str(revision)},
        },
    }
