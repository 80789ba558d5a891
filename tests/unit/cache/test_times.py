from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.domain.times import format_time, format_time_micro, micros, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2025-01-31T12:00:00Z", 1738324800.0),
        ("2025-01-31T12:00:00.25Z", 1738324800.25),
        ("2025-01-31T12:00:00.123456Z", 1738324800.123456),
        ("2025-01-31T12:00:00.123456789Z", 1738324800.123456),
        ("2025-01-31T14:00:00+02:00", 1738324800.0),
        ("2025-01-31T12:00:00", 1738324800.0),
    ],
)
def test_rfc_3339_with_or_without_a_fraction(text: str, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("odd", [None, "", "soon", "2025-13-01T00:00:00Z", 12, [], {}, True])
def test_anything_else_is_a_time_not_known(odd: Any) -> None:
    assert parse_time(odd) is None


def test_spelling() -> None:
    assert format_time(1738324800.999) == "2025-01-31T12:00:00Z"
    assert format_time_micro(1738324800.25) == "2025-01-31T12:00:00.250000Z"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-62_135_596_800.0, "0001-01-01T00:00:00"),
        (-1e12, "0001-01-01T00:00:00"),
        (253_402_300_799.0, "9999-12-31T23:59:59"),
        (253_402_300_800.0, "9999-12-31T23:59:59"),
        (1e300, "9999-12-31T23:59:59"),
    ],
)
def test_a_time_that_no_calendar_has_is_written_as_the_nearest(
    seconds: float, written: str
) -> None:
    assert format_time(seconds) == f"{written}Z"
    assert format_time_micro(seconds) == f"{written}.000000Z"


@given(st.integers(0, 4_000_000_000))
def test_a_time_written_is_read_back(seconds: int) -> None:
    assert parse_time(format_time(float(seconds))) == seconds
    assert parse_time(format_time_micro(float(seconds))) == seconds


@given(st.floats(1_700_000_000, 2_500_000_000))
def test_what_is_reckoned_in_microseconds_is_what_is_written(seconds: float) -> None:
    """Also in the middle between two of them, where a float and its product are rounded apart."""
    read = parse_time(format_time_micro(seconds))
    assert read is not None
    assert micros(read) == micros(seconds)
