"""Durations: the table that the API server is held to as well, and the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from unit.api.duration_table import BAD, GOOD
from wavegate.api.durations import format_duration, parse_duration
from wavegate.api.rollout import HealthCheck


@pytest.mark.parametrize(("text", "seconds"), GOOD.items())
def test_a_good_duration_is_its_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", BAD)
def test_a_bad_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|is too long"):
        parse_duration(text)


def test_the_error_says_what_is_wanted_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"'5 minutes' .* a number and a unit .* such as 30s, 5m"):
        parse_duration("5 minutes")


def test_parts_are_added_without_rounding() -> None:
    assert parse_duration("0.1s0.2s") == 0.3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (0.25, "250ms"),
        (3600, "1h"),
        (86400, "24h"),
        (3661.5, "1h1m1s500ms"),
    ],
)
def test_a_duration_is_written_in_its_usual_form(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_negative_duration_is_not_written() -> None:
    with pytest.raises(ValueError, match="never negative"):
        format_duration(-1)


@given(st.integers(min_value=0, max_value=86_400_000))
def test_written_and_read_again_it_is_the_same(millis: int) -> None:
    seconds = millis / 1000
    assert parse_duration(format_duration(seconds)) == seconds


def test_in_a_model_it_is_seconds_and_outside_a_string() -> None:
    health = HealthCheck.model_validate({"interval": "1m", "deadline": "90s"})
    assert (health.interval, health.deadline) == (60.0, 90.0)
    assert health.to_dict()["deadline"] == "1m30s"


@pytest.mark.parametrize("value", [True, None, [], {}, "P1D"])
def test_a_model_refuses_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValidationError):
        HealthCheck.model_validate({"deadline": [value]})
    if value is not None:
        with pytest.raises(ValidationError):
            HealthCheck.model_validate({"deadline": value})
