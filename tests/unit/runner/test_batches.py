"""Passes over batches of one job: who makes how many where there is room for few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from unit.cache.documents import meta
from wavegate.cache.runs import RunCache
from wavegate.engine.queue import WorkQueue
from wavegate.runner import batches
from wavegate.runner.batches import BatchReconciler
from wavegate.runs.batch_actions import BatchStep, CreateItemRun
from wavegate.runs.batch_observed import ObservedBatch
from wavegate.runs.batches import plan

NOW = 1_738_324_810.0
ROOM = 9
"""Nine tenths of maxQueued."""
SPEC = {"http": {"url": "http://e.example/"}, "runs": {"limits": {"maxQueued": 10}}}


class Writer:
    """Keeps the newest steps of each batch, and carries out none."""

    def __init__(self) -> None:
        self.steps: dict[str, Sequence[BatchStep]] = {}

    def submit(self, batch: Any, steps: Sequence[BatchStep], _: str) -> None:
        self.steps[batch.name] = steps

    def refusals(self, _: Any) -> Mapping[str, Any]:
        return {}

    def next_change(self, _: Any) -> None:
        return None


class Executor:
    """Reads nothing."""

    def read(self, _: Any) -> None:
        return None

    def keep_only(self, _: Any) -> None:
        pass


class World:
    """Batches of six runs of one job; passes of those in ``broken`` break."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.broken: set[str] = set()
        self.writer = Writer()
        self.woken: list[str] = []
        self._version = 1
        self._cache = RunCache(lambda _: None, clock=lambda: 0.0, now=lambda: NOW)
        self._take("HTTPJob", meta("app", 1), SPEC)
        queue = WorkQueue(lambda: NOW)
        patch.setattr(batches, "plan", self._plan)
        patch.setattr(queue, "add", lambda key: self.woken.append(key[1]))
        writer: Any = self.writer
        executor: Any = Executor()
        self._reconciler = BatchReconciler(
            self._cache,
            queue,
            writer,
            executor,
            now=lambda: NOW,
            new_id=lambda: "pass",
            passed=lambda *_: None,
        )

    def batch(self, name: str, second: int, progress: str = "......") -> None:
        """One that was made in that second, and is accepted where ``progress`` is given."""
        spec = {"jobName": "app", "items": [{"key": f"k{n}"} for n in range(6)]}
        made = meta(name, 1, creationTimestamp=f"2025-01-31T12:00:{second:02}Z")
        status = {"state": "Running", "progress": progress} if progress else {}
        self._take("RunBatch", made, spec, status)

    def ask(self, name: str, phase: str = "Queued") -> None:
        self._take("JobRun", meta(name, 1), {"jobName": "app"}, {"phase": phase})

    def making(self, name: str) -> int:
        """Runs that a pass of the batch makes."""
        self._reconciler.reconcile(("shop", name))
        actions = [action for step in self.writer.steps[name] for action in step.actions]
        return sum(isinstance(action, CreateItemRun) for action in actions)

    def run_changed(self) -> list[str]:
        """Batches that are looked at when a run of the job has changed."""
        self.woken.clear()
        self._reconciler.run_changed(("shop", "app"))
        return self.woken

    def _take(self, kind: str, metadata: Any, spec: Any, status: Any = None) -> None:
        self._version += 1
        metadata |= {"resourceVersion": str(self._version)}
        document = {"metadata": metadata, "spec": spec, "status": status or {}}
        self._cache.apply_event(kind, "ADDED", document)

    def _plan(self, observed: ObservedBatch) -> Any:
        if observed.batch.name in self.broken:
            raise RuntimeError("a defect")
        return plan(observed)


async def test_the_oldest_makes_its_runs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.batch("new", 2)
    world.batch("old", 1)
    assert (world.making("old"), world.making("new")) == (6, ROOM - 6)


async def test_what_an_older_one_has_to_make_counts_before_its_first_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.batch("new", 2)
    world.batch("old", 1, "CC....")
    assert world.making("new") == ROOM - 4


async def test_what_a_later_one_is_making_counts_for_one_that_is_accepted_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.batch("old", 1, "")
    world.batch("new", 2)
    assert (world.making("old"), world.making("new")) == (0, 6)
    world.batch("old", 1)
    assert (world.making("old"), world.making("new")) == (ROOM - 6, ROOM - 6)


async def test_runs_that_wait_leave_less_room_and_those_that_execute_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.batch("one", 1)
    for number in range(5):
        world.ask(f"waits-{number}")
    world.ask("executes", "Executing")
    assert world.making("one") == ROOM - 5


async def test_one_whose_pass_breaks_stands_in_nobodys_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.batch("old", 1)
    world.batch("new", 2)
    assert world.making("old") == 6
    world.broken.add("old")
    assert world.making("old") == 0, "what an older plan wanted is not made"
    assert world.making("new") == 6


async def test_a_run_that_changes_wakes_the_oldest_that_has_runs_to_make(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    assert world.run_changed() == []
    world.batch("old", 1)
    world.batch("new", 2)
    world.making("old")
    world.making("new")
    assert world.run_changed() == ["old"]
    world.batch("old", 1, "oooooo")
    world.woken.clear()
    assert world.making("old") == 0
    assert world.woken == ["new"], "room that it no longer needs is the next one's"
    assert world.run_changed() == ["new"]
