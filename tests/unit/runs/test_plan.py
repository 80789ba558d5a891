"""Passes over a job's runs: what starts, what ends, what waits and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.runs_world import (
    ME,
    NOW,
    all_counted,
    executing,
    job,
    observed,
    run,
    started,
    statuses,
    told,
    version,
)
from wavegate.api.httpjob import Rate
from wavegate.api.jobrun import Phase
from wavegate.domain.actions import DeleteRecord, SetStatus
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runs.actions import CreateRunVersion, RunPlan
from wavegate.runs.observed import Answer, AskedJobView, RunView
from wavegate.runs.plan import TOLD_AFTER, plan
from wavegate.runs.pools import Pool
from wavegate.runs.states import may_follow


def limited(**limits: Any) -> Any:
    return job(runs={"limits": limits})


def test_the_first_pass_makes_a_version_and_the_next_one_starts_the_run() -> None:
    first = plan(observed(job(), run(), versions=[]))
    made = [
        action
        for step in first.steps
        for action in step.actions
        if isinstance(action, CreateRunVersion)
    ]
    assert [(each.name, each.version) for each in made] == [("app-h1", 1)]
    assert started(first) == []
    second = plan(observed(job(), run(metadata={"a": "own"})))
    assert started(second) == ["one"]
    status = statuses(second)["one"]
    assert (status["phase"], status["attempt"], status["version"]) == ("Executing", 1, 1)
    assert (status["holder"], status["triggeredBy"]) == (ME, "Manual")
    assert status["startTime"] == format_time_micro(NOW)
    assert status["metadata"] == {"a": "own"}
    assert status["message"] == "attempt 1 of 3"


@pytest.mark.parametrize(
    ("answer", "phase", "reason"),
    [
        pytest.param(Answer("Completed", 200, "answered 200"), "Completed", "Completed", id="ok"),
        pytest.param(Answer("Rejected", 422, "answered 422"), "Failed", "Rejected", id="no"),
        pytest.param(
            Answer("TimedOut", None, "no answer", retryable=True),
            "Queued",
            "RetryBackoff",
            id="try",
        ),
    ],
)
def test_an_answer_ends_the_attempt(answer: Answer, phase: str, reason: str) -> None:
    found = plan(observed(job(), executing(), calling=frozenset(), answers={"uid-one": answer}))
    assert told(found) == {"one": (phase, reason)}
    status = statuses(found)["one"]
    assert "holder" not in status
    if phase == "Queued":
        assert status["message"] == "attempt 1 of 3 failed: no answer"
        assert status["lastError"] == {"class": "TimedOut", "message": "no answer"}
        assert status["nextRetryTime"] > format_time(NOW)
    else:
        assert status["completionTime"] == format_time_micro(NOW)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"])
def test_a_run_for_the_end_of_time_waits_and_keeps_no_other_from_starting(text: str) -> None:
    never = run("never", not_before=parse_time(text), ttl=8760 * 3600.0)
    found = plan(observed(job(), never, run("now")))
    assert started(found) == ["now"]
    assert told(found)["never"] == ("Delayed", "Scheduled")
    assert statuses(found)["never"]["expirationTime"] == "9999-12-31T23:59:59Z"


def test_a_call_that_is_under_way_is_let_be() -> None:
    found = plan(observed(job(), executing(), calling=frozenset({"uid-one"})))
    assert told(found) == {}
    assert not found.abandon


@pytest.mark.parametrize("holder", [ME, "another"])
def test_a_run_whose_call_nobody_makes_consumes_its_attempt(holder: str) -> None:
    found = plan(observed(job(), executing(holder=holder)))
    assert told(found) == {"one": ("Queued", "RetryBackoff")}
    only = replace(job(runs={"retry": {"maxAttempts": 1}}))
    assert told(plan(observed(only, executing(holder=holder)))) == {"one": ("Crashed", "Crashed")}


def test_a_canceled_run_ends_and_its_call_is_abandoned() -> None:
    calling = observed(job(), executing(canceled=True), calling=frozenset({"uid-one"}))
    found = plan(calling)
    assert told(found) == {"one": ("Canceled", "Canceled")}
    assert found.abandon == {"uid-one"}
    assert told(plan(observed(job(), run(canceled=True)))) == {"one": ("Canceled", "Canceled")}


def test_an_answer_that_has_come_counts_more_than_a_cancel_after_it() -> None:
    answers = {"uid-one": Answer("Completed", 200)}
    found = plan(observed(job(), executing(canceled=True), answers=answers))
    assert told(found) == {"one": ("Completed", "Completed")}


def waiting(name: str, **facts: Any) -> RunView:
    """A run that has waited long enough to say so."""
    return run(name, created=NOW - 10, **facts)


@pytest.mark.parametrize(
    ("of", "facts", "phase", "reason", "wakes"),
    [
        pytest.param(job(), {"not_before": NOW + 60}, "Delayed", "Scheduled", 60, id="later"),
        pytest.param(job(suspend=True), {}, "Queued", "JobSuspended", None, id="suspended"),
        pytest.param(
            job(trigger={"windows": [{"start": "03:00", "end": "03:01"}]}),
            {},
            "Queued",
            "OutsideWindow",
            None,
            id="outside its window",
        ),
        pytest.param(
            limited(maxConcurrency=1), {}, "Queued", "ConcurrencyLimit", None, id="concurrency"
        ),
        pytest.param(
            limited(maxConcurrencyPerKey=1),
            {"concurrency_key": "k"},
            "Queued",
            "KeyConcurrencyLimit",
            None,
            id="concurrency of its key",
        ),
    ],
)
def test_what_waits_says_why(
    of: Any, facts: dict[str, Any], phase: str, reason: str, wakes: float | None
) -> None:
    other = executing("other", concurrency_key="k")
    world = observed(of, other, waiting("one", **facts), calling=frozenset({"uid-other"}))
    found = plan(world)
    assert told(found) == {"one": (phase, reason)}
    assert statuses(found)["one"]["version"] == 1
    if wakes is not None:
        assert found.wake_at == NOW + wakes
    on_record = replace(world.active[1], phase=phase, status=statuses(found)["one"], version=1)
    again = plan(replace(world, active=[other, on_record]))
    assert told(again) == {}, "it is told once"


def test_a_run_that_waits_for_a_moment_is_not_told_of() -> None:
    full = observed(limited(maxConcurrency=1), executing("a"), run(), calling={"uid-a"})
    found = plan(replace(full, seen={"uid-one": NOW}))
    assert told(found) == {}
    assert found.wake_at == NOW + TOLD_AFTER


def test_as_many_start_as_there_are_places_and_slots() -> None:
    many = [run(f"r{number}") for number in range(5)]
    assert len(started(plan(observed(limited(maxConcurrency=3), *many)))) == 3
    short = plan(observed(job(), *many, slots=2))
    assert (len(started(short)), short.wanting) == (2, True)
    assert not plan(observed(limited(maxConcurrency=3), *many)).wanting


def test_a_run_that_could_not_be_written_takes_no_place_until_it_is_tried_again() -> None:
    runs, of = [run("a", created=NOW - 9), run("b")], limited(maxConcurrency=1)
    assert started(plan(observed(of, *runs))) == ["a"]
    found = plan(observed(of, *runs, delayed=frozenset({"JobRun/a"}), slots=1))
    assert (started(found), found.wanting) == (["b"], False)


def test_what_limits_it_is_told_anew_where_it_is_a_pool_and_no_more_the_jobs_rate() -> None:
    pool = Pool(Rate(max=1, window=60.0), clock=NOW + 60)
    of = limited(pools=["partner"], rate={"max": 2, "window": "60s", "onLimit": "Reject"})
    waits = run(created=NOW - 9, version=1, status={"reason": "RateLimited", "message": "so"})
    found = statuses(plan(observed(of, waits, pools={"partner": pool})))["one"]
    assert (found["phase"], found["reason"]) == ("Queued", "PoolLimited")
    assert found["message"] == "RateLimitPool partner: 1 call may begin within 1m"


def test_which_pool_is_to_be_made_or_corrected_is_told_one_after_the_other() -> None:
    of, waits = limited(pools=["partner", "other"]), run(created=NOW - 9, version=1)
    pool = Pool(Rate(max=1, window=60.0), turn=1)
    steps: list[tuple[dict[str, Any], str, str]] = [
        ({}, "PoolMissing", "RateLimitPool partner is not there: create it, "),
        ({"partner": pool}, "PoolMissing", "RateLimitPool other is not there: create it, "),
        ({"partner": pool, "other": "spec.max: is required"}, "PoolInvalid", "other is not unders"),
        ({"partner": pool, "other": "spec.min: is not known"}, "PoolInvalid", ": spec.min: is not"),
    ]
    for pools, reason, words in steps:
        status = statuses(plan(observed(of, waits, pools=pools)))["one"]
        assert (status["phase"], status["reason"]) == ("Queued", reason)
        assert words in status["message"]
        waits = replace(waits, status=status)
        assert statuses(plan(observed(of, waits, pools=pools))) == {}, "once"


def test_the_rate_is_kept_and_is_on_record_in_the_run() -> None:
    of = limited(rate={"max": 2, "window": "60s"})
    many = [run(f"r{number}") for number in range(5)]
    found = plan(observed(of, *many))
    assert started(found) == ["r0", "r1"]
    clocks = [statuses(found)[name]["rateClock"] for name in ("r0", "r1")]
    assert clocks == [format_time_micro(NOW + 30), format_time_micro(NOW + 60)]
    begun = [
        executing(name, rate_clock=NOW + 30 * (1 + place), started=NOW)
        for place, name in enumerate(("r0", "r1"))
    ]
    later = observed(of, *begun, *many[2:], calling=frozenset({"uid-r0", "uid-r1"}))
    assert started(plan(replace(later, now=NOW + 29))) == []
    assert started(plan(replace(later, now=NOW + 30))) == ["r2"]


def test_beyond_a_rate_that_rejects_a_run_is_refused() -> None:
    of = limited(rate={"max": 1, "window": "60s", "onLimit": "Reject"})
    found = plan(observed(of, run("a"), run("b")))
    assert told(found) == {"a": ("Executing", "Executing"), "b": ("Canceled", "RateLimited")}


def test_a_flood_is_refused_with_a_reason() -> None:
    of = limited(maxConcurrency=1, maxQueued=2)
    busy = executing("busy")
    old = waiting("old", phase="Queued", status={"reason": "ConcurrencyLimit"}, version=1)
    new = [run(f"r{number}", created=NOW - 5 + number) for number in range(3)]
    found = plan(observed(of, busy, old, *new, calling=frozenset({"uid-busy"})))
    refused = {name for name, words in told(found).items() if words == ("Canceled", "QueueFull")}
    assert refused == {"r1", "r2"}


def test_an_open_circuit_holds_its_endpoint_and_a_probe_is_one() -> None:
    endpoint = "http://echo.example:80"
    closed = plan(observed(job(), waiting("a"), held={endpoint: NOW + 60}))
    assert told(closed) == {"a": ("Queued", "CircuitOpen")}
    assert closed.wake_at == NOW + 60
    probed = plan(observed(job(), waiting("a"), waiting("b"), probes=frozenset({endpoint})))
    assert told(probed) == {"a": ("Executing", "Executing"), "b": ("Queued", "CircuitOpen")}


def test_a_run_expires_that_has_not_started() -> None:
    of = job(runs={"ttl": "30s"})
    suspended = job(runs={"ttl": "30s"}, suspend=True)
    assert told(plan(observed(suspended, run(created=NOW - 29)))) == {
        "one": ("Queued", "JobSuspended")
    }
    gone = plan(observed(suspended, run(created=NOW - 30)))
    assert told(gone) == {"one": ("Expired", "Expired")}
    tried = run(created=NOW - 300, attempt=1, version=1, status={"reason": "RetryBackoff"})
    assert started(plan(observed(of, tried))) == ["one"], "it has started before"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"idempotency_key": "k"}, "DuplicateKey", id="the same key"),
        pytest.param(
            {"idempotency_key": "k", "payload": '{"b":1}'}, "KeyReused", id="another payload"
        ),
    ],
)
def test_a_key_stands_for_one_run(facts: dict[str, Any], reason: str) -> None:
    first = run("first", created=NOW - 60, phase="Completed", idempotency_key="k", status={})
    found = plan(observed(job(), run(**facts), finished=[first]))
    assert told(found) == {"one": ("Canceled", reason)}
    assert statuses(found)["one"]["duplicateOf"] == "first"
    failed = replace(first, phase="Failed")
    assert started(plan(observed(job(), run(**facts), finished=[failed]))) == ["one"]


def test_a_payload_that_misses_the_schema_is_refused_by_name() -> None:
    schema = {"type": "object", "required": ["id"]}
    of = job(runs={"payloadSchema": schema})
    found = plan(observed(of, run(payload='{"x": 1}'), run("two", payload='{"id": 1}')))
    assert told(found) == {
        "one": ("Canceled", "PayloadInvalid"),
        "two": ("Executing", "Executing"),
    }
    assert "id" in statuses(found)["one"]["message"]


def test_without_its_job_a_run_waits_and_says_so() -> None:
    found = plan(observed(None, waiting("one"), executing("two")))
    assert told(found) == {"one": ("Queued", "JobMissing"), "two": ("Crashed", "Crashed")}


def test_a_job_that_is_not_understood_says_so_and_starts_nothing() -> None:
    of = replace(job(), spec=None, invalid="spec.trigger.timeZone: unknown")
    found = plan(observed(of, waiting("one")))
    assert told(found) == {"one": ("Queued", "JobInvalid")}
    (report,) = [
        action
        for step in found.steps
        for action in step.actions
        if isinstance(action, SetStatus) and action.kind == "HTTPJob"
    ]
    assert (report.status["state"], report.status["message"]) == (
        "Invalid",
        "spec.trigger.timeZone: unknown",
    )


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (job(suspend=True), "JobSuspended"),
        (job(trigger={"windows": [{"start": "03:00", "end": "03:01"}]}), "OutsideWindow"),
        (limited(maxConcurrency=1), "ConcurrencyLimit"),
        (limited(pools=["none"]), "PoolMissing"),
    ],
)
def test_a_retry_needs_what_a_first_attempt_does_of_the_job_as_it_is_now(
    of: AskedJobView, reason: str
) -> None:
    """Its version is from before any of that."""
    before = {"reason": "RetryBackoff"}
    again = waiting("one", attempt=1, version=1, next_retry=NOW - 5, status=before)
    versions = [version(job(), 1), version(of, 2)]
    other = executing("other", version=2)
    found = plan(observed(of, again, other, versions=versions, calling={"uid-other"}))
    assert told(found) == {"one": ("Queued", reason)}


def test_a_change_of_the_job_does_not_change_what_a_waiting_run_executes() -> None:
    old, new = job(), job(http={"url": "http://other.example/"})
    versions = [version(old, 1), version(new, 2)]
    pinned = run(version=1, status={"reason": "JobSuspended"})
    found = plan(observed(new, pinned, run("two"), versions=versions))
    assert {name: each["version"] for name, each in statuses(found).items()} == {"one": 1, "two": 2}


def test_a_delayed_run_whose_time_has_come_is_queued_and_starts() -> None:
    due = run(phase="Delayed", not_before=NOW, version=1, status={"reason": "Scheduled"})
    first = plan(observed(job(), due))
    assert told(first) == {"one": ("Queued", "Due")}
    queued = replace(due, phase="Queued", status=statuses(first)["one"])
    assert told(plan(observed(job(), queued))) == {"one": ("Executing", "Executing")}


def test_a_delayed_run_whose_time_has_come_and_whose_dependency_is_not_met_waits() -> None:
    of = job(trigger={"dependsOn": [{"jobName": "up"}]})
    due = run(
        created=NOW - 60,
        phase="Delayed",
        not_before=NOW - 5,
        version=1,
        status={"reason": "Scheduled"},
    )
    first = plan(observed(of, due))
    assert told(first) == {"one": ("Queued", "Due")}
    queued = replace(due, phase="Queued", status=statuses(first)["one"])
    assert told(plan(observed(of, queued))) == {"one": ("Waiting", "DependencyMissing")}


@pytest.mark.parametrize("phase", ["Delayed", "Queued", "Waiting"])
@pytest.mark.parametrize(
    ("of", "facts"),
    [
        pytest.param(None, {}, id="no job"),
        pytest.param(job(suspend=True), {}, id="suspended"),
        pytest.param(job(), {"not_before": NOW + 5}, id="scheduled"),
        pytest.param(job(), {"next_retry": NOW + 5, "attempt": 1}, id="tried again"),
        pytest.param(limited(pools=["none"]), {}, id="no pool"),
        pytest.param(limited(maxConcurrency=1), {}, id="full"),
        pytest.param(job(trigger={"dependsOn": [{"jobName": "up"}]}), {}, id="dependency"),
        pytest.param(job(runs={"ttl": "1s"}), {}, id="expired"),
        pytest.param(job(), {"canceled": True}, id="canceled"),
    ],
)
def test_from_each_phase_a_run_goes_only_where_it_may(
    phase: Phase, of: AskedJobView | None, facts: dict[str, Any]
) -> None:
    one = run(created=NOW - 60, phase=phase, version=1, status={"reason": "Before"}, **facts)
    found = plan(observed(of, one, executing("other"), calling=frozenset({"uid-other"})))
    after, _ = told(found).get("one", (phase, ""))
    assert may_follow(phase, after)


def test_a_queued_run_stays_so_where_another_clock_is_behind() -> None:
    early = run(phase="Queued", not_before=NOW + 1, version=1, status={"reason": "RateLimited"})
    found = plan(observed(job(), early))
    assert (started(found), told(found), found.wake_at) == ([], {}, NOW + 1)


def replaced(*active: RunView, **facts: Any) -> RunPlan:
    """A pass at a tick whose run takes the place of earlier ones."""
    of = job(trigger={"schedule": {"cron": "* * * * *", "concurrencyPolicy": "Replace"}})
    record = {
        "expression": "* * * * * UTC",
        "since": format_time(NOW - 120),
        "lastTickTime": format_time(NOW - 60),
    }
    of = replace(of, status={"state": "Active", "schedule": record})
    return plan(observed(of, *active, **facts))


def test_a_run_that_a_newer_tick_replaces_is_not_begun() -> None:
    found = replaced(run(owner_uid="job-uid", scheduled=NOW - 60))
    assert (started(found), told(found)) == ([], {"one": ("Canceled", "Replaced")})


def test_a_run_that_a_newer_tick_replaces_is_called_no_more() -> None:
    before = executing(owner_uid="job-uid", scheduled=NOW - 60)
    found = replaced(before, calling=frozenset({before.uid}))
    assert (told(found), found.abandon) == ({"one": ("Canceled", "Replaced")}, {before.uid})


def test_a_run_that_has_ended_when_a_newer_tick_comes_is_not_replaced() -> None:
    before = executing(owner_uid="job-uid", scheduled=NOW - 60)
    found = replaced(before, answers={before.uid: Answer("Completed", 200, "answered 200")})
    assert (told(found), found.abandon) == ({"one": ("Completed", "Completed")}, frozenset())


def test_history_is_kept_as_long_as_it_is_told_to() -> None:
    of = all_counted(job(runs={"successfulHistoryLimit": 1, "failedHistoryLimit": 0}))
    ended = [
        run(
            f"{phase}{age}",
            phase=phase,
            completed=NOW - age,
            owner_uid=owner,
        )
        for phase in ("Completed", "Failed")
        for age in (10, 20)
        for owner in ("job-uid",)
    ]
    strangers = run("by-hand", phase="Completed", completed=NOW - 99)
    found = plan(observed(of, finished=[*ended, strangers]))
    removed = [
        action.name
        for step in found.steps
        for action in step.actions
        if isinstance(action, DeleteRecord)
    ]
    assert sorted(removed) == ["Completed20", "Failed10", "Failed20"]
