"""An event loop on virtual time, in which processes can be stopped as SIGSTOP stops them.

Time stands still while anything can run, and then jumps to the next timer: an hour of waiting costs
nothing. There are no sockets, threads or signals. Whatever runs in a context in which `PROCESS` is
set belongs to that process; while it is frozen, none of its callbacks runs and its timers, once
due, wait with them. Everything else goes on, so that others see a machine that has stopped.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from contextvars import ContextVar
from typing import Any, Final

PROCESS: Final[ContextVar[Hashable]] = ContextVar("PROCESS", default=None)
"""The simulated process that the running code belongs to; None: to the simulation itself."""


class NothingLeftToDo(RuntimeError):
    """No callback is ready and no timer runs, so what is waited for can never happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """``time()`` begins at 0; seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0
        self._frozen: dict[Hashable, list[asyncio.Handle]] = {}
        self._ready: deque[asyncio.Handle]
        self._scheduled: list[asyncio.TimerHandle]
        self._stopping: bool
        self._timer_cancelled_count: int

    def time(self) -> float:
        return self._virtual

    def freeze(self, process: Hashable) -> None:
        """Nothing of the process runs from now on."""
        self._frozen.setdefault(process, [])

    def thaw(self, process: Hashable) -> None:
        """The process goes on, with all that has become due meanwhile, in its order."""
        self._ready.extend(self._frozen.pop(process, ()))

    def is_frozen(self, process: Hashable) -> bool:
        """Whether the process is stopped."""
        return process in self._frozen

    def _run_once(self) -> None:
        """What `asyncio.BaseEventLoop.run_forever` calls again and again."""
        self._pass_time()
        for _ in range(len(self._ready)):
            handle: Any = self._ready.popleft()
            if handle._cancelled:
                continue
            if self._frozen:
                held = self._frozen.get(handle._context.get(PROCESS))
                if held is not None:
                    held.append(handle)
                    continue
            handle._run()

    def _pass_time(self) -> None:
        """To the next timer, if there is nothing to do before it; timers that are due are ready."""
        timers: Any = self._scheduled
        while timers and timers[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(timers)._scheduled = False
        if not self._ready and not self._stopping:
            if not timers:
                raise NothingLeftToDo
            self._virtual = max(self._virtual, timers[0]._when)
        while timers and timers[0]._when <= self._virtual:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            self._ready.append(timer)

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""
