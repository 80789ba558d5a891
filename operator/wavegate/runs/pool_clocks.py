"""Where the clocks of pools stand, by what runs say of them: as little as tells it.

A clock that is not ahead of another, and was written no later, never counts, whatever the rate
(`rate.clock_of`). As calls are granted both grow, so that nearly always one clock of a pool is
left; where a rate was given a shorter window there may be a few.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Pool = TypeVar("Pool", bound=Hashable)


class PoolClocks(Generic[Pool]):
    """``Pool``: what tells pools apart. A clock is epoch seconds, with the start of its run."""

    def __init__(self) -> None:
        self._known: dict[Pool, list[tuple[float, float]]] = {}

    def __len__(self) -> int:
        """Clocks that are kept."""
        return sum(map(len, self._known.values()))

    def learn(self, pool: Pool, clock: float, started: float) -> None:
        """A run that was started then says that the clock stood there."""
        known = self._known.get(pool, [])
        if any(clock <= other and started <= since for other, since in known):
            return
        left = [each for each in known if each[0] > clock or each[1] > started]
        self._known[pool] = [*left, (clock, started)]

    def of(self, pool: Pool) -> Sequence[tuple[float, float]]:
        """The clocks that may count, each with the start of its run."""
        return self._known.get(pool, ())

    def forget(self, pool: Pool, until: float) -> None:
        """Those that stood there or before count no more."""
        left = [each for each in self._known.get(pool, ()) if each[0] > until]
        if left:
            self._known[pool] = left
        else:
            self._known.pop(pool, None)
