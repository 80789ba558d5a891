"""Runs that have ended of which their job does not say yet that all up to their end count.

Of those that are kept few are here, so that a pass need not walk all to find what is to be counted.
One that is removed meanwhile stays, so that it counts whoever removed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from wavegate.cache.store import Item, JobKey
from wavegate.runs.counting import Record
from wavegate.runs.observed import AskedJobView, RunView

MOST_REMOVED: Final = 1000
"""Of a job, removed runs that are remembered where its status cannot be written."""


class Uncounted:
    """What is told of runs and jobs as they change."""

    def __init__(self) -> None:
        self._runs: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._removed: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._up_to: dict[JobKey, float] = {}

    def of(self, key: JobKey) -> Collection[RunView]:
        """Those of the job; some may be named in its status, as counted."""
        runs, removed = self._runs.get(key), self._removed.get(key)
        return [*(runs or {}).values(), *(removed or {}).values()]

    def changed(self, old: Item[RunView] | None, new: Item[RunView] | None) -> None:
        """A run has come, has changed or is gone (None)."""
        if old is not None and (new is None or new.uid != old.uid):
            self._remove((old.namespace, old.job), old.uid)
        if new is not None and new.view.ended and new.view.job_kind == "HTTPJob":
            key = (new.namespace, new.job)
            if (new.view.completed or 0.0) > self._up_to.get(key, 0.0):
                self._runs[key][new.uid] = new.view

    def says(self, key: JobKey, job: AskedJobView | None) -> None:
        """The job is as it is; None: it is gone."""
        if job is None:
            self._up_to.pop(key, None)
            self._removed.pop(key, None)
            return
        up_to = Record.of(job, job.created).up_to
        if up_to == self._up_to.get(key):
            return
        self._up_to[key] = up_to
        for views in (self._runs, self._removed):
            left = {uid: run for uid, run in views[key].items() if (run.completed or 0.0) > up_to}
            views[key] = left
        self._tidy(key)

    def _remove(self, key: JobKey, uid: str) -> None:
        run = self._runs[key].pop(uid, None)
        if run is not None and key in self._up_to:
            removed = self._removed[key]
            removed[uid] = run
            if len(removed) > MOST_REMOVED:
                del removed[next(iter(removed))]
        self._tidy(key)

    def _tidy(self, key: JobKey) -> None:
        for views in (self._runs, self._removed):
            if not views[key]:
                del views[key]
