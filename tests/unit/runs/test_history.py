"""Which runs are removed, and when to look for the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.runs_world import NOW, all_counted, job, observed, run, version
from wavegate.domain.actions import DeleteRecord
from wavegate.domain.times import format_time, format_time_micro
from wavegate.runs.history import tidied
from wavegate.runs.observed import RunView
from wavegate.runs.webhooks import Delivery


def test_one_that_is_kept_for_its_key_does_not_hide_when_the_next_is_removed() -> None:
    of = all_counted(job(runs={"finishedTTL": "60s"}))
    own = {"phase": "Completed", "owner_uid": "job-uid"}
    keyed = run("keyed", completed=NOW - 600, idempotency_key="k", **own)
    fresh = run("fresh", completed=NOW - 10, **own)
    over = run("over", completed=NOW - 60, **own)
    steps, wake_at = tidied(observed(of, finished=[keyed, fresh, over]), of, [])
    assert wake_at == NOW + 50
    actions = [action for step in steps for action in step.actions]
    assert [each.name for each in actions if isinstance(each, DeleteRecord)] == ["over"]


def removed(*finished: RunView) -> list[str]:
    of = all_counted(
        job(runs={"successfulHistoryLimit": 1, "limits": {"pools": ["partner", "other"]}})
    )
    steps, _ = tidied(observed(of, finished=finished), of, [])
    return [each.name for step in steps for each in step.actions if isinstance(each, DeleteRecord)]


def in_pool(name: str, clock: float, ago: float, pool: str = "partner", **facts: Any) -> RunView:
    own = {"phase": "Completed", "owner_uid": "job-uid", "completed": NOW - ago}
    known = {"started": NOW - ago, "pool_clocks": {pool: NOW + clock}}
    return run(name, **{**own, **known, **facts})


def test_of_each_pool_the_run_is_kept_that_says_where_its_clock_stands() -> None:
    runs = [in_pool(f"r{number}", 3600 - number, number) for number in range(1, 6)]
    other = in_pool("other", 60, 30, "other")
    over = in_pool("over", -1, 40, "third")
    # r1 has the greatest clock; beside it the limit keeps the newest of the rest, r2.
    assert removed(*runs, other, over) == ["over", "r5", "r4", "r3"]


def test_who_keeps_a_clock_is_of_the_job_and_stays() -> None:
    kept = in_pool("kept", 60, 20)
    newest = run("newest", phase="Completed", owner_uid="job-uid", completed=NOW - 1)
    assert removed(in_pool("another's", 90, 10, owner_uid=""), kept, newest) == []
    assert removed(in_pool("going", 90, 10, deleting=True), kept, newest) == []
    assert removed(in_pool("greater", 90, 10), kept, newest) == ["kept"]


def test_one_that_was_started_later_counts_beside_a_greater_clock() -> None:
    """As a shorter window would have it: `rate.clock_of`."""
    old, late = in_pool("old", 3600, 600), in_pool("late", 60, 10)
    newest = run("newest", phase="Completed", owner_uid="job-uid", completed=NOW - 1)
    assert removed(old, late, newest) == []


def test_who_is_kept_for_a_clock_is_looked_at_when_that_is_passed() -> None:
    of = all_counted(job(runs={"limits": {"pools": ["partner"]}}))
    runs = [in_pool("first", 30, 20), in_pool("last", 60, 10)]
    assert tidied(observed(of, finished=runs), of, [])[1] == NOW + 60


def test_of_a_job_that_others_depend_on_the_latest_run_is_kept_that_was_carried_out() -> None:
    of = all_counted(
        job(runs={"successfulHistoryLimit": 0, "failedHistoryLimit": 0, "finishedTTL": "1s"})
    )
    own = {"owner_uid": "job-uid"}
    finished = [
        run("old", phase="Failed", completed=NOW - 90, **own),
        run("latest", phase="Completed", completed=NOW - 60, **own),
        run("silent", phase="Canceled", completed=NOW - 30, **own),
    ]
    for depended_on, kept in ((True, {"latest"}), (False, set())):
        steps, _ = tidied(observed(of, finished=finished, depended_on=depended_on), of, [])
        names = {action.name for step in steps for action in step.actions}
        assert {each.name for each in finished} - names == kept


def test_one_of_a_tick_is_kept_until_that_is_on_record_but_while_the_job_is_suspended() -> None:
    hourly = {"schedule": {"cron": "@hourly"}}
    of = all_counted(job(runs={"successfulHistoryLimit": 0}, trigger=hourly))
    ended = run(
        "of-a-tick",
        phase="Completed",
        owner_uid="job-uid",
        completed=NOW - 10,
        scheduled=NOW - 60,
    )
    begun = {"expression": "@hourly UTC", "since": format_time(NOW - 9000)}
    for schedule, removals in (
        ({}, 0),
        (begun, 0),
        ({**begun, "lastTickTime": format_time(NOW - 61)}, 0),
        ({**begun, "lastTickTime": format_time(NOW - 60)}, 1),
        ({"expression": "@hourly UTC", "missedTicks": 3}, 1),  # suspended
    ):
        told = replace(of, status={**of.status, "schedule": schedule})
        steps, _ = tidied(observed(told, finished=[ended]), told, [])
        assert len(steps) == removals, schedule


def test_one_that_was_made_for_an_end_is_kept_until_that_is_on_record() -> None:
    runs = {"successfulHistoryLimit": 0}
    of = all_counted(job(runs=runs, trigger={"dependsOn": [{"jobName": "up", "mode": "Trigger"}]}))
    made = {"phase": "Completed", "owner_uid": "job-uid", "completed": NOW - 10}
    over = run("made", after={"up": NOW - 20}, **made)
    removed = [
        action.name
        for step in tidied(observed(of, finished=[over]), of, [])[0]
        for action in step.actions
    ]
    assert removed == []
    record = [{"jobName": "up", "decidedUpTo": format_time_micro(NOW - 20)}]
    of = replace(of, status={**of.status, "dependencies": record})
    steps, _ = tidied(observed(of, finished=[over]), of, [])
    assert [action.name for step in steps for action in step.actions] == ["made"]


def test_versions_of_a_fleet_job_are_the_fleets_to_remove() -> None:
    http = job(revisionHistoryLimit=0)
    versions = [version(http, number) for number in range(1, 4)]
    for of, keys in (
        (http, ["JobVersion/app-h1", "JobVersion/app-h2"]),
        (replace(http, kind="FleetJob"), []),
    ):
        steps, _ = tidied(observed(of), of, versions)
        assert [step.key for step in steps] == keys


def test_one_that_does_not_count_in_the_jobs_health_yet_is_kept_until_it_does() -> None:
    runs = {"successfulHistoryLimit": 0, "finishedTTL": "1s"}
    over = run("over", phase="Completed", owner_uid="job-uid", completed=NOW - 10)
    new = job(runs=runs)
    for of, removals in (
        (new, 0),
        (all_counted(new, NOW - 11), 0),
        (all_counted(new, NOW - 10), 1),
        (replace(new, status={"state": "Active"}), 1),  # one from before there was a health
    ):
        assert len(tidied(observed(of, finished=[over]), of, [])[0]) == removals


def test_one_that_is_still_to_be_told_is_kept_while_the_job_has_a_webhook() -> None:
    own = {"phase": "Completed", "owner_uid": "job-uid"}
    pending = run("pending", completed=NOW - 900, delivery=Delivery(3, NOW + 60), **own)
    told = [run(f"told-{number}", completed=NOW - number, **own) for number in (10, 20)]
    hook = {"url": "http://hook.example/", "secretRefs": [{"name": "keys", "key": "one"}]}
    kept = {"successfulHistoryLimit": 1, "finishedTTL": "5m"}
    for runs, gone in (({**kept, "webhook": hook}, ["told-20"]), (kept, ["pending", "told-20"])):
        of = all_counted(job(runs=runs), NOW)
        steps, _ = tidied(observed(of, finished=[pending, *told]), of, [])
        actions = [action for step in steps for action in step.actions]
        assert [each.name for each in actions if isinstance(each, DeleteRecord)] == gone
