"""Objects with their history, as etcd keeps them: one revision counts the changes of all kinds.

Documents are kept as JSON text, so that nobody can change what somebody else has been given.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any, Final

from wavegate.simulation import refusals
from wavegate.simulation.kinds import Kind

Document = dict[str, Any]
Key = tuple[str, str]
"""Namespace (empty for kinds without one) and name."""

FIRST_REVISION: Final = 1000
"""A server is never new: what was before is compacted."""

MOST_BYTES: Final = 1_572_864
"""Longest document that etcd takes."""

_KEPT: Final = 20_000


@dataclass(frozen=True)
class Change:
    """One change of one object. ``old`` and ``new`` are JSON texts, empty for no object."""

    revision: int
    kind: Kind
    key: Key
    old: str
    new: str

    @cached_property
    def document(self) -> Document:
        """As `copy` makes it, for all who only read it."""
        return self.copy()

    def copy(self) -> Document:
        """The object, of a deleted one its last state with the revision of its end."""
        if self.new:
            return dict(json.loads(self.new))
        gone = dict(json.loads(self.old))
        gone["metadata"]["resourceVersion"] = str(self.revision)
        return gone


class Store:
    """``changed`` is called after each change."""

    def __init__(self) -> None:
        self.revision = FIRST_REVISION
        self.compacted = FIRST_REVISION
        """Nothing before this can be watched or listed any more."""
        self.listeners: list[Callable[[Change], None]] = []
        self._objects: dict[str, dict[Key, str]] = {}
        self._history: deque[Change] = deque()
        self._uids: set[str] = set()

    def get(self, kind: Kind, key: Key) -> Document | None:
        """The object as it is now, a copy."""
        text = self._of(kind).get(key)
        return None if text is None else json.loads(text)

    def put(self, kind: Kind, key: Key, document: Document) -> Document:
        """Store a document under the next revision, which is written into it; returns it.

        Refuses one that is too large.
        """
        document["metadata"]["resourceVersion"] = str(self.revision + 1)
        self.keep(kind, key, document["metadata"]["uid"], json.dumps(document))
        return document

    def keep(self, kind: Kind, key: Key, uid: str, text: str) -> None:
        """Store an object as it is, which nobody has looked at; it names the next revision."""
        if len(text) > MOST_BYTES:
            raise refusals.too_large("etcdserver: request is too large")
        old = self._of(kind).get(key, "")
        self.revision += 1
        self._of(kind)[key] = text
        if not old:
            self._uids.add(uid)
        self._tell(Change(self.revision, kind, key, old, text))

    def delete(self, kind: Kind, key: Key) -> Document:
        """Remove the object; returns its last state, at the revision of its end."""
        old = self._of(kind).pop(key)
        self.revision += 1
        change = Change(self.revision, kind, key, old, "")
        document = change.copy()
        self._uids.discard(document["metadata"]["uid"])
        self._tell(change)
        return document

    def items(self, kind: Kind, revision: int | None = None) -> list[tuple[Key, str]]:
        """All objects of a kind in the order of their keys, as of a revision (now if None)."""
        objects = dict(self._of(kind))
        if revision is not None:
            for change in reversed(self._history):
                if change.revision <= revision:
                    break
                if change.kind is kind and change.old:
                    objects[change.key] = change.old
                elif change.kind is kind:
                    objects.pop(change.key, None)
        return sorted(objects.items())

    def since(self, kind: Kind, revision: int) -> list[Change]:
        """Changes of a kind after a revision, oldest first."""
        after = takewhile(lambda each: each.revision > revision, reversed(self._history))
        return [each for each in after if each.kind is kind][::-1]

    def compact(self) -> None:
        """Forget all history."""
        self._history.clear()
        self.compacted = self.revision

    def exists(self, uid: str) -> bool:
        """Whether an object of that uid is there, of any kind."""
        return uid in self._uids

    def _of(self, kind: Kind) -> dict[Key, str]:
        return self._objects.setdefault(kind.resource.kind, {})

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        if len(self._history) > _KEPT:
            self.compacted = self._history.popleft().revision
        for listener in list(self.listeners):
            listener(change)
