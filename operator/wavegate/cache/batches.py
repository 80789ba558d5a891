"""What is known of RunBatches and of the runs that they have made.

A run that was deleted is remembered as such while its batch is open: it is not made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from wavegate.cache.decode_batches import BatchDecoder
from wavegate.cache.store import Item, Key, Store
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.batch_progress import is_over
from wavegate.runs.observed import RunView
from wavegate.runs.selection import to_cancel

Wake = Callable[[Key], None]


class Batches:
    """``wake`` is called with each batch that has something new to look at; ``told`` with each that
    has put something on record."""

    def __init__(self, wake: Wake, told: Callable[[BatchView], None], clock: Callable[[], float]):
        self._wake = wake
        self._told = told
        self.decode = BatchDecoder().batch
        self.store: Store[BatchView] = Store(self._changed, clock=clock)
        self._open: dict[str, BatchView] = {}
        """By uid, those that have not ended."""
        self._members: defaultdict[str, dict[int, RunView]] = defaultdict(dict)
        """By uid of the batch, its runs by their number."""

    @property
    def open(self) -> Iterable[BatchView]:
        """Those that have not ended, in no order."""
        return self._open.values()

    def members(self, batch: BatchView) -> Mapping[int, RunView]:
        """Its runs by their number; those that were deleted as deleting."""
        return self._members.get(batch.uid, {})

    def run_changed(self, old: RunView | None, new: RunView | None) -> None:
        """A run has come, gone or changed."""
        run = new or old
        assert run is not None
        if run.batch:
            self._take(run, is_there=new is not None)
        if not self._open:
            return
        if run.batch in self._open:
            self._wake(self._open[run.batch].key)
        for batch in self._open.values():
            if batch.namespace == run.namespace and batch.spec and batch.spec.cancel:
                self._wake(batch.key)

    def job_changed(self, namespace: str) -> None:
        """An HTTPJob there has come, gone or another spec."""
        for batch in self._open.values():
            if batch.namespace == namespace:
                self._wake(batch.key)

    def cancels(self, key: Key, active: Iterable[RunView]) -> dict[str, str]:
        """By uid, what a batch says of a run of the job ``key`` that it cancels."""
        found: dict[str, str] = {}
        for batch in self._open.values():
            if batch.namespace != key[0] or batch.deleting or batch.spec is None:
                continue
            if batch.spec.cancel is not None and batch.state == "Running":
                words = f"RunBatch {batch.name} cancels it"
                found |= {run.uid: words for run in to_cancel(batch, active)}
            elif batch.canceled:
                words = f"its RunBatch {batch.name} is canceled"
                found |= {run.uid: words for run in active if run.batch == batch.uid}
        return found

    def kept(self, finished: Iterable[RunView]) -> frozenset[str]:
        """uids of ended runs whose end their batch has not on record yet."""
        if not self._open:
            return frozenset()
        return frozenset(run.uid for run in finished if self._is_kept(run))

    def _is_kept(self, run: RunView) -> bool:
        batch = self._open.get(run.batch)
        if batch is None:
            return False
        letter = batch.progress[run.number : run.number + 1]
        return not letter or not is_over(letter)

    def _take(self, run: RunView, *, is_there: bool) -> None:
        members = self._members[run.batch]
        if is_there:
            members[run.number] = run
        elif run.batch in self._open:
            members[run.number] = replace(run, deleting=True)
        else:
            members.pop(run.number, None)
        if not members:
            del self._members[run.batch]

    def _changed(self, old: Item[BatchView] | None, new: Item[BatchView] | None) -> None:
        for item in (old, new):
            if item is not None:
                self._open.pop(item.uid, None)
        if new is not None and not new.view.ended:
            self._open[new.uid] = new.view
        elif (gone := new or old) is not None:
            left = self._members.pop(gone.uid, {})
            there = {number: run for number, run in left.items() if not run.deleting}
            if there:
                self._members[gone.uid] = there
        for item in (old, new):
            if item is not None:
                self._wake(item.key)
                self._told(item.view)
