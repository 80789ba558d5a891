"""Tallies by hour and day: which windows they make, and how much of a status they are."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegate.api.httpjob_status import MAX_LINE, JobHealth
from wavegate.reference.tables import docstring_table
from wavegate.runs import tallies
from wavegate.runs.histogram import FINEST, Histogram
from wavegate.runs.job_health import COUNTED, Tally
from wavegate.runs.tallies import (
    DAY,
    HOUR,
    SPANS,
    Tallies,
    added,
    begins,
    line,
    over,
    read,
    tally_of,
    written,
)

NOW = datetime(2026, 11, 27, 10, 20, tzinfo=UTC).timestamp()
ONE = Tally({"completed": 1}, Histogram.of(2.0))
OTHER = Tally({"failed": 1})


def test_the_table_of_windows() -> None:
    _, *rows = docstring_table(tallies)
    told = {window: f"{datetime.fromtimestamp(begins(window, NOW), UTC):%d %H}" for window in SPANS}
    assert told == {"1h": "27 09", "1d": "26 10", "7d": "20 00", "30d": "28 00"}
    for window, words in rows:
        day, hour = told[window].split()  # type: ignore[index]
        assert words.startswith(f"{day}th ")
        assert words.endswith(f" {hour}:00")


def test_a_window_has_what_ended_since_it_began() -> None:
    ago = {"1h": 80 * 60.0, "1d": DAY + 20 * 60, "7d": 7 * DAY + 10 * HOUR, "30d": 30 * DAY}
    found = added(Tallies(), [(NOW - each, ONE) for each in ago.values()], NOW)
    assert [over(found, window, NOW).total for window in SPANS] == [1, 2, 3, 4]
    before = added(Tallies(), [(begins("1h", NOW) - 1, ONE)], NOW)
    assert [over(before, window, NOW).total for window in SPANS] == [0, 1, 1, 1]


def test_windows_move_with_time_and_nothing_is_written() -> None:
    found = added(Tallies(), [(NOW, ONE)], NOW)
    later = {"1h": 3 * HOUR, "1d": 2 * DAY, "7d": 9 * DAY, "30d": 32 * DAY}
    for window, passed in later.items():
        assert over(found, window, NOW).total == 1  # type: ignore[arg-type]
        assert over(found, window, NOW + passed).total == 0  # type: ignore[arg-type]


def test_hours_become_days_and_days_go() -> None:
    found = added(Tallies(), [(NOW, ONE)], NOW)
    assert (len(found.hours), len(found.days)) == (1, 0)
    found = added(found, [], NOW + 2 * DAY)
    assert list(found.days) == [datetime(2026, 11, 27, tzinfo=UTC).timestamp()]
    assert found.hours == {}
    assert added(found, [], NOW + 32 * DAY) == Tallies()


def test_one_that_ended_in_an_hour_before_the_last_counts_in_its_own() -> None:
    found = added(added(Tallies(), [(NOW, ONE)], NOW), [(NOW - 2 * HOUR, OTHER)], NOW)
    assert over(found, "1h", NOW) == Tally() + ONE
    assert over(found, "1d", NOW) == ONE + OTHER


def test_one_that_ended_when_nobody_counted_is_in_its_day_or_too_old() -> None:
    found = added(Tallies(), [(NOW - 3 * DAY, ONE), (NOW - 40 * DAY, ONE)], NOW)
    assert (found.hours, len(found.days)) == ({}, 1)
    assert over(found, "30d", NOW).total == 1


def test_what_ends_later_than_now_ends_now_also_once_a_clock_was_set_back() -> None:
    ahead = added(Tallies(), [(NOW + 5 * HOUR, ONE)], NOW)
    assert list(ahead.hours) == [NOW // HOUR * HOUR]
    a_year_ahead = added(Tallies(), [(NOW + 365 * DAY, ONE)], NOW + 365 * DAY)
    back = added(a_year_ahead, [(NOW, OTHER)], NOW)
    assert list(back.hours) == [NOW // HOUR * HOUR]
    assert over(back, "1h", NOW) == ONE + OTHER


RUNS = st.lists(
    st.tuples(st.floats(0, 40 * DAY), st.sampled_from(COUNTED), st.floats(0.001, 3600)),
    max_size=40,
)


def _ended(runs: list[Any]) -> list[tuple[float, Tally]]:
    return [
        (NOW + at, Tally({name: 1}, Histogram.of(took) if name == "completed" else Histogram()))
        for at, name, took in sorted(runs)
    ]


def _same(one: Tallies, other: Tallies) -> bool:
    return written(one) == written(other)


@given(runs=RUNS, passes=st.lists(st.floats(0, 40 * DAY), max_size=6))
def test_counted_as_they_end_or_all_at_once_is_the_same(runs: Any, passes: list[float]) -> None:
    end, ended = NOW + 40 * DAY, _ended(runs)
    bit_by_bit = Tallies()
    for before, now in pairwise([NOW - 1, *(NOW + each for each in sorted(passes)), end]):
        part = [each for each in ended if before < each[0] <= now]
        bit_by_bit = read(written(added(bit_by_bit, part, now)))
    assert _same(bit_by_bit, added(Tallies(), ended, end))


WILD = st.builds(
    Tally,
    st.dictionaries(st.sampled_from(COUNTED), st.integers(1, 10**8)),
    st.builds(
        Histogram,
        st.integers(0, 10**15),
        st.just(FINEST),
        st.dictionaries(st.integers(0, 31 * 2**FINEST), st.integers(1, 10**6), max_size=100),
    ),
)


@settings(max_examples=settings.default.max_examples // 10)
@given(wild=st.lists(WILD, min_size=1, max_size=4))
def test_whatever_the_load_a_line_fits_and_says_the_same_in_coarser_buckets(
    wild: list[Tally],
) -> None:
    found = added(Tallies(), [(NOW, each) for each in wild], NOW)
    (kept,) = found.hours.values()
    whole = sum(wild, Tally())
    assert len(line(kept)) <= MAX_LINE
    assert (kept.counts, kept.durations.sum_ms) == (whole.counts, whole.durations.sum_ms)
    assert kept.durations == whole.durations.at(kept.durations.scale)
    scale = kept.durations.scale
    assert scale == FINEST or len(line(Tally(whole.counts, whole.durations.at(scale + 1)))) > 100
    assert tally_of(line(kept)) == kept


def test_an_hour_of_ordinary_runs_is_as_fine_as_can_be() -> None:
    took = [2.0 + (each % 60) / 30 for each in range(3600)]
    hour = [(NOW, Tally({"completed": 1}, Histogram.of(each))) for each in took]
    (kept,) = added(Tallies(), hour, NOW).hours.values()
    assert kept.durations.scale == FINEST


def test_a_record_is_read_as_it_was_written_and_fits_its_model() -> None:
    ended = [(NOW - each * HOUR, ONE) for each in range(800)]
    found = added(Tallies(), ended, NOW)
    assert read(written(found)) == found
    assert (len(found.hours), len(found.days)) == (25, 30)
    JobHealth.model_validate(written(found))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one",
        "1,,,,, 2000 3 87:1 ",
        "1,,,,,, 2000 3 87:1",
        "1,,,,, 2000 9 87:1",
        "1,,,,, 2000 -9 87:1",
        "1,,,,, 2000 3 87:-1",
        "1" * 5000 + ",,,,, 0 3",
        "²,,,,, 2000 3",
    ],
)
def test_what_is_no_tally_is_left_out(text: str) -> None:
    assert tally_of(text) is None
    record = {"hours": {"2026-11-27T10": text, "never": line(ONE)}, "days": {"": line(ONE)}}
    assert read(record) == Tallies()
