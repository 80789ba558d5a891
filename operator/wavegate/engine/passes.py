"""The loop of passes: one key after the other, and what becomes of a pass that breaks.

A pass is synchronous: nothing changes between its snapshot and its plan, and no key is held while
something is awaited.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, NoReturn

from wavegate.cache.store import JobKey
from wavegate.engine.decisions import about
from wavegate.engine.queue import WorkQueue

_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 60.0

_log = logging.getLogger(__name__)


class Passes(ABC):
    """Makes passes. ``now``: epoch seconds; ``new_id``: names a pass; ``passed``: told each pass's
    result and seconds."""

    def __init__(
        self,
        queue: WorkQueue,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        passed: Callable[[str, float], None],
    ) -> None:
        self._queue = queue
        self._now = now
        self._new_id = new_id
        self.passed = passed
        self._failures: dict[JobKey, int] = {}

    async def run(self) -> NoReturn:
        """Make passes until cancelled."""
        while True:
            self.reconcile(await self._queue.get())
            # Where many jobs are due, `get` need not wait: answers and watches get their turn here.
            await asyncio.sleep(0)

    def reconcile(self, key: JobKey) -> None:
        """One pass. A defect in a plan is logged and backed off; the other jobs go on."""
        eval_id, begun = self._new_id(), time.perf_counter()
        try:
            result = self._pass(key, eval_id)
        except Exception:
            result = "error"
            _log.exception("the pass broke", extra=about(key, eval_id))
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 16))
            self._queue.wake_at(key, self._now() + delay)
        else:
            self._failures.pop(key, None)
        self.passed(result, time.perf_counter() - begun)

    @abstractmethod
    def _pass(self, key: JobKey, eval_id: str) -> str:
        """One pass; its result, as controller-runtime names it."""

    def _wake(self, key: JobKey, *times: float | None) -> str:
        """A pass voids older wake-ups, so it names all that may be waited for, if there is any.

        The pass's result with that.
        """
        soonest = min((time for time in times if time is not None), default=None)
        if soonest is None:
            return "success"
        self._queue.wake_at(key, soonest)
        return "requeue_after"
