"""A step for runs: what it takes while it is under way."""

from __future__ import annotations

from typing import Any, cast

from support.runs_world import job
from wavegate.domain.actions import SetStatus
from wavegate.runner.calls import Calls
from wavegate.runner.executor import RunExecutor
from wavegate.runs.actions import StartRun


class Slots:
    """Calls of which it is noted what is reserved."""

    def __init__(self) -> None:
        self.reserved: list[tuple[tuple[str, str], str]] = []

    def reserve(self, key: tuple[str, str], uid: str) -> None:
        self.reserved.append((key, uid))

    def release(self, uid: str) -> None:
        self.reserved = [each for each in self.reserved if each[1] != uid]


def test_a_run_takes_its_slot_as_soon_as_its_step_is_chosen() -> None:
    """Else a pass before the first turn of the step would give its place to another."""
    calls, nothing = Slots(), cast("Any", None)
    executor = RunExecutor(nothing, nothing, cast("Calls", calls), nothing, nothing, nothing)
    of, told = job(), SetStatus("JobRun", "two", "uid-two", "1", {"phase": "Queued"})
    record = SetStatus("JobRun", "one", "uid-one", "1", {"phase": "Executing"})
    with executor.taking(of, (StartRun(record, 1), told)):
        assert calls.reserved == [(of.key, "uid-one")]
    assert calls.reserved == []
