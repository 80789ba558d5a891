"""Ticks of a schedule become runs, and what is counted is on record afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.runs_world import NOW, job, run
from wavegate.domain.times import format_time
from wavegate.runs.observed import AskedJobView
from wavegate.runs.ticking import FARTHEST, ticking

MINUTE = 60.0
FIVE = NOW - NOW % 300
"""A tick of every five minutes."""


def scheduled(status: dict[str, Any] | None = None, **schedule: Any) -> AskedJobView:
    made = job(trigger={"schedule": {"cron": "*/5 * * * *", **schedule}})
    return replace(made, created=FIVE - 1, status=status or {})


def on_record(**facts: Any) -> dict[str, Any]:
    schedule = {
        "expression": "*/5 * * * * UTC",
        "since": format_time(FIVE - 3600),
        "missedTicks": 0,
        "skippedTicks": 0,
        **facts,
    }
    return {"state": "Active", "schedule": schedule}


def test_a_tick_is_made_first_and_then_put_on_record() -> None:
    of = scheduled()
    first = ticking(of, [], FIVE + 1)
    assert (list(first.create), first.status) == ([FIVE], None)
    made = run(scheduled=FIVE, owner_uid=of.uid)
    second = ticking(of, [made], FIVE + 2)
    assert not second.create
    assert second.status == {
        "expression": "*/5 * * * * UTC",
        "since": format_time(FIVE - 1),
        "lastTickTime": format_time(FIVE),
        "nextTickTime": format_time(FIVE + 300),
        "missedTicks": 0,
        "skippedTicks": 0,
    }
    third = ticking(
        replace(of, status={"state": "Active", "schedule": second.status}), [], FIVE + 3
    )
    assert (list(third.create), third.status, third.wake_at) == ([], None, FIVE + 300)


def test_of_ticks_that_nobody_saw_one_is_made_up_for_and_the_others_count() -> None:
    of = scheduled(on_record(lastTickTime=format_time(FIVE - 1500)))
    found = ticking(of, [], FIVE + 1)
    assert list(found.create) == [FIVE]
    after = ticking(of, [run(scheduled=FIVE)], FIVE + 1)
    assert after.status is not None
    assert (after.status["lastTickTime"], after.status["missedTicks"]) == (format_time(FIVE), 4)


def test_ticks_of_more_than_five_years_ago_are_not_counted() -> None:
    first = replace(scheduled(on_record(since="0001-01-01T00:00:00Z")), created=0.0)
    found = ticking(first, [run(scheduled=FIVE)], FIVE + 1)
    assert found.status is not None
    assert found.status["missedTicks"] == FARTHEST // 300 - 1, "one is made up for"
    assert found.status["since"] == "0001-01-01T00:00:00Z"


def test_a_tick_is_skipped_while_the_run_before_has_not_ended() -> None:
    of = scheduled(on_record(lastTickTime=format_time(FIVE - 300)))
    before = run(scheduled=FIVE - 300, phase="Executing")
    found = ticking(of, [before], FIVE + 1)
    assert not found.create
    assert found.status is not None
    assert (found.status["skippedTicks"], found.status["missedTicks"]) == (1, 0)


def test_a_newer_tick_replaces_the_run_before() -> None:
    of = scheduled(on_record(lastTickTime=format_time(FIVE - 300)), concurrencyPolicy="Replace")
    before = run("before", scheduled=FIVE - 300, phase="Executing")
    found = ticking(of, [before], FIVE + 1)
    assert (list(found.create), [each.name for each in found.cancel]) == ([FIVE], ["before"])
    made = run("made", scheduled=FIVE)
    again = ticking(of, [before, made], FIVE + 1)
    assert not again.create
    assert ([each.name for each in again.cancel], again.status) == (["before"], None)
    ended = ticking(of, [replace(before, phase="Canceled"), made], FIVE + 1)
    assert ended.status is not None


def test_there_are_no_ticks_while_it_is_suspended_nor_for_that_time() -> None:
    record = on_record(lastTickTime=format_time(FIVE - 300), missedTicks=7)
    spec = {"trigger": {"schedule": {"cron": "*/5 * * * *"}}}
    suspended = replace(job(suspend=True, **spec), status=record)
    found = ticking(suspended, [], FIVE + 1)
    assert not found.create
    assert found.status == {
        "expression": "*/5 * * * * UTC",
        "missedTicks": 7,
        "skippedTicks": 0,
    }
    resumed = replace(job(**spec), status={"state": "Active", "schedule": found.status})
    later = ticking(resumed, [], FIVE + 1000)
    assert not later.create
    assert later.status is not None
    assert (later.status["since"], later.status["missedTicks"]) == (format_time(FIVE + 1000), 7)
    assert "lastTickTime" not in later.status


def test_a_schedule_that_was_taken_away_is_no_longer_on_record() -> None:
    assert ticking(replace(job(), status=on_record()), [], FIVE).status == {}
    assert ticking(job(), [], FIVE).status is None


def test_of_a_fleet_job_ticks_count_since_it_was_made_or_since_it_is_asked() -> None:
    """What the fleet says of it says nothing of its runs, and a change may have made it asked."""
    of = replace(scheduled({"state": {"stateType": "Running"}}), kind="FleetJob")
    assert list(ticking(of, [], FIVE + 1).create) == [FIVE]
    changed = replace(of, generation=2)
    assert not ticking(changed, [], FIVE + 1).create
    seen = replace(of, status={"runs": {"queued": 0}})
    assert not ticking(seen, [], FIVE + 1).create
