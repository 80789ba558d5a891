"""What is said of the statuses of runs and of their jobs."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from wavegate.api.events import EVENTS
from wavegate.api.httpjob_status import HTTPJobState
from wavegate.domain.actions import DeliveryEnd, RunEnd
from wavegate.runs.notes import of_delivery, of_job, of_run
from wavegate.runs.states import ENDED_BADLY, TERMINAL

PAUSED = {"phase": "Paused", "reason": "Gone", "message": "it says no"}
GIVEN_UP = {
    "phase": "Failed",
    "attempts": 8,
    "lastError": {"class": "Reset", "message": "it broke off"},
}
STATES = get_args(HTTPJobState)


def status(phase: str, reason: str, **facts: Any) -> dict[str, Any]:
    return {"phase": phase, "reason": reason, "message": "why", **facts}


def test_an_end_is_told_with_its_numbers_and_counted() -> None:
    (note,) = of_run("one", status("Failed", "Rejected", attempt=2))
    assert (note.reason, note.message) == ("RunFailed", "one is Failed: why")
    assert dict(note.facts) == {
        "run": "one",
        "attempt": 2,
        "reason": "Rejected",
        "phase": "Failed",
    }
    assert note.counted == RunEnd("Failed")


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_only_a_bad_end_is_an_event_and_warns(phase: str) -> None:
    (note,) = of_run("one", status(phase, "Any"))
    assert note.warning == note.is_event == (phase in ENDED_BADLY)


def test_runs_that_fail_alike_are_one_event_again() -> None:
    first, second = (
        of_run(name, status("DeadLetter", "Unavailable"))[0] for name in ("one", "two")
    )
    other = of_run("three", status("DeadLetter", "TimedOut"))[0]
    assert first.topic == second.topic != other.topic
    assert first.message != second.message


def test_a_retry_is_a_line_and_no_event() -> None:
    (note,) = of_run("one", status("Queued", "RetryBackoff", attempt=1))
    assert (note.reason, note.message, note.is_event) == ("RunRetried", "one: why", False)


def test_of_what_waits_nothing_is_told() -> None:
    assert of_run("one", status("Queued", "JobSuspended")) == ()


def job(state: str, message: str = "", missed: int = 0, **facts: Any) -> dict[str, Any]:
    return {"state": state, "message": message, "schedule": {"missedTicks": missed}, **facts}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({"observedGeneration": -1}, job("Active"), [], id="new"),
        pytest.param({}, job("Suspended"), [("Suspended", False)], id="new and suspended"),
        pytest.param({}, job("Invalid", "no zone"), [("InvalidSpec", True)], id="new and wrong"),
        pytest.param(job("Active"), job("Active"), [], id="the same"),
        pytest.param(job("Active"), job("Suspended"), [("Suspended", False)], id="suspended"),
        pytest.param(job("Suspended"), job("Active"), [("Active", False)], id="resumed"),
        pytest.param(
            job("Invalid", "no zone"), job("Invalid", "no zone"), [], id="wrong as before"
        ),
        pytest.param(
            job("Invalid", "no zone"),
            job("Invalid", "no cron"),
            [("InvalidSpec", True)],
            id="wrong in another way",
        ),
        pytest.param(job("Active"), job("Active", missed=1), [("TicksMissed", True)], id="missed"),
        pytest.param(job("Active", missed=9), job("Active", missed=9), [], id="missed before"),
        pytest.param(
            job("Active"), job("Active", webhook=PAUSED), [("WebhookHeld", True)], id="held"
        ),
        pytest.param(
            job("Active", webhook=PAUSED), job("Active", webhook=PAUSED), [], id="held before"
        ),
        pytest.param(job("Active", webhook=PAUSED), job("Active"), [], id="held no more"),
    ],
)
def test_what_becomes_of_a_job_is_told_once(
    before: dict[str, Any], after: dict[str, Any], told: list[tuple[str, bool]]
) -> None:
    assert [(each.reason, each.warning) for each in of_job(before, after)] == told


def test_missed_ticks_are_counted_in_words() -> None:
    (one,) = of_job(job("Active", missed=2), job("Active", missed=3))
    (more,) = of_job({}, job("Active", missed=3))
    assert one.message.startswith("1 tick of the schedule passed without a run")
    assert more.message.startswith("3 ticks of the schedule passed without a run")


def test_of_a_webhook_each_attempt_is_a_line_and_an_end_is_counted() -> None:
    (told,) = of_delivery("one", {"phase": "Delivered", "attempts": 2})
    assert (told.reason, told.message) == ("WebhookDelivered", "the webhook was told of one")
    assert (told.counted, told.is_event) == (DeliveryEnd("Delivered"), False)
    (again,) = of_delivery("one", {**GIVEN_UP, "phase": "Pending", "attempts": 1})
    assert again.message == "the webhook was not told of one and is tried again: it broke off"
    assert (again.counted, again.is_event) == (None, False)
    (over,) = of_delivery("one", GIVEN_UP)
    assert (over.reason, over.warning, over.is_event) == ("WebhookFailed", True, True)
    assert over.message == "the webhook is not told of one: it broke off"
    assert over.counted == DeliveryEnd("Failed")
    assert dict(over.facts) == {"run": "one", "attempt": 8, "reason": "Reset"}


def test_deliveries_that_fail_alike_are_one_event_again() -> None:
    (first,), (second,) = (of_delivery(name, GIVEN_UP) for name in ("one", "two"))
    (other,) = of_delivery("three", {**GIVEN_UP, "lastError": {"class": "TimedOut"}})
    assert first.topic == second.topic != other.topic


def test_an_end_that_is_not_told_says_so_at_once() -> None:
    ended, given_up = of_run("one", status("Completed", "Completed", webhook=GIVEN_UP))
    assert (ended.reason, given_up.reason) == ("RunEnded", "WebhookFailed")
    pending = {"phase": "Pending", "attempts": 0}
    assert len(of_run("one", status("Completed", "Completed", webhook=pending))) == 1


def test_every_event_is_in_the_list() -> None:
    known = {(each.reason, each.type) for each in EVENTS if each.kind == "HTTPJob"}
    runs = [of_run("one", status(phase, "Any")) for phase in TERMINAL]
    jobs = [
        of_job(job(before), job(after, "why", missed=1))
        for before in STATES
        for after in STATES
        if before != after
    ]
    jobs.append(of_job(job("Active"), job("Active", webhook=PAUSED)))
    runs.append(of_delivery("one", GIVEN_UP))
    notes = [note for each in (*runs, *jobs) for note in each if note.is_event]
    assert {(each.reason, "Warning" if each.warning else "Normal") for each in notes} == known
