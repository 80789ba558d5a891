"""Breadth-first search over all that can happen, and what becomes of each state in the end.

In every state the invariants have held after each write (`sim.invariants`). Once the faults stop,
a state has one quiet successor, so that quiet steps make a path: it has to come to an end, and the
end has to be a right one. A path that comes back to where it was is a fault that never heals.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from search.canonical import key
from search.ends import is_right
from search.state import Scope, State, beginning
from search.steps import QUIET, Found, successors

_NONE = -1


@dataclass
class Result:
    """What a search has found."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    ends: int = 0
    left: int = 0
    """States that were reached, but whose successors were not looked at."""
    seconds: float = 0.0
    """Of a processor."""
    wrong: str = ""
    """What did not hold; empty where all is well."""
    path: list[str] = field(default_factory=list)
    """The shortest path to it."""


Tell = Callable[[Result], None]


class Search:
    """``most``: states whose successors are looked at; None: all."""

    def __init__(self, scope: Scope, most: int | None = None, tell: Tell | None = None) -> None:
        self._most = most
        self._tell = tell
        self._begun = time.process_time()
        self._numbers: dict[bytes, int] = {}
        self._came: list[tuple[int, str]] = []
        """By number of a state: from which it was first reached, and how."""
        self._quiet: list[int] = []
        """By number of a state: its quiet successor."""
        self._depths: list[int] = []
        self._waiting: deque[tuple[int, State]] = deque()
        self.result = Result()
        self._number(beginning(scope), _NONE, "")

    def run(self) -> Result:
        result = self.result
        expanded = 0
        while self._waiting and not result.wrong and expanded != self._most:
            self._expand(*self._waiting.popleft())
            expanded += 1
            if self._tell is not None and expanded % 5000 == 0:
                self._count()
                self._tell(result)
        if not result.wrong:
            self._finish_what_is_left()
        if not result.wrong:
            self._no_bad_cycle()
        self._count()
        return result

    def _count(self) -> None:
        result = self.result
        result.states, result.left = len(self._came), len(self._waiting)
        result.depth = self._depths[-1]
        result.seconds = time.process_time() - self._begun

    def _number(self, state: State, before: int, step: str) -> int:
        name = key(state)
        known = self._numbers.get(name)
        if known is not None:
            return known
        number = self._numbers[name] = len(self._came)
        self._came.append((before, step))
        self._quiet.append(_NONE)
        self._depths.append(self._depths[before] + 1 if before != _NONE else 0)
        self._waiting.append((number, state))
        return number

    def _expand(self, number: int, state: State) -> None:
        has_quiet = False
        for found in successors(state):
            self.result.transitions += 1
            following = self._take(number, found)
            if following == _NONE:
                return
            if found.step == QUIET:
                has_quiet = True
                self._quiet[number] = following
        if not has_quiet:
            self._end(number, state)

    def _take(self, number: int, found: Found) -> int:
        if found.state is None:
            self._is_wrong([*self._path(number), found.step], found.wrong)
            return _NONE
        return self._number(found.state, number, found.step)

    def _end(self, number: int, state: State) -> None:
        self.result.ends += 1
        try:
            is_right(state.world)
        except AssertionError as error:
            self._is_wrong(self._path(number), f"a wrong end: {error}")

    def _finish_what_is_left(self) -> None:
        """Where the search was broken off, the faults stop."""
        left, self._most = list(self._waiting), None
        for number, state in left:
            self._follow_quietly(number, state)
            if self.result.wrong:
                return

    def _follow_quietly(self, number: int, state: State) -> None:
        while self._quiet[number] == _NONE:
            found = next(successors(state), None)
            if found is None or found.step != QUIET:
                self._end(number, state)
                return
            self.result.transitions += 1
            following = self._take(number, found)
            if following == _NONE or found.state is None:
                return
            self._quiet[number] = following
            number, state = following, found.state

    def _no_bad_cycle(self) -> None:
        """Quiet paths end: none comes back to a state in which it was."""
        walked = [0] * len(self._quiet)
        for start in range(len(self._quiet)):
            number = start
            while number != _NONE and not walked[number]:
                walked[number] = start + 1
                number = self._quiet[number]
            if number != _NONE and walked[number] == start + 1:
                words = f"comes back after {self._length(number)} quiet steps, and never ends"
                self._is_wrong(self._path(number), words)
                return

    def _length(self, number: int) -> int:
        steps, at = 1, self._quiet[number]
        while at != number:
            steps, at = steps + 1, self._quiet[at]
        return steps

    def _path(self, number: int) -> list[str]:
        path: list[str] = []
        while number > 0:
            number, step = self._came[number]
            path.append(step)
        return path[::-1]

    def _is_wrong(self, path: list[str], wrong: str) -> None:
        self.result.wrong, self.result.path = wrong, path
