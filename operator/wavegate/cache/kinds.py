"""What caches have in common: stores kind by kind, and the four ways in which news come.

Watches and kopf's events, whole lists, and the responses to our own writes: each is decoded once,
and the store of its kind decides whether it is news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from wavegate.api.nesting import cut
from wavegate.cache.fields import mapping, text
from wavegate.cache.store import Item, JobKey, Store
from wavegate.kube.resources import Resource
from wavegate.watch.decoding import Carefully
from wavegate.watch.reflector import EventType

Decoder = Callable[[dict[str, Any]], Item[Any]]

_STATUS_KIND: Final = "Status"


class KindCache:
    """``wake`` is called with the key of each job that has something new to look at.

    It must be cheap and may be called several times for one change. Subclasses say in ``kinds``
    by what each kind is decoded, and where it goes.
    """

    def __init__(self, wake: Callable[[JobKey], None]) -> None:
        self._wake = wake
        self.kinds: Mapping[str, tuple[Decoder, Store[Any]]] = {}
        self._carefully: dict[str, Carefully[Item[Any]]] = {}

    def source(self, resource: Resource) -> tuple[Decoder, Store[Any]]:
        """Decoder and sink of a resource, for its reflector."""
        return self.kinds[resource.kind]

    def apply_event(self, kind: str, event: EventType | None, raw: dict[str, Any]) -> None:
        """Take an event of kopf, whose initial listing has no type, and which cuts nothing."""
        cut(raw)
        if (item := self._decoded(kind, raw)) is not None:
            self.kinds[kind][1].apply(event or "ADDED", item)

    def compare(
        self,
        kind: str,
        raws: Iterable[dict[str, Any]],
        *,
        resource_version: int,
        namespace: str | None = None,
    ) -> None:
        """Replace what is known of a kind by a whole list taken at ``resource_version``."""
        items = (self._decoded(kind, raw) or self._known(kind, raw) for raw in raws)
        found = [item for item in items if item is not None]
        self.kinds[kind][1].replace(found, resource_version, namespace)

    def assume(self, kind: str, raw: dict[str, Any]) -> None:
        """Take the response to our own create or update: its watch event may be far behind.

        Raises where it cannot be decoded.
        """
        decode, store = self.kinds[kind]
        store.assume(decode(raw))

    def deleted(
        self, kind: str, namespace: str, name: str, uid: str, answer: dict[str, Any]
    ) -> None:
        """Take the response to our own delete.

        An object that comes back with a deletionTimestamp is still there (a pod with its grace
        period, an object with a finalizer) and is kept as being deleted; anything else is gone.
        """
        metadata = answer.get("metadata")
        stays = isinstance(metadata, dict) and metadata.get("deletionTimestamp") is not None
        if stays and answer.get("kind") != _STATUS_KIND:
            self.assume(kind, answer)
        else:
            self.forget(kind, namespace, name, uid)

    def forget(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """That object is certainly gone: a 404, or a delete that was carried out at once."""
        self.kinds[kind][1].delete(namespace, name, uid)

    def _decoded(self, kind: str, raw: dict[str, Any]) -> Item[Any] | None:
        """None where it cannot be decoded: it stays as it was known, for it is there."""
        if kind not in self._carefully:
            decode, _ = self.kinds[kind]
            so = "stays as it was known"
            self._carefully[kind] = Carefully(kind, decode, lambda *_: None, so)
        return self._carefully[kind](raw)

    def _known(self, kind: str, raw: dict[str, Any]) -> Item[Any] | None:
        metadata = mapping(raw.get("metadata"))
        namespace, name = text(metadata.get("namespace")), text(metadata.get("name"))
        return self.kinds[kind][1].item(namespace, name)

    def _changed(self, old: Item[Any] | None, new: Item[Any] | None) -> None:
        for key in {(item.namespace, item.job) for item in (old, new) if item and item.job}:
            self._wake(key)
