"""The two tables of wavegate.runs.answers, and what of Retry-After is understood."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.jobrun import Phase
from wavegate.runs.answers import RETRYABLE, Judgment, Outcome, judge, phase_after
from wavegate.runs.states import TERMINAL, may_follow

NOW = datetime(2025, 1, 31, 12, tzinfo=UTC).timestamp()

TRIED_AGAIN = [408, 425, 429, 500, 502, 503, 504, 507, 511, 520, 599]
FINAL = [100, 101, 199, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422]
FINAL += [428, 431, 451, 489, 499, 501, 505, 600, 999, 0]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_2xx_completes(status: int) -> None:
    assert judge(status, {}, NOW) == Judgment("Completed", retryable=False)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 404, 503])
def test_of_an_async_job_202_and_nothing_else_is_accepted(status: int) -> None:
    as_ever = judge(status, {}, NOW)
    accepted = Judgment("Accepted", retryable=False)
    assert judge(status, {}, NOW, is_async=True) == (accepted if status == 202 else as_ever)


@pytest.mark.parametrize("status", TRIED_AGAIN)
def test_what_is_tried_again(status: int) -> None:
    assert judge(status, {}, NOW) == Judgment("Unavailable", retryable=True)


@pytest.mark.parametrize("status", FINAL)
def test_what_fails_at_once(status: int) -> None:
    assert judge(status, {}, NOW) == Judgment("Rejected", retryable=False)


@pytest.mark.parametrize(
    ("name", "value", "retryable"),
    [
        pytest.param("X-Run-Non-Retryable", "true", False, id="as it is written"),
        pytest.param("x-run-non-retryable", "true", False, id="lower case"),
        pytest.param("X-RUN-NON-RETRYABLE", "True ", False, id="upper case, and a space"),
        pytest.param("X-Run-Non-Retryable", "false", True, id="false"),
        pytest.param("X-Run-Non-Retryable", "1", True, id="another word"),
        pytest.param("X-Run-Non-Retryable", "", True, id="empty"),
        pytest.param("X-Run-Retryable", "true", True, id="another header"),
    ],
)
def test_the_endpoint_can_say_that_trying_again_is_no_use(
    name: str, value: str, retryable: bool
) -> None:
    for status in TRIED_AGAIN:
        found = judge(status, {"Retry-After": "5", name: value}, NOW)
        assert found.retryable is retryable
        assert found.outcome == ("Unavailable" if retryable else "Rejected")
    assert judge(200, {name: value}, NOW).outcome == "Completed"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param(" 120\t", 120, id="spaces around"),
        pytest.param("0", 0, id="none"),
        pytest.param("3600", 3600, id="an hour"),
        pytest.param("3601", 3600, id="more than an hour"),
        pytest.param("9" * 5000, 3600, id="more than a number can be"),
        pytest.param("Fri, 31 Jan 2025 12:02:00 GMT", 120, id="date"),
        pytest.param("Friday, 31-Jan-25 12:02:00 GMT", 120, id="date in the spelling of RFC 850"),
        pytest.param("Fri Jan 31 12:02:00 2025", 120, id="date in the spelling of asctime"),
        pytest.param("Fri, 31 Jan 2025 11:00:00 GMT", 0, id="date that has passed"),
        pytest.param("Sat, 31 Jan 2026 12:00:00 GMT", 3600, id="date in a year"),
        pytest.param("", None, id="empty"),
        pytest.param("soon", None, id="a word"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("1e3", None, id="a power"),
        pytest.param("inf", None, id="infinite"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("²", None, id="a digit that is no number"),
        pytest.param("٣", None, id="a digit of another script"),
        pytest.param("Fri, 31 Jan 2025 12:02:60 GMT", None, id="a second that is not"),
        pytest.param("Fri, 31 Jan 2025 12:02:00 +9999", None, id="a zone that is not"),
        pytest.param(f"Fri, 31 Jan {'9' * 20} 12:02:00 GMT", None, id="a year that is not"),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    for name in ("Retry-After", "retry-after", "RETRY-AFTER"):
        assert judge(503, {"Server": "x", name: value}, NOW).retry_after == seconds


def test_a_date_without_a_zone_is_not_of_where_the_operator_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = judge(503, {"Retry-After": "Fri Jan 31 12:02:00 2025"}, NOW).retry_after
    time.tzset()
    assert found == 120


def test_retry_after_counts_only_where_it_is_tried_again() -> None:
    assert judge(200, {"Retry-After": "5"}, NOW).retry_after is None
    assert judge(404, {"Retry-After": "5"}, NOW).retry_after is None


@given(st.text() | st.text("0123456789 :,-+GMTJanFri"))
def test_no_retry_after_is_an_error_or_beyond_an_hour(value: str) -> None:
    found = judge(429, {"Retry-After": value}, NOW).retry_after
    assert found is None or 0 <= found <= 3600


@given(st.integers(0, 3600))
def test_a_date_and_seconds_say_the_same(seconds: int) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)
    by_date = judge(503, {"Retry-After": date}, NOW).retry_after
    assert by_date == judge(503, {"Retry-After": str(seconds)}, NOW).retry_after == seconds


@pytest.mark.parametrize(
    ("outcome", "attempts_left", "used_up", "only_one"),
    [
        ("Completed", "Completed", "Completed", "Completed"),
        ("Unavailable", "Queued", "DeadLetter", "Failed"),
        ("TimedOut", "Queued", "DeadLetter", "TimedOut"),
        ("Crashed", "Queued", "DeadLetter", "Crashed"),
        ("ConnectFailed", "Queued", "DeadLetter", "SystemFailed"),
        ("DnsFailed", "Queued", "DeadLetter", "SystemFailed"),
        ("TlsFailed", "Queued", "DeadLetter", "SystemFailed"),
        ("Reset", "Queued", "DeadLetter", "SystemFailed"),
        ("Rejected", "Failed", "Failed", "Failed"),
        ("AnswerTooLarge", "Failed", "Failed", "Failed"),
        ("BadAnswer", "Failed", "Failed", "Failed"),
        ("AddressRefused", "SystemFailed", "SystemFailed", "SystemFailed"),
        ("SourceUnreadable", "SystemFailed", "SystemFailed", "SystemFailed"),
        ("CallbacksOff", "SystemFailed", "SystemFailed", "SystemFailed"),
        ("Accepted", "Executing", "Executing", "Executing"),
    ],
)
def test_the_phase_of_the_run(
    outcome: Outcome, attempts_left: Phase, used_up: Phase, only_one: Phase
) -> None:
    again = outcome in RETRYABLE
    assert phase_after(outcome, again, 1, 3) == attempts_left
    assert phase_after(outcome, again, 2, 3) == attempts_left
    assert phase_after(outcome, again, 3, 3) == used_up
    assert phase_after(outcome, again, 2, 2) == used_up
    assert phase_after(outcome, again, 4, 3) == used_up, "of a job that allows fewer by now"
    assert phase_after(outcome, again, 1, 1) == only_one


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_leads_where_a_run_that_executes_may_go(outcome: Outcome) -> None:
    for retryable in (False, True):
        for attempt, most in ((1, 1), (1, 2), (2, 2)):
            phase = phase_after(outcome, retryable, attempt, most)
            assert may_follow("Executing", phase)
            assert retryable or phase in TERMINAL or outcome == "Accepted"
