"""The rules of wavegate.runs.callbacks: how long a call back is waited for, and who may make it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs_world import NOW, executing, job, observed, run, started, statuses, told
from wavegate.api.httpjob import load_http_job_spec
from wavegate.domain.times import format_time_micro, parse_time
from wavegate.runs.callbacks import (
    OUTCOMES,
    RECORD_EVERY,
    VERBS,
    CallbackView,
    begun,
    due,
    hash_of,
    is_to_be_recorded,
    overdue,
    standing,
)
from wavegate.runs.observed import Answer, RunView
from wavegate.runs.plan import plan

TOKEN = "a-token"
WAITS = CallbackView(
    token_hash=hash_of("uid-one", 1, TOKEN),
    heartbeat_timeout=60.0,
    deadline=NOW + 3600,
    accepted=NOW,
)
ASYNC: dict[str, Any] = {"url": "http://echo.example/", "completion": "Async"}


def waiting(**callback: Any) -> RunView:
    """A run that is to be called back, as it is on record."""
    view = replace(WAITS, **callback)
    kept = {
        "tokenHash": view.token_hash,
        "heartbeatTimeout": "1m",
        "acceptedTime": format_time_micro(NOW),
    }
    status = {"phase": "Executing", "reason": "CallbackPending", "callback": kept}
    return executing(holder="", callback=view, status=status)


@pytest.mark.parametrize(
    ("silent_for", "outcome"),
    [(0.0, None), (59.9, None), (60.0, "Crashed"), (61.0, "Crashed"), (3600.0, "TimedOut")],
)
def test_an_endpoint_that_is_silent_has_crashed(silent_for: float, outcome: str | None) -> None:
    found = overdue(WAITS, None, 0.0, NOW + silent_for)
    assert (found.outcome if found else None) == outcome


def test_a_heartbeat_gives_as_much_time_again_but_no_more_in_all() -> None:
    assert overdue(WAITS, NOW + 50, 0.0, NOW + 109) is None
    assert overdue(WAITS, NOW + 50, 0.0, NOW + 110) is not None
    on_record = replace(WAITS, heartbeat=NOW + 50)
    assert overdue(on_record, None, 0.0, NOW + 109) is None
    late = overdue(WAITS, NOW + 3599, 0.0, NOW + 3600)
    assert late is not None
    assert late.outcome == "TimedOut"


def test_whoever_leads_anew_waits_as_long_as_if_a_heartbeat_had_come() -> None:
    assert overdue(WAITS, None, NOW + 500, NOW + 559) is None
    assert overdue(WAITS, None, NOW + 500, NOW + 560) is not None
    gone = overdue(WAITS, None, NOW + 3700, NOW + 3700)
    assert gone is not None
    assert gone.outcome == "TimedOut", "the whole is bounded, however often another one leads"


MOMENTS = st.floats(0, 4000).map(lambda seconds: NOW + seconds)


@given(heard=st.none() | MOMENTS, since=MOMENTS, silence=st.floats(1, 5000), now=MOMENTS)
def test_it_is_overdue_from_when_it_is_due_and_never_beyond_its_deadline(
    heard: float | None, since: float, silence: float, now: float
) -> None:
    view = replace(WAITS, heartbeat_timeout=silence)
    end = due(view, heard, since)
    assert (overdue(view, heard, since, now) is not None) == (now >= end)
    assert view.deadline is not None
    assert end <= view.deadline
    assert due(view, (heard or NOW) + 1, since) >= end, "a heartbeat never takes time away"


@given(st.lists(st.floats(0.01, 40), max_size=60), st.floats(1, 3600))
def test_few_heartbeats_are_put_on_record(gaps: list[float], silence: float) -> None:
    view, now, recorded = replace(WAITS, heartbeat_timeout=silence), NOW, 0
    for gap in gaps:
        now += gap
        if is_to_be_recorded(view, now):
            view, recorded = replace(view, heartbeat=now), recorded + 1
    assert recorded <= (now - NOW) / max(RECORD_EVERY, silence / 3)
    known = view.heartbeat or NOW
    assert now - known < max(RECORD_EVERY, silence / 3), "what is on record is not older"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("uid", "attempt", "token"),
    [
        pytest.param("uid-one", 1, "another", id="another token"),
        pytest.param("uid-one", 1, "", id="none"),
        pytest.param("uid-one", 2, TOKEN, id="another attempt's"),
        pytest.param("uid-two", 1, TOKEN, id="another run's"),
        pytest.param("uid-one", 1, hash_of("uid-one", 1, TOKEN), id="its hash"),
        pytest.param("uid-one", 1, "\udcff", id="no text"),
    ],
)
def test_without_its_token_nobody_learns_anything(
    uid: str, attempt: int, token: str, verb: Any
) -> None:
    for executes in (True, False):
        for view in (None, CallbackView(), WAITS, replace(WAITS, outcome="Completed")):
            assert standing(view, uid, attempt, executes, verb, token) == "Refused"


@given(st.text(), st.text())
def test_a_token_is_known_by_nothing_but_itself(one: str, other: str) -> None:
    view = replace(WAITS, token_hash=hash_of("u", 1, one))
    said = standing(view, "u", 1, True, "complete", other)
    assert (said == "Taken") == (one == other)


@given(st.lists(st.sampled_from(VERBS), min_size=1, max_size=8))
def test_the_first_word_counts_and_may_be_said_again(verbs: list[Any]) -> None:
    view, first = WAITS, None
    for verb in verbs:
        said = standing(view, "uid-one", 1, view.outcome is None, verb, TOKEN)
        if verb == "heartbeat":
            assert said == ("Taken" if first is None else "Over")
        elif first is None:
            assert said == "Taken"
            first, view = verb, replace(view, outcome=OUTCOMES[verb])
        else:
            assert said == ("Repeated" if verb == first else "Conflict")


def test_what_ended_without_a_call_back_is_over() -> None:
    for verb in VERBS:
        assert standing(WAITS, "uid-one", 1, False, verb, TOKEN) == "Over"


def test_an_attempt_says_at_its_begin_until_when_it_is_waited_for() -> None:
    http = load_http_job_spec({"http": {**ASYNC, "heartbeatTimeout": "90s"}}).http
    assert begun(http, NOW) == {
        "heartbeatTimeout": "1m30s",
        "deadline": format_time_micro(NOW + 86_400),
    }
    assert begun(load_http_job_spec({"http": ASYNC}).http, NOW) == {
        "heartbeatTimeout": "5m",
        "deadline": format_time_micro(NOW + 86_400),
    }
    assert begun(load_http_job_spec({"http": {"url": "http://a/"}}).http, NOW) is None


# Passes.


def test_a_sync_run_that_begins_has_nothing_of_the_call_back_before() -> None:
    made = plan(observed(job(), run(status={"callback": {"tokenHash": "old"}})))
    assert started(made) == ["one"]
    assert "callback" not in statuses(made)["one"]
    made = plan(observed(job(http=ASYNC), run(status={"callback": {"tokenHash": "old"}})))
    assert statuses(made)["one"]["callback"] == begun(job(http=ASYNC).spec.http, NOW)  # type: ignore[union-attr]


def test_a_202_is_put_on_record_and_the_run_goes_on() -> None:
    status = {"phase": "Executing", "reason": "Executing", "callback": {"tokenHash": "h"}}
    called = executing(callback=replace(WAITS, accepted=None), status=status)
    answer = Answer("Accepted", 202, "answered 202", result="no result", ended=NOW - 1)
    made = plan(observed(job(http=ASYNC), called, answers={"uid-one": answer}))
    assert told(made) == {"one": ("Executing", "CallbackPending")}
    found = statuses(made)["one"]
    assert found["callback"] == {"tokenHash": "h", "acceptedTime": format_time_micro(NOW - 1)}
    assert found["message"] == "attempt 1 of 3: answered 202; to be called back"
    assert not {"holder", "result", "completionTime", "lastError"} & found.keys()


def test_what_was_accepted_waits_whoever_called() -> None:
    made = plan(observed(job(http=ASYNC), waiting()))
    assert told(made) == {}
    assert made.wake_at == NOW + 60
    lost = executing(callback=replace(WAITS, accepted=None))
    assert told(plan(observed(job(http=ASYNC), lost))) == {"one": ("Queued", "RetryBackoff")}


@pytest.mark.parametrize(
    ("now", "reason", "word"), [(NOW + 60, "Crashed", "within 1m"), (NOW + 3600, "TimedOut", "by")]
)
def test_what_is_overdue_is_tried_again(now: float, reason: str, word: str) -> None:
    made = plan(observed(job(http=ASYNC), waiting(), now=now))
    found = statuses(made)["one"]
    assert (found["phase"], found["reason"]) == ("Queued", "RetryBackoff")
    assert found["lastError"]["class"] == reason
    assert word in found["lastError"]["message"]
    once = job(http=ASYNC, runs={"retry": {"maxAttempts": 1}})
    assert told(plan(observed(once, waiting(), now=now))) == {"one": (reason, reason)}


def test_a_heartbeat_is_put_on_record_now_and_then() -> None:
    for heard, kept in ((NOW + 19, False), (NOW + 20, True)):
        made = plan(
            observed(job(http=ASYNC), waiting(), now=NOW + 30, heartbeats={"uid-one": heard})
        )
        assert bool(told(made)) == kept
        assert made.wake_at == heard + 60
    found = statuses(made)["one"]
    assert parse_time(found["callback"]["heartbeatTime"]) == NOW + 20
    assert found["reason"] == "CallbackPending"


@pytest.mark.parametrize(
    ("answer", "phase", "reason"),
    [
        (Answer("Completed", message="called back", called_back="Completed"), "Completed", None),
        (Answer("Rejected", message="called back", called_back="Failed"), "Failed", None),
        (
            Answer("Unavailable", message="called back", retryable=True, called_back="Failed"),
            "Queued",
            "RetryBackoff",
        ),
    ],
)
@pytest.mark.parametrize("calls", [False, True])
def test_a_call_back_ends_the_attempt_also_while_the_call_is_under_way(
    answer: Answer, phase: str, reason: str | None, calls: bool
) -> None:
    under_way = executing(callback=replace(WAITS, accepted=None), status=waiting().status)
    seen = under_way if calls else waiting()
    calling = frozenset({"uid-one"}) if calls else frozenset()
    made = plan(observed(job(http=ASYNC), seen, answers={"uid-one": answer}, calling=calling))
    assert told(made) == {"one": (phase, reason or answer.outcome)}
    assert statuses(made)["one"]["callback"]["outcome"] == answer.called_back


@pytest.mark.parametrize("now", [NOW, NOW + 60])
def test_what_was_kept_of_the_call_stays_when_the_attempt_ends(now: float) -> None:
    seen = replace(waiting(), status={**waiting().status, "debug": {"requestBody": "{}"}})
    done = {} if now > NOW else {"uid-one": Answer("Completed", called_back="Completed")}
    made = plan(observed(job(http=ASYNC), seen, answers=done, now=now))
    assert statuses(made)["one"]["debug"] == {"requestBody": "{}"}


def test_a_run_that_waits_for_its_call_back_holds_its_place() -> None:
    limited = job(http=ASYNC, runs={"limits": {"maxConcurrency": 1}})
    made = plan(observed(limited, waiting(), run("two", created=NOW - 60)))
    assert told(made) == {"two": ("Queued", "ConcurrencyLimit")}


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(job(http=ASYNC, suspend=True), id="suspended"),
        pytest.param(None, id="gone"),
        pytest.param(job(), id="Sync by now"),
    ],
)
def test_whatever_becomes_of_the_job_the_call_back_is_waited_for(of: Any) -> None:
    assert told(plan(observed(of, waiting()))) == {}
    done = {"uid-one": Answer("Completed", called_back="Completed")}
    assert told(plan(observed(of, waiting(), answers=done))) == {"one": ("Completed", "Completed")}


def test_a_run_that_is_canceled_waits_for_nobody() -> None:
    made = plan(observed(job(http=ASYNC), replace(waiting(), canceled=True)))
    assert told(made) == {"one": ("Canceled", "Canceled")}
    assert statuses(made)["one"]["callback"]["tokenHash"], "so that who calls back is told"
