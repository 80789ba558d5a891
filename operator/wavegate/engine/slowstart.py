"""Creates of one group begin with one and double as long as they succeed: 1, 2, 4, …

So a template that the server refuses is refused once, and not for every node of the fleet. Every
success opens one more place, which doubles their number with each round; a failure goes back to
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FORGET_AFTER: Final = 60.0
"""Seconds without a create after which a group begins with one again."""


@dataclass(slots=True)
class _Group:
    places: int = 1
    in_flight: int = 0
    touched: float = 0.0


class SlowStart:
    """Places for creates by group; ``clock`` gives seconds that only rise."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._groups: dict[str, _Group] = {}

    def free(self, group: str) -> bool:
        """Whether one more create of the group may start now."""
        known = self._groups.get(group)
        return known is None or self._stale(known) or known.in_flight < known.places

    def start(self, group: str) -> None:
        """A create of the group is on its way; it ends by exactly one of the three below."""
        known = self._groups.get(group)
        if known is None or self._stale(known):
            self._drop_stale()
            known = self._groups[group] = _Group()
        known.in_flight += 1
        known.touched = self._clock()

    def succeeded(self, group: str) -> None:
        """It succeeded: one place more."""
        self._end(group).places += 1

    def failed(self, group: str) -> None:
        """It failed: begin with one again."""
        self._end(group).places = 1

    def dropped(self, group: str) -> None:
        """It was not decided: neither a reason to go faster nor to go slower."""
        self._end(group)

    def _end(self, group: str) -> _Group:
        known = self._groups[group]
        known.in_flight -= 1
        known.touched = self._clock()
        return known

    def _stale(self, group: _Group) -> bool:
        return group.in_flight == 0 and self._clock() - group.touched > FORGET_AFTER

    def _drop_stale(self) -> None:
        for name in [name for name, group in self._groups.items() if self._stale(group)]:
            del self._groups[name]
