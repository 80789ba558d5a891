"""Tells people what was done: Kubernetes Events, best effort.

An event is told after the write it belongs to has succeeded, never instead of a status and never
in anybody's way: it waits in a bounded queue. One that cannot be sent is tried again for some
seconds, by the same name, so that it is there once however its tries were answered; after that it
is lost. The same words about the same object are told once in ten minutes; what came meanwhile is
counted, and the next event has the count as its series, so that a state that comes and goes costs
six writes an hour.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from wavegate.api.names import API_VERSION
from wavegate.domain.actions import Note
from wavegate.domain.times import format_time_micro
from wavegate.engine.bodies import Document, Owner
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, ServerError, TooManyRequests, Uncertain
from wavegate.kube.guard import NotSent
from wavegate.kube.resources import EVENTS

REPEAT_AFTER: Final = 600.0
"""Seconds for which the same event is not told again."""

_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries of an event; a server that asks for more gets more."""

_WAITING: Final = 1000
_REMEMBERED: Final = 10_000
_LONGEST_NOTE: Final = 1024
_CONTROLLER: Final = "wavegate.dev/operator"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Told:
    """An event that was told ``at`` a time, and how often it has come since, first at ``first``."""

    at: float
    more: int = 0
    first: float = 0.0


class EventTeller:
    """Sends events one after another. ``now``: epoch seconds; ``identity``: this process."""

    def __init__(self, client: Client, identity: str, now: Callable[[], float]) -> None:
        self._client = client
        self._identity = identity
        self._now = now
        self._waiting: asyncio.Queue[tuple[str, Document]] = asyncio.Queue(_WAITING)
        self._told: OrderedDict[tuple[str, str, str], _Told] = OrderedDict()
        self._serial = itertools.count()

    def tell(self, namespace: str, about: Owner, notes: Iterable[Note]) -> None:
        """Queue those notes about an object of ours which are events."""
        for note in (each for each in notes if each.is_event):
            before = self._due(about.uid, note)
            if before is not None and not self._waiting.full():
                self._waiting.put_nowait((namespace, self._event(namespace, about, note, before)))

    async def run(self) -> NoReturn:
        """Send until cancelled."""
        while True:
            namespace, event = await self._waiting.get()
            await self._send(namespace, event)

    async def _send(self, namespace: str, event: Document) -> None:
        for pause in (*_PAUSES, None):
            try:
                await self._client.create(EVENTS, namespace, event)
            except NotSent:
                return
            except ApiError as error:
                later = isinstance(error, Uncertain | ServerError | TooManyRequests)
                if pause is None or not later:
                    _log.debug("event %s is not sent again: %s", event["reason"], error)
                    return
                await asyncio.sleep(max(pause, error.retry_after or 0.0))
            else:
                return

    def _name(self, about: str) -> str:
        """As client-go has it: the object's name and the time, here with a serial number."""
        return f"{about}.{int(self._now() * 1e6):x}{next(self._serial) % 256:02x}"

    def _due(self, uid: str, note: Note) -> _Told | None:
        """What came with these words since they were told; None: too soon to tell them again."""
        key, now = (uid, note.reason, note.topic or note.message), self._now()
        before = self._told.get(key)
        if before is not None and now - before.at < REPEAT_AFTER:
            before.first = before.first or now
            before.more += 1
            return None
        self._told[key] = _Told(now)
        self._told.move_to_end(key)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return before or _Told(now)

    def _event(self, namespace: str, about: Owner, note: Note, before: _Told) -> Document:
        now = self._now()
        series = {"count": before.more + 1, "lastObservedTime": format_time_micro(now)}
        return {
            **({"series": series} if before.more else {}),
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": self._name(about.name), "namespace": namespace},
            "eventTime": format_time_micro(before.first or now),
            "type": "Warning" if note.warning else "Normal",
            "reason": note.reason,
            "action": note.reason,
            "note": note.message.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
            "reportingController": _CONTROLLER,
            "reportingInstance": self._identity,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind,
                "name": about.name,
                "namespace": namespace,
                "uid": about.uid,
            },
        }
