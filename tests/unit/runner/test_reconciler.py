"""Passes over jobs that call, whose calls are few: what becomes of a place when a pass breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from unit.cache.documents import meta, owned
from wavegate.cache.runs import RunCache
from wavegate.cache.store import JobKey
from wavegate.engine.queue import WorkQueue
from wavegate.runner import reconciler
from wavegate.runner.reconciler import RunReconciler
from wavegate.runs.actions import RunStep, StartRun
from wavegate.runs.observed import ObservedRuns
from wavegate.runs.plan import plan
from wavegate.runs.webhooks import Deliveries

NOW = 1_738_324_810.0
SPEC = {"http": {"url": "http://echo.example/"}, "runs": {"limits": {"pools": ["partner"]}}}


class Calls:
    """One may be made at a time, and none is."""

    slots = 1

    def __init__(self) -> None:
        self.calling: frozenset[str] = frozenset()

    def of(self, key: JobKey) -> frozenset[str]:
        return frozenset(uid for uid in self.calling if uid.startswith(key[1]))

    def answers(self, *_: Any) -> Mapping[str, Any]:
        return {}

    def held(self) -> tuple[dict[str, float], frozenset[str]]:
        return {}, frozenset()


class Hooks:
    """None is set."""

    def known(self, *_: Any) -> Deliveries:
        return Deliveries()

    def passed(self, *_: Any, **__: Any) -> None:
        """Nothing is kept."""


class Callbacks:
    """Nobody calls back."""

    leads_since = 0.0

    def answers(self, _: JobKey) -> dict[str, Any]:
        return {}

    def heartbeats(self, _: JobKey) -> dict[str, float]:
        return {}


class Writer:
    """Keeps the newest steps of each job, and carries out none."""

    def __init__(self) -> None:
        self.steps: dict[str, Sequence[RunStep]] = {}

    def submit(self, job: Any, steps: Sequence[RunStep], _: str) -> None:
        self.steps[job.name] = steps

    def delayed(self, _: Any) -> frozenset[str]:
        return frozenset()

    def refusals(self, _: Any) -> dict[str, Any]:
        return {}

    def next_change(self, _: Any) -> None:
        return None


class World:
    """Two jobs, ``a`` and ``b``, each with two runs; passes of those in ``broken`` break."""

    def __init__(self, patch: pytest.MonkeyPatch, pool: int) -> None:
        self.broken: set[str] = set()
        self.calls, self.writer = Calls(), Writer()
        cache = RunCache(lambda _: None, clock=lambda: 0.0, now=lambda: NOW)
        rate = {"metadata": meta("partner", 1), "spec": {"max": pool, "window": "60s"}}
        cache.apply_event("RateLimitPool", "ADDED", rate)
        for job in "ab":
            uid, name = f"{job}-uid", f"{job}-h1"
            cache.apply_event("HTTPJob", "ADDED", {"metadata": meta(job, 2), "spec": SPEC})
            kept = meta(name, 3, ownerReferences=owned("HTTPJob", job, uid))
            version = {"jobId": uid, "version": 1, "jobSpec": SPEC, "workloadHash": "h1:1"}
            cache.apply_event("JobVersion", "ADDED", {"metadata": kept, "spec": version})
            for run in "12":
                asked = {"metadata": meta(job + run, 4), "spec": {"jobName": job}}
                cache.apply_event("JobRun", "ADDED", asked)
        patch.setattr(reconciler, "plan", self._plan)
        calls: Any = self.calls
        writer: Any = self.writer
        hooks: Any = Hooks()
        callbacks: Any = Callbacks()
        self._reconciler = RunReconciler(
            cache,
            WorkQueue(lambda: NOW),
            writer,
            calls,
            hooks,
            callbacks,
            identity="me",
            now=lambda: NOW,
            new_id=lambda: "pass",
            passed=lambda *_: None,
        )

    def started(self, job: str) -> int:
        """Runs that a pass of the job starts."""
        self._reconciler.reconcile(("shop", job))
        actions = [action for step in self.writer.steps[job] for action in step.actions]
        return sum(isinstance(action, StartRun) for action in actions)

    def _plan(self, observed: ObservedRuns) -> Any:
        assert observed.job is not None
        if observed.job.name in self.broken:
            raise RuntimeError("a defect")
        return plan(observed)


async def test_a_job_whose_pass_has_broken_holds_neither_a_slot_nor_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, pool=100)
    assert (world.started("a"), world.started("b")) == (1, 0)
    world.broken.add("a")
    assert world.started("a") == 0, "what an older plan wanted is not begun"
    assert (world.started("b"), world.started("b")) == (1, 1), "it waits for nobody"
    world.broken.clear()
    assert world.started("a") == 0


async def test_it_promises_no_call_of_a_pool_but_one_that_may_be_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, pool=1)
    world.calls.slots = 10
    assert (world.started("a"), world.started("b")) == (1, 0)
    world.broken.add("a")
    world.calls.calling = frozenset({"a1-uid"})
    world.started("a")
    assert world.started("b") == 0
    world.calls.calling = frozenset()
    world.started("a")
    assert world.started("b") == 1
