"""One kind's views, as new as anything that was heard of them.

Three sources write here: the watch, lists, and the responses to our own writes (*assumed*). They
arrive in any order, so three rules make the outcome independent of it:

- of one name, the newest resourceVersion wins; an echo that is not newer is dropped;
- a uid that was deleted is dead (a tombstone): nothing older than its end brings it back. A watch
  tells the end also of what no longer matches its selector, and that may match again, with a newer
  resourceVersion;
- a list deletes what it does not have, except what is newer than the list.

Only a change of a *view* is told, so that a heartbeat that no rule reads wakes nobody; the newer
resourceVersion is kept all the same, because the next write must name it.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from wavegate.cache.fields import Meta
from wavegate.watch.reflector import EventType

V = TypeVar("V")

Key = tuple[str, str]
"""Namespace (empty for kinds without one) and name."""

JobKey = tuple[str, str]
"""Namespace and name of the job that an object belongs to."""

TOMBSTONE_SECONDS: Final = 900.0
"""Longer than any watch event or list may be late."""

TOMBSTONES: Final = 50_000
"""Most that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Item(Generic[V]):
    """A view with what the store needs to know of its object."""

    namespace: str
    name: str
    uid: str
    resource_version: int
    job: str
    """Name of the job it belongs to; empty for kinds that belong to none."""
    view: V

    @property
    def key(self) -> Key:
        return (self.namespace, self.name)


def item_of(meta: Meta, job: str, view: V) -> Item[V]:
    """The item of a decoded object."""
    return Item(meta.namespace, meta.name, meta.uid, int(meta.resource_version), job, view)


Changed = Callable[[Item[V] | None, Item[V] | None], None]
"""Told of each changed view: old and new, of which one is None where it came or went."""


class Store(Generic[V]):
    """Views of one kind by namespace and name, with an index by job."""

    def __init__(
        self, changed: Changed[V], *, clock: Callable[[], float], on_nodes: bool = False
    ) -> None:
        """``clock``: monotonic seconds, for the age of tombstones.

        ``on_nodes``: whether views are on a node and owned, and looked for by these.
        """
        self._changed = changed
        self._clock = clock
        self._on_nodes = on_nodes
        self._items: dict[Key, Item[V]] = {}
        self._by_job: dict[JobKey, dict[Key, Item[V]]] = {}
        self._by_node: dict[tuple[JobKey, str], dict[Key, Item[V]]] = {}
        self._by_owner: dict[JobKey, Counter[str]] = {}
        self._touched: dict[JobKey, set[str]] = {}
        self._tombstones: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By uid: when it was buried, and the resourceVersion of its end."""

    def __len__(self) -> int:
        return len(self._items)

    def get(self, namespace: str, name: str) -> V | None:
        """The view of that name, or None."""
        item = self._items.get((namespace, name))
        return item.view if item else None

    def item(self, namespace: str, name: str) -> Item[V] | None:
        """The same with its uid and version."""
        return self._items.get((namespace, name))

    def values(self) -> Iterator[V]:
        """All views, in no order."""
        return (item.view for item in self._items.values())

    def of_job(self, key: JobKey) -> list[V]:
        """Views that belong to a job, in no order; linear in their number."""
        return [item.view for item in self._by_job.get(key, {}).values()]

    def of_node(self, key: JobKey, node: str) -> list[V]:
        """Those of them that are on a node."""
        return [item.view for item in self._by_node.get((key, node), {}).values()]

    def owners(self, key: JobKey) -> Set[str]:
        """uids of the owners of a job's views."""
        return self._by_owner.get(key, {}).keys()

    def take_touched(self, key: JobKey) -> set[str] | None:
        """Nodes on which one of a job's views came, went or was replaced since this was asked.

        None: it is asked for the first time, and kept from now on, until `forget_touched`.
        """
        before = self._touched.get(key)
        self._touched[key] = set()
        return before

    def touch(self, key: JobKey, node: str) -> None:
        """Something of a job on that node is to be looked at, too."""
        if (touched := self._touched.get(key)) is not None:
            touched.add(node)

    def forget_touched(self, key: JobKey) -> None:
        """Nobody asks for the job any more."""
        self._touched.pop(key, None)

    def job_keys(self) -> Collection[JobKey]:
        """Jobs to which anything here belongs."""
        return self._by_job.keys()

    def is_news(self, namespace: str, name: str, version: int) -> bool:
        """Whether an object of that name and version says more than is known."""
        old = self._items.get((namespace, name))
        return old is None or version > old.resource_version

    def apply(self, event: EventType, item: Item[V]) -> None:
        """Take a watch event."""
        if event == "DELETED":
            self.delete(item.namespace, item.name, item.uid, item.resource_version)
        else:
            self.assume(item)

    def assume(self, item: Item[V]) -> None:
        """Take an object as it was at some moment, unless something newer is known."""
        _, end = self._tombstones.get(item.uid, (0.0, -1.0))
        if item.resource_version <= end:
            return
        old = self._items.get(item.key)
        if old is not None and item.resource_version <= old.resource_version:
            return
        if old is not None and old.uid != item.uid:
            self._bury(old.uid, math.inf)
        self._put(old, item)

    def delete(self, namespace: str, name: str, uid: str, end: float = math.inf) -> None:
        """That object is gone; one of the same name and another uid stays.

        ``end``: its last resourceVersion, where it may only have left what is watched.
        """
        old = self._items.get((namespace, name))
        if old is not None and old.uid == uid:
            if old.resource_version > end:
                return  # it is back already
            self._remove(old)
        self._bury(uid, end)

    def discard(self, namespace: str, name: str) -> None:
        """Nothing is known of that object any more, though it may exist: no tombstone."""
        if (old := self._items.get((namespace, name))) is not None:
            self._remove(old)

    def replace(
        self, items: Sequence[Item[V]], resource_version: int, namespace: str | None = None
    ) -> None:
        """Take a list of all that there was at ``resource_version`` (in ``namespace``, if given).

        Deletes what it lacks, except what is newer than the list.
        """
        listed: set[str] = set()
        for item in items:
            listed.add(item.uid)
            self.assume(item)
        for old in list(self._items.values()):
            in_scope = namespace is None or old.namespace == namespace
            if in_scope and old.uid not in listed and old.resource_version <= resource_version:
                self.delete(old.namespace, old.name, old.uid, resource_version)

    def _put(self, old: Item[V] | None, new: Item[V]) -> None:
        if old is not None and (old.uid, old.job) == (new.uid, new.job):
            same = _same_view(old.view, new.view)
        else:
            same = False
        if old is not None and (old.job != new.job or self._on_nodes):
            self._unindex(old)
        self._items[new.key] = new
        if new.job:
            self._index(new)
        if not same:
            self._changed(old, new)

    def _remove(self, old: Item[V]) -> None:
        del self._items[old.key]
        self._unindex(old)
        self._changed(old, None)

    def _index(self, item: Item[V]) -> None:
        job = (item.namespace, item.job)
        self._by_job.setdefault(job, {})[item.key] = item
        if self._on_nodes:
            view: Any = item.view
            self._by_node.setdefault((job, view.node), {})[item.key] = item
            self._by_owner.setdefault(job, Counter())[view.owner_uid] += 1
            self.touch(job, view.node)

    def _unindex(self, item: Item[V]) -> None:
        job = (item.namespace, item.job)
        _drop(self._by_job, job, item.key)
        if self._on_nodes and item.job:
            view: Any = item.view
            _drop(self._by_node, (job, view.node), item.key)
            self._by_owner[job][view.owner_uid] -= 1
            if not self._by_owner[job][view.owner_uid]:
                _drop(self._by_owner, job, view.owner_uid)
            self.touch(job, view.node)

    def _bury(self, uid: str, end: float) -> None:
        now = self._clock()
        _, before = self._tombstones.get(uid, (0.0, -1.0))
        self._tombstones[uid] = (now, max(end, before))
        self._tombstones.move_to_end(uid)
        while self._tombstones:
            oldest, (buried, _) = next(iter(self._tombstones.items()))
            if len(self._tombstones) <= TOMBSTONES and now - buried <= TOMBSTONE_SECONDS:
                break
            del self._tombstones[oldest]


def _drop(index: dict[Any, Any], group: Any, key: Any) -> None:
    if members := index.get(group):
        members.pop(key, None)
        if not members:
            del index[group]


def _same_view(old: Any, new: Any) -> bool:
    """Equal but for the resourceVersion."""
    kind = type(new)
    if type(old) is not kind or not is_dataclass(kind):
        return bool(old == new)
    values = _values(kind)
    return bool(values(old) == values(new))


@cache
def _values(kind: type) -> Callable[[Any], Any]:
    """What of a view of that kind is compared."""
    names = (each.name for each in fields(kind) if each.name != "resource_version")
    return attrgetter(*names)
