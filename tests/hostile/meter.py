"""What one object, or one page, costs: time of the event loop, and memory.

Time is that of this thread's processor, so that what else a machine does is not counted, and memory
what Python allocates beyond what there was. The collector of garbage, which looks at all that there
is, is kept still meanwhile.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final

MILLISECONDS: Final = 1000.0
"""Of a processor, beyond which an object or page costs too much on whatever machine. Aimed at is
100: how near it comes is printed."""
MIB: Final = 10.0
"""Most that one object or page may cost."""


@dataclass
class Costs:
    """The longest time (ms) and the most memory (MiB) of one step, by whose it was."""

    memory: bool
    """Measure memory, and not time: that of one distorts the other."""
    most: dict[str, float] = field(default_factory=dict)
    by: dict[str, str] = field(default_factory=dict)
    """What the most was spent on."""
    last: str = ""
    """Whose step it was last."""

    @contextmanager
    def of(self, whose: str, what: str) -> Iterator[None]:
        self.last = whose
        if self.memory and tracemalloc.is_tracing():
            yield  # a step within a step
            return
        begun = self._begin()
        try:
            yield
        finally:
            self.spent(whose, what, self._end(begun))

    def spent(self, whose: str, what: str, cost: float) -> None:
        if cost > self.most.get(whose, -1.0):
            self.most[whose], self.by[whose] = cost, what

    def _begin(self) -> float:
        if self.memory:
            tracemalloc.start()
            return 0.0
        return time.thread_time()

    def _end(self, begun: float) -> float:
        if self.memory:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return peak / 2**20
        return 1000 * (time.thread_time() - begun)

    def worst(self, number: int) -> list[tuple[float, str, str]]:
        """The costliest: how much, whose, and of what."""
        rows = [(cost, whose, self.by[whose]) for whose, cost in self.most.items()]
        return sorted(rows, reverse=True)[:number]

    @property
    def limit(self) -> float:
        return MIB if self.memory else MILLISECONDS

    @property
    def unit(self) -> str:
        return "MiB" if self.memory else "ms"


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def wrapped(
    function: Callable[..., Any], costs: Costs, whose: Callable[..., str], what: str
) -> Any:
    """The function, each call of which is a step of whom ``whose`` says by its arguments."""

    @wraps(function)
    def measured(*arguments: Any, **named: Any) -> Any:
        with costs.of(whose(*arguments), what):
            return function(*arguments, **named)

    return measured
