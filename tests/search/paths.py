"""Paths through the small world as text, and what happens along one.

A path is a strategy, a number of nodes and the steps from the beginning: ``Canary 2: 12 edit 25
away-n00 8``. A number stands for so many quiet steps; see `search.steps` for the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.canonical import key
from search.ends import is_right
from search.state import Scope, State, beginning
from search.steps import QUIET, follow, possible
from sim.telling import START

_PLENTY = 9


@dataclass(frozen=True)
class Path:
    strategy: str
    nodes: int
    steps: tuple[str, ...]

    def __str__(self) -> str:
        told: list[str] = []
        for step, same in itertools.groupby(self.steps):
            times = len(list(same))
            told += [str(times)] if step == QUIET else [step] * times
        return f"{self.strategy} {self.nodes}: {' '.join(told)}"

    @staticmethod
    def parse(text: str) -> Path:
        where, _, steps = text.partition(":")
        strategy, nodes = where.split()
        found: list[str] = []
        for each in steps.split():
            found += [QUIET] * int(each) if each.isdigit() else [each]
        return Path(strategy, int(nodes), tuple(found))


@dataclass(frozen=True)
class Point:
    """Where a path has come to: by which step, and what was wrong with that."""

    step: str
    state: State
    wrong: str = ""


def walk(path: Path, *, to_the_end: bool = False) -> Iterator[Point]:
    """Along a path, as far as nothing is wrong.

    With ``to_the_end`` the faults stop after it, and it goes on until nothing is due any more.
    """
    state = beginning(Scope(path.strategy, path.nodes, *itertools.repeat(_PLENTY, 6)))
    for step in path.steps:
        if step not in possible(state):
            yield Point(step, state, "that cannot happen here: what it met has moved")
            return
        found = follow(state, step)
        state = found.state or state
        yield Point(step, state, found.wrong)
        if found.wrong:
            return
    if to_the_end:
        yield from _quietly(state)


def _quietly(state: State) -> Iterator[Point]:
    seen = {key(state)}
    while QUIET in possible(state):
        found = follow(state, QUIET)
        if found.state is None:
            yield Point(QUIET, state, found.wrong)
            return
        state = found.state
        yield Point(QUIET, state)
        if key(state) in seen:
            yield Point(QUIET, state, "it comes back to where it was, and never ends")
            return
        seen.add(key(state))
    try:
        is_right(state.world)
    except AssertionError as error:
        yield Point("", state, f"a wrong end: {error}")


def told(points: Sequence[Point]) -> str:
    """Every step in words, with what was written, and the world at the end."""
    lines = []
    for point in points:
        world = point.state.world
        written = [f"{type(each).__name__} {getattr(each, 'name', '')}" for _, each in world.writes]
        lines.append(f"t={world.now - START:3g} {point.step:14} {', '.join(written)}")
    last = points[-1]
    return "\n".join([*lines, last.state.world.story(), last.wrong or "as it should be"])
