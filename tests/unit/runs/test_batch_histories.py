"""Generated histories of a batch: whatever becomes of its runs, its writes and its process.

What is on record only goes forward and adds up; no item is made twice, but for one that somebody
has deleted before it was on record that it is made, and of which a new process knows nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from support.batches_world import batch, items, member, observed
from support.runs_world import NOW
from wavegate.domain.actions import SetStatus
from wavegate.runs.batch_actions import CreateItemRun
from wavegate.runs.batch_progress import COUNTS, is_over
from wavegate.runs.batch_states import ENDED
from wavegate.runs.batches import plan
from wavegate.runs.observed import RunView
from wavegate.runs.states import TERMINAL

SIZE = 8
_EVENT = st.one_of(
    st.tuples(st.just("pass"), st.integers(0, SIZE), st.booleans()),
    st.tuples(st.just("pass"), st.integers(0, SIZE), st.just(True)),
    st.tuples(st.just("ends"), st.integers(0, SIZE - 1), st.sampled_from(sorted(TERMINAL))),
    st.tuples(st.just("deleted"), st.integers(0, SIZE - 1), st.none()),
    st.tuples(st.just("removed"), st.integers(0, SIZE - 1), st.none()),
    st.tuples(st.just("another"), st.none(), st.none()),
    st.tuples(st.just("later"), st.integers(1, 20), st.none()),
    st.tuples(st.just("canceled"), st.none(), st.none()),
)


class World:
    """One batch. ``known``: its runs as the process knows them, ``there``: those that are."""

    def __init__(self) -> None:
        self.now = NOW
        self.canceled = False
        self.status: dict[str, Any] = {}
        self.known: dict[int, RunView] = {}
        self.there: dict[int, RunView] = {}
        self.made: Counter[int] = Counter()
        self.excused: set[int] = set()

    def passes(self, most: int, is_written: bool) -> None:
        """A pass, of whose runs at most so many are made."""
        of = replace(batch(self.status, items=items(SIZE)), canceled=self.canceled)
        members = self.known.values()
        found = plan(replace(observed(batch(items=items(SIZE)), *members, now=self.now), batch=of))
        actions = [action for step in found.steps for action in step.actions]
        for action in actions:
            if isinstance(action, CreateItemRun) and most:
                most -= 1
                self._make(action.number)
            elif isinstance(action, SetStatus) and is_written:
                self._write(dict(action.status))

    def _make(self, number: int) -> None:
        assert not self.canceled
        assert number not in self.there
        self.made[number] += 1
        self.known[number] = self.there[number] = member(number)

    def _write(self, status: dict[str, Any]) -> None:
        before = str(self.status.get("progress", ""))
        assert self.status.get("state") not in ENDED, "what has ended is written"
        for was, now in zip(before, status.get("progress", ""), strict=bool(before)):
            assert was == now or not is_over(was), f"{before} becomes {status['progress']}"
            assert not (was == "o" and now == "."), "it was made"
        counts = status.get("counts")
        if counts:
            assert sum(counts[name] for name in COUNTS.values()) == counts["total"] == SIZE
        self.status = status

    def ends(self, number: int, phase: Any) -> None:
        run = self.there.get(number)
        if run is not None and not run.ended:
            self.known[number] = self.there[number] = replace(run, phase=phase)

    def deleted(self, number: int) -> None:
        """By somebody."""
        run = self.there.pop(number, None)
        if run is not None:
            self.known[number] = replace(run, deleting=True)

    def removed(self, number: int) -> None:
        """By the history limits, which wait until its end is on record."""
        if number in self.there and is_over(self.letter(number) or "."):
            del self.there[number]
            self.known.pop(number)

    def another(self) -> None:
        """Another process knows what is there."""
        forgotten = self.known.keys() - self.there.keys()
        self.excused |= {number for number in forgotten if self.letter(number) in ("", ".")}
        self.known = dict(self.there)

    def letter(self, number: int) -> str:
        return str(self.status.get("progress", ""))[number : number + 1]


def happen(world: World, events: list[Any]) -> None:
    for name, first, second in events:
        match name:
            case "pass":
                world.passes(first, second)
            case "ends":
                world.ends(first, second)
            case "later":
                world.now += first
            case "canceled":
                world.canceled = True
            case "another":
                world.another()
            case _:
                getattr(world, name)(first)


@given(st.lists(_EVENT, max_size=40))
def test_it_only_goes_forward_and_ends(events: list[Any]) -> None:
    world = World()
    happen(world, events)
    for _ in range(6):
        world.now += 20
        world.passes(SIZE, True)
        for number in range(SIZE):
            world.ends(number, "Canceled" if world.canceled else "Completed")
    note(str(world.status))
    assert world.status["state"] in ENDED
    assert (world.status["state"] == "Canceled") is world.canceled or world.status["state"] in (
        "Completed",
        "Failed",
    )
    counts = world.status.get("counts", {})
    assert counts.get("open", 0) == 0
    if not world.canceled:
        assert counts["pending"] == 0
        good = counts["completed"] + counts["duplicates"] == SIZE
        assert (world.status["state"] == "Completed") is good
    twice = {number for number, count in world.made.items() if count > 1}
    assert twice <= world.excused
