from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from wavegate.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Uncertain,
    error_of,
)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", Invalid),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (405, "MethodNotAllowed", ApiError),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (410, "Gone", Gone),
        (413, "RequestEntityTooLarge", Invalid),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", ServerError),
        (504, "Timeout", ServerError),
    ],
)
def test_each_answer_has_its_type(code: int, reason: str, kind: type[ApiError]) -> None:
    error = error_of(code, {"reason": reason, "message": "words", "details": {"uid": "u"}})
    assert type(error) is kind
    assert (error.status, error.reason, error.message) == (code, reason, "words")
    assert error.details == {"uid": "u"}
    assert str(error) == f"{code} {reason}: words"


def test_of_long_words_the_first_are_kept() -> None:
    assert error_of(422, {"message": "x" * 1_000_000}).message == "x" * 8192


def test_a_body_that_is_no_status_document_still_has_its_type() -> None:
    assert type(error_of(502, None)) is ServerError
    assert type(error_of(404, {"reason": 7, "details": "x"})) is NotFound


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("3", {}, 3.0),
        (None, {"retryAfterSeconds": 5}, 5.0),
        ("3", {"retryAfterSeconds": 5}, 3.0),
        ("soon", {}, None),
        ("²", {}, None),
        ("٣", {}, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", {}, None),
        (None, {"retryAfterSeconds": "x"}, None),
        (None, {}, None),
    ],
)
def test_retry_after(header: str | None, details: dict[str, Any], seconds: float | None) -> None:
    assert error_of(429, {"details": details}, header).retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait = error_of(503, None, moment).retry_after
    assert wait is not None
    assert 50 < wait <= 60


def test_uncertain_is_no_answer() -> None:
    error = Uncertain("POST /x: reset")
    assert isinstance(error, ApiError)
    assert (error.status, error.reason) == (0, "Uncertain")
