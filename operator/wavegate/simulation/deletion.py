"""How objects go: preconditions, grace periods, finalizers, and the garbage collector."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

from wavegate.cache.fields import integer, mapping
from wavegate.domain.times import format_time
from wavegate.kube.resources import PODS
from wavegate.simulation import refusals
from wavegate.simulation.kinds import SERVED, Kind
from wavegate.simulation.store import Document, Key, Store

if TYPE_CHECKING:
    from wavegate.simulation.server import Target

_DEFAULT_GRACE: Final = 30
_OPTIONS: Final = {"apiVersion", "kind", "preconditions", "gracePeriodSeconds"}


class Deleting:
    """The part of the server that removes objects."""

    store: Store
    _now: Callable[[], float]

    def __init__(self) -> None:
        # Timers are the server's own, whoever's request has set them.
        self._context: Context = copy_context()
        self._collection: asyncio.TimerHandle | None = None
        self.collects_after = 0.5
        """Seconds after which the garbage collector has found what has lost its owner."""

    def _found(self, target: Target) -> Document:
        raise NotImplementedError

    def _delete(self, target: Target, body: Any) -> Document:
        options = body or {}
        if unknown := options.keys() - _OPTIONS:
            raise refusals.not_simulated(f"delete option {sorted(unknown)}")
        kind, document = target.kind, self._found(target)
        metadata = document["metadata"]
        for field, wanted in (options.get("preconditions") or {}).items():
            if wanted != metadata[field]:
                why = (
                    f"the {field} in the precondition ({wanted}) does not match ({metadata[field]})"
                )
                raise refusals.conflict(kind.resource, target.name, why)
        grace = _grace(kind, document, options.get("gracePeriodSeconds"))
        if not grace and not metadata.get("finalizers"):
            removed = self._remove(kind, target.key, document)
            return removed if kind.returned_when_deleted else _success(kind, metadata)
        if not self._begin(document, grace):
            return document
        return self.store.put(kind, target.key, document)

    def _begin(self, document: Document, grace: int) -> bool:
        """Whether the document has changed; a second delete can only make the time shorter."""
        metadata = document["metadata"]
        if metadata.get("deletionGracePeriodSeconds", grace + 1) <= grace:
            return False
        metadata["deletionTimestamp"] = format_time(self._now() + grace)
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata:
            metadata["generation"] += 1
        return True

    def _remove(self, kind: Kind, key: Key, document: Document) -> Document:
        removed = self.store.delete(kind, key)
        self._collect_later()
        return {**document, "metadata": {**document["metadata"], **removed["metadata"]}}

    def _look_for_owners(self, document: Document) -> None:
        """A child that comes after its owner's end is collected, too."""
        if document["metadata"].get("ownerReferences"):
            self._collect_later()

    def _collect_later(self) -> None:
        if self._collection is None:
            loop = asyncio.get_running_loop()
            self._collection = loop.call_later(
                self.collects_after, self._collect, context=self._context
            )

    def _collect(self) -> None:
        """Delete, in the background, what has owners and none that is still there."""
        self._collection = None
        for kind in SERVED.values():
            for key, document in self._orphans(kind):
                grace = _grace(kind, document, None)
                if not grace and not document["metadata"].get("finalizers"):
                    self._remove(kind, key, document)
                elif self._begin(document, grace):
                    self.store.put(kind, key, document)

    def _orphans(self, kind: Kind) -> list[tuple[Key, Document]]:
        found = []
        for key, text in self.store.items(kind):
            if '"ownerReferences"' not in text:
                continue
            document = self.store.get(kind, key)
            assert document is not None
            owners = document["metadata"].get("ownerReferences") or ()
            if owners and not any(self.store.exists(each["uid"]) for each in owners):
                found.append((key, document))
        return found


def _grace(kind: Kind, document: Document, asked: int | None) -> int:
    """Seconds that the object has left; only pods that may run have any."""
    phase = mapping(document.get("status")).get("phase")
    spec = mapping(document.get("spec"))
    if kind.resource != PODS or not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return asked
    return integer(spec.get("terminationGracePeriodSeconds"), _DEFAULT_GRACE)


def _success(kind: Kind, metadata: Document) -> Document:
    resource = kind.resource
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": metadata["name"],
            "group": resource.group,
            "kind": resource.plural,
            "uid": metadata["uid"],
        },
    }
