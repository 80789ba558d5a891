"""The tables of wavegate.runs.webhooks, and what holds of any attempts at deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs_world import NOW, executing, job, observed, run, statuses, version
from wavegate.api.jobrun import Phase
from wavegate.domain.actions import SetStatus
from wavegate.domain.times import format_time, format_time_micro
from wavegate.runs.observed import Answer, AskedJobView, RunView
from wavegate.runs.plan import plan
from wavegate.runs.states import TERMINAL
from wavegate.runs.webhooks import (
    DELAYS,
    EVENT_OF,
    MOST_PENDING,
    Attempt,
    Deliveries,
    Delivery,
    Said,
    Telling,
    mark_of,
    message_id,
    outbox,
    result_of,
    telling,
)

WEBHOOK: Final[dict[str, Any]] = {
    "url": "http://hook.example/",
    "secretRefs": [{"name": "keys", "key": "one"}],
}
STATUS: Final = {"phase": "Completed", "reason": "Completed", "completionTime": "then"}


def hooked(**status: Any) -> AskedJobView:
    return replace(job(runs={"webhook": WEBHOOK}), status=status)


HOOK: Final = hooked().spec.runs.webhook  # type: ignore[union-attr]
assert HOOK is not None
MARK: Final = mark_of(HOOK, "")


def pending(name: str = "one", attempts: int = 0, due: float = NOW, **facts: Any) -> RunView:
    delivery = Delivery(attempts, due)
    return run(name, phase="Completed", completed=NOW - 60, delivery=delivery, **facts)


def tell(
    *undelivered: RunView, of: AskedJobView | None = None, now: float = NOW, **known: Any
) -> Telling:
    deliveries = Deliveries(**{"slots": 100, **known})
    return telling(of or hooked(), undelivered, deliveries, frozenset(), now)


def begun(told: Telling) -> list[str]:
    return [each.name for each in told.begin]


def failed(number: int = 1, **facts: Any) -> Attempt:
    error = {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"}
    return Attempt(number, "Failed", STATUS, NOW, error, **facts)


def written(told: Telling) -> dict[str, Any]:
    """By name of the run, the status that is put on record."""
    actions = [action for step in told.steps for action in step.actions]
    assert all(isinstance(each, SetStatus) for each in actions)
    return {each.name: dict(each.status) for each in actions if isinstance(each, SetStatus)}


# What an answer means.


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([200, 202, 204, 299], "Delivered"),
        ([410], "Gone"),
        ([None, 100, 199, 300, 301, 308, 400, 404, 409, 411, 429, 500, 503, 599], "Failed"),
    ],
)
def test_what_an_answer_means(answers: list[int | None], result: str) -> None:
    assert {result_of(each) for each in answers} == {result}


# What a run that ends says.


def test_each_end_has_its_event() -> None:
    assert set(EVENT_OF) == TERMINAL
    assert len(set(EVENT_OF.values())) == len(TERMINAL)


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_without_events_each_end_is_told(phase: Phase) -> None:
    at = format_time_micro(NOW)
    assert outbox(HOOK, phase, 0, NOW) == {"phase": "Pending", "attempts": 0, "nextTime": at}


def test_without_a_webhook_or_its_event_nothing_is_told() -> None:
    assert HOOK is not None
    only = HOOK.model_copy(update={"events": ["jobrun.failed"]})
    assert outbox(None, "Completed", 0, NOW) is None
    assert outbox(only, "Completed", 0, NOW) is None
    assert outbox(only, "Failed", 0, NOW) is not None


def test_the_end_of_a_run_beyond_the_bound_is_not_told_and_says_so() -> None:
    assert (outbox(HOOK, "Failed", MOST_PENDING - 1, NOW) or {})["phase"] == "Pending"
    given_up = outbox(HOOK, "Failed", MOST_PENDING, NOW) or {}
    assert (given_up["phase"], given_up["attempts"]) == ("Failed", 0)
    assert given_up["lastError"] == {
        "class": "TooManyPending",
        "message": "1000 deliveries of the job are pending already",
    }


def test_the_write_that_ends_a_run_has_its_delivery() -> None:
    answer = Answer("Completed", http_status=200, message="answered 200", result="{}")
    one, off = executing("one"), run("off", canceled=True)
    made = plan(
        observed(hooked(), one, off, calling=frozenset({"uid-one"}), answers={one.uid: answer})
    )
    told = {name: status["webhook"]["phase"] for name, status in statuses(made).items()}
    assert told == {"one": "Pending", "off": "Pending"}


def test_the_ends_of_one_pass_count_towards_the_bound() -> None:
    before = [pending(f"p{number}", due=NOW + 60) for number in range(MOST_PENDING - 2)]
    runs = [run(f"r{number}", canceled=True) for number in range(5)]
    made = plan(observed(hooked(), *runs, finished=before, undelivered=before))
    told = [status["webhook"]["phase"] for status in statuses(made).values()]
    assert sorted(told) == ["Failed"] * 3 + ["Pending"] * 2


def test_of_a_job_that_is_not_understood_the_version_says_who_is_told() -> None:
    understood = hooked()
    of = replace(understood, spec=None, invalid="no such zone")
    answer = Answer("Completed", http_status=200, message="answered 200")
    one = executing("one")
    made = plan(observed(of, one, versions=[version(understood)], answers={one.uid: answer}))
    assert statuses(made)["one"]["webhook"]["phase"] == "Pending"


def test_what_does_not_end_says_nothing() -> None:
    made = plan(observed(hooked(), run("one")))
    assert "webhook" not in statuses(made)["one"]


# What is told, and when.


def test_those_that_are_due_are_told_the_one_that_is_due_first_first() -> None:
    told = tell(pending("b", due=NOW - 1), pending("c", due=NOW + 9), pending("a", due=NOW))
    assert begun(told) == ["b", "a"]
    assert (told.wake_at, told.wanting, told.hook) == (NOW + 9, False, None)


def test_no_more_begin_than_there_are_slots() -> None:
    runs = [pending(f"r{number}") for number in range(5)]
    told = tell(*runs, slots=2)
    assert (begun(told), told.wanting) == (["r0", "r1"], True)
    assert begun(tell(*runs, slots=0)) == []
    assert tell(*runs, slots=0).wanting
    assert not tell(*runs, slots=5).wanting


def test_one_is_told_once_at_a_time_and_not_while_its_write_has_to_wait() -> None:
    runs = [pending("one"), pending("two"), pending("off", deleting=True)]
    assert begun(tell(*runs, under_way=frozenset({"uid-one"}))) == ["two"]
    known = Deliveries(slots=9)
    assert begun(telling(hooked(), runs, known, frozenset({"JobRun/two"}), NOW)) == ["one"]


def test_without_a_webhook_nobody_is_told_and_nothing_is_kept_waiting() -> None:
    told = tell(pending(), of=job(), attempts={"uid-one": failed()})
    assert told == Telling()


# What becomes of an attempt.


def test_one_that_was_delivered_is_put_on_record_and_the_rest_of_the_status_stays() -> None:
    attempt = Attempt(2, "Delivered", STATUS, NOW)
    told = tell(pending(attempts=1), attempts={"uid-one": attempt})
    record = {"phase": "Delivered", "attempts": 2, "completionTime": format_time_micro(NOW)}
    assert written(told) == {"one": {**STATUS, "webhook": record}}
    assert begun(told) == []


@pytest.mark.parametrize(
    ("number", "seconds"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 10800)]
)
def test_one_that_failed_is_tried_again_after_its_delay(number: int, seconds: float) -> None:
    told = tell(pending(attempts=number - 1), attempts={"uid-one": failed(number)})
    record = written(told)["one"]["webhook"]
    assert (record["phase"], record["attempts"]) == ("Pending", number)
    assert record["nextTime"] == format_time_micro(NOW + seconds)
    assert record["lastError"]["httpStatus"] == 503


def test_after_the_last_one_it_is_given_up() -> None:
    number = len(DELAYS) + 1
    told = tell(pending(attempts=number - 1), attempts={"uid-one": failed(number)})
    record = written(told)["one"]["webhook"]
    assert (record["phase"], record["attempts"]) == ("Failed", number)
    assert record["completionTime"] == format_time_micro(NOW)
    assert "nextTime" not in record


@pytest.mark.parametrize(("asked", "waits"), [(1.0, 5.0), (60.0, 60.0), (None, 5.0)])
def test_what_the_receiver_asks_for_raises_the_delay(asked: float | None, waits: float) -> None:
    told = tell(pending(), attempts={"uid-one": failed(retry_after=asked)})
    assert written(told)["one"]["webhook"]["nextTime"] == format_time_micro(NOW + waits)


# When the webhook as such is told of nothing.


def paused(mark: str = MARK) -> dict[str, str]:
    return {"phase": "Paused", "reason": "Gone", "message": "m", "since": "s", "hook": mark}


def test_410_pauses_it_and_that_is_said_of_the_job_alone() -> None:
    told = tell(pending(), said=Said(MARK, "Gone", "it says no"))
    assert (begun(told), told.steps, told.wake_at) == ([], (), None)
    assert told.hook == {
        "phase": "Paused",
        "reason": "Gone",
        "message": "it says no",
        "since": format_time(NOW),
        "hook": MARK,
    }


def test_a_pause_on_record_holds_whatever_others_came_back_with() -> None:
    for said in (None, Said(MARK, "Delivered"), Said(MARK, "SecretUnreadable", "x")):
        told = tell(pending(), of=hooked(webhook=paused()), said=said)
        assert (begun(told), told.hook) == ([], paused())


def test_another_webhook_is_not_paused() -> None:
    for said in (None, Said("sha256:other", "Gone", "m")):
        told = tell(pending(), of=hooked(webhook=paused("sha256:other")), said=said)
        assert (begun(told), told.hook) == (["one"], None)
    resumed = replace(hooked(webhook=paused()), resume="again")
    assert begun(tell(pending(), of=resumed)) == ["one"]


def test_each_part_of_a_webhook_and_the_annotation_tell_it_from_another() -> None:
    assert HOOK is not None
    other = {
        "url": "http://other.example/",
        "events": ["jobrun.failed"],
        "secret_refs": [*HOOK.secret_refs, *HOOK.secret_refs],
    }
    marks = {mark_of(HOOK.model_copy(update={name: value}), "") for name, value in other.items()}
    assert len({MARK, mark_of(HOOK, "again"), *marks}) == 5


def test_what_was_delivered_while_it_was_paused_is_still_put_on_record() -> None:
    attempt = Attempt(1, "Delivered", STATUS, NOW)
    told = tell(pending(), of=hooked(webhook=paused()), attempts={"uid-one": attempt})
    assert written(told)["one"]["webhook"]["phase"] == "Delivered"


WAITING: Final = Said(MARK, "SecretUnreadable", "Secret keys is not there")


def test_for_a_secret_one_attempt_at_a_time_looks() -> None:
    runs = [pending(f"r{number}") for number in range(5)]
    told = tell(*runs, said=WAITING)
    assert begun(told) == ["r0"]
    assert (told.hook or {})["phase"] == "Waiting"
    assert not told.wanting
    assert begun(tell(*runs, said=WAITING, under_way=frozenset({"uid-r4"}))) == []
    later = tell(*runs, said=WAITING, not_before=NOW + 60)
    assert (begun(later), later.wake_at) == ([], NOW + 60)
    assert begun(tell(*runs, said=WAITING, not_before=NOW)) == ["r0"]


def test_that_it_waits_is_on_record_until_an_attempt_was_made() -> None:
    first = tell(pending(), said=WAITING).hook
    of = hooked(webhook=first)
    assert tell(pending(), of=of, now=NOW + 99).hook == first, "also for another process"
    assert tell(pending(), of=of, said=WAITING, now=NOW + 99).hook == first
    changed = tell(pending(), of=of, said=replace(WAITING, message="no key"), now=NOW + 99).hook
    assert changed == {**(first or {}), "message": "no key"}
    for said in (Said(MARK, "Delivered"), Said(MARK, "Failed")):
        assert tell(pending(), of=of, said=said).hook is None
    gone = tell(pending(), of=of, said=Said(MARK, "Gone", "no"), now=NOW + 99).hook or {}
    assert (gone["phase"], gone["since"]) == ("Paused", format_time(NOW + 99))


def test_nothing_is_looked_at_again_where_nothing_is_pending() -> None:
    assert tell(not_before=NOW + 60).wake_at is None


def test_the_job_says_what_holds_its_webhook() -> None:
    made = plan(observed(hooked(), deliveries=Deliveries(said=WAITING)))
    (action,) = (
        action
        for step in made.steps
        for action in step.actions
        if isinstance(action, SetStatus) and action.kind == "HTTPJob"
    )
    assert action.status["webhook"]["reason"] == "SecretUnreadable"
    conditions = {each["type"]: each["status"] for each in action.status["conditions"]}
    assert conditions == {"Ready": "True", "WebhookHeld": "True"}
    assert "WebhookHeld" in [note.reason for note in action.notes]


# What holds of any.


def test_an_id_follows_from_the_run_and_its_end_and_has_no_full_stop() -> None:
    ids = {message_id(uid, phase) for uid in ("u-1", "u-2") for phase in TERMINAL}
    assert len(ids) == 2 * len(TERMINAL)
    assert message_id("u-1", "DeadLetter") == "u-1-dead_letter"
    assert not any("." in each for each in ids)


ATTEMPTS = st.lists(st.sampled_from(["Delivered", "Failed", "lost"]), max_size=30)


@given(ATTEMPTS)
def test_a_delivery_ends_delivered_or_after_eight_attempts_and_crashes_count_none(
    results: list[Any],
) -> None:
    now, view, made = NOW, pending(), 0
    for result in results:
        assert view.delivery is not None
        now = max(now, view.delivery.next_time)
        assert begun(tell(view, now=now)) == ["one"]
        if result == "lost":
            continue
        made += 1
        attempt = Attempt(made, result, STATUS, now)
        record = written(tell(view, now=now, attempts={view.uid: attempt}))["one"]["webhook"]
        assert record["attempts"] == made
        if result == "Delivered":
            assert record["phase"] == "Delivered"
            return
        assert (record["phase"] == "Failed") == (made == len(DELAYS) + 1)
        if record["phase"] == "Failed":
            return
        view = replace(view, delivery=Delivery(made, now + DELAYS[made - 1]))


@given(
    st.lists(st.floats(-100, 100), max_size=20),
    st.integers(0, 8),
    st.sets(st.integers(0, 19)),
)
def test_of_any_that_are_pending_none_is_forgotten(
    dues: list[float], slots: int, under_way: Iterable[int]
) -> None:
    runs = [pending(f"r{number:02}", due=NOW + due) for number, due in enumerate(dues)]
    calling = frozenset(f"uid-r{number:02}" for number in under_way)
    told = tell(*runs, slots=slots, under_way=calling)
    left = [each for each in runs if each.uid not in calling and each not in told.begin]
    assert len(told.begin) <= slots
    for each in left:
        assert each.delivery is not None
        if each.delivery.next_time <= NOW:
            assert told.wanting
        else:
            assert told.wake_at is not None
            assert told.wake_at <= each.delivery.next_time
