"""When a status may be written. As the fleet's writes keep it: test_statuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wavegate.domain.actions import SetStatus
from wavegate.engine.outcomes import TooSoon
from wavegate.engine.pace import PACE, TOGETHER, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0


def http_job(uid: str = "one", **status: Any) -> SetStatus:
    return SetStatus("HTTPJob", uid, uid, "1", {"state": "Active", "reason": "Active", **status})


def test_an_http_job_is_told_of_once_a_second() -> None:
    clock = Clock()
    pace = Pace(lambda: clock.now)
    assert pace.too_soon(http_job()) is None
    pace.wrote(http_job())
    assert pace.too_soon(http_job(runs=2)) == TooSoon(clock.now + PACE)
    clock.now += PACE
    assert pace.too_soon(http_job(runs=2)) is None


def test_each_of_hundreds_is_told_of_once_a_second_where_nothing_is_shared() -> None:
    clock = Clock()
    pace = Pace(lambda: clock.now, None)
    for number in range(300):
        pace.wrote(http_job(f"http-{number}"))
    assert pace.too_soon(http_job("http-0", runs=2)) == TooSoon(clock.now + PACE)


def test_of_hundreds_of_rollouts_how_far_they_have_come_is_told_in_turn() -> None:
    clock = Clock()
    pace = Pace(lambda: clock.now)
    for number in range(90):
        pace.wrote(http_job(f"other-{number}"))
    state = {"stateType": "InProgress", "details": {"reason": "Progressing"}}
    fleet = SetStatus("FleetJob", "fleet", "fleet", "1", {"state": state})
    pace.wrote(fleet)
    assert pace.too_soon(fleet) == TooSoon(clock.now + 91 / TOGETHER)
    ended = {"stateType": "Completed", "details": {"reason": "Completed"}}
    assert pace.too_soon(replace(fleet, status={"state": ended})) is None


@pytest.mark.parametrize("state", ["Completed", "Failed", "Refused", "Canceled"])
def test_a_batch_is_told_of_once_a_second_and_its_end_at_once(state: str) -> None:
    clock = Clock()
    pace = Pace(lambda: clock.now, None)
    batch = SetStatus("RunBatch", "b", "b", "1", {"state": "Running", "reason": "Running"})
    pace.wrote(batch)
    assert pace.too_soon(batch) == TooSoon(clock.now + PACE)
    assert pace.too_soon(replace(batch, status={"state": state})) is None


def test_runs_have_no_pace_and_count_for_nobody() -> None:
    clock = Clock()
    pace = Pace(lambda: clock.now)
    run = SetStatus("JobRun", "run", "run", "1", {"phase": "Executing"})
    for _ in range(100):
        pace.wrote(run)
    assert pace.too_soon(run) is None
    pace.wrote(http_job())
    assert pace.too_soon(http_job(runs=2)) == TooSoon(clock.now + PACE)
