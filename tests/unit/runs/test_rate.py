"""The table of wavegate.runs.rate, its bound over any history, and rates that change in use."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wavegate.api.httpjob import Rate
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runs.rate import clock_of, granted, next_time, oldest

NOW = 1_700_000_000.0
MICROS = 1_000_000


def written(clock: float, now: float) -> tuple[float | None, float | None]:
    """As they come out of an object: the clock whole, the time without its fraction."""
    return parse_time(format_time_micro(clock)), parse_time(format_time(now))


@dataclass
class Job:
    """What a pass does with a rate; each begins with nothing but what is on record."""

    rate: Rate
    kept: tuple[float | None, float | None] = (None, None)
    runs: list[tuple[float | None, float | None]] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    """When calls were granted, in microseconds."""

    def clock(self) -> float | None:
        return clock_of(self.rate, [self.kept, *self.runs])

    def ask(self, now: float, calls: int = 1, *, crashes: bool = False) -> int:
        """A pass with so many runs that wait; how many are granted."""
        clock, count = self.clock(), 0
        for _ in range(calls):
            after = granted(self.rate, clock, now)
            if after is None:
                break
            count += 1
            if not crashes:
                # A process that ends before it has written this has not called either.
                clock = after
                self.runs.append(written(after, now))
                self.begun.append(round(now * MICROS))
        return count

    def tidy(self, now: float) -> None:
        """Runs that have ended are removed: what they recorded is kept by the job."""
        clock = self.clock()
        self.kept = (None, None) if clock is None else written(clock, now)
        self.runs.clear()

    def most_within(self, micros: int) -> int:
        """The most calls in any half-open interval of this length."""
        ends = (bisect_left(self.begun, first + micros) for first in self.begun)
        return max((end - start for start, end in enumerate(ends)), default=0)


RATES = st.builds(
    lambda calls, millis: Rate(max=calls, window=millis / 1000),
    st.integers(1, 12) | st.sampled_from([997, 99_999, 100_000]),
    st.integers(1000, 20_000) | st.sampled_from([86_400_000]),
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 8_000_000) | st.just(0),
        st.sampled_from(["ask", "ask", "ask", "crash", "tidy"]),
        st.integers(1, 15),
    ),
    max_size=30,
)


def test_the_table() -> None:
    rate = Rate(max=3, window=60.0)
    clock: float | None = None
    rows = []
    for seconds in (0, 0, 0, 0, 20, 40, 60, 110):
        after = granted(rate, clock, NOW + seconds)
        clock = clock if after is None else after
        rows.append((after is not None, (clock or 0) - NOW))
    assert rows == [
        (True, 20),
        (True, 40),
        (True, 60),
        (False, 60),
        (True, 80),
        (True, 100),
        (True, 120),
        (True, 140),
    ]


@pytest.mark.parametrize(
    ("seconds", "granted_then"),
    [
        pytest.param(19.999999, 0, id="a microsecond too soon"),
        pytest.param(20.0, 1, id="one interval later"),
        pytest.param(59.0, 2, id="two intervals later"),
        pytest.param(60.0, 3, id="a window later the whole burst"),
        pytest.param(1e6, 3, id="no more than that is ever saved up"),
    ],
)
def test_what_is_restored_after_a_burst(seconds: float, granted_then: int) -> None:
    job = Job(Rate(max=3, window=60.0))
    assert job.ask(NOW, 10) == 3
    assert job.ask(NOW + seconds, 10) == granted_then


@given(RATES, st.integers(0, 10**12))
def test_the_whole_window_is_the_burst(rate: Rate, micros: int) -> None:
    job = Job(rate.model_copy(update={"max": min(rate.max, 200)}))
    assert job.ask(NOW + micros / MICROS, 2000) == job.rate.max


@given(RATES, st.integers(0, 10**12))
def test_a_clock_is_read_back_as_it_was(rate: Rate, micros: int) -> None:
    now = NOW + micros / MICROS
    clock = granted(rate, None, now)
    assert clock is not None
    again = clock_of(rate, [written(clock, now)])
    assert again == clock
    assert granted(rate, again, now + rate.window) == granted(rate, clock, now + rate.window)


@given(RATES, STEPS)
@example(Rate(max=3, window=1.0), [(0, "ask", 3)] + [(333_333, "ask", 1)] * 8)
@example(Rate(max=3, window=1.0), [(0, "ask", 3)] + [(333_334, "ask", 1)] * 8)
def test_no_window_has_more_than_the_bound(rate: Rate, steps: list[tuple[int, str, int]]) -> None:
    job, now = Job(rate), NOW
    for micros, what, calls in steps:
        now = (round(now * MICROS) + micros) / MICROS
        if what == "tidy":
            job.tidy(now)
        else:
            job.ask(now, calls, crashes=what == "crash")
    window = round(rate.window * MICROS)
    for windows in (1, 2, 3):
        assert job.most_within(windows * window) <= (windows + 1) * rate.max - 1


def test_the_bound_is_reached() -> None:
    job = Job(Rate(max=3, window=60.0))
    for second in range(121):
        job.ask(NOW + second, 10)
    assert job.most_within(60 * MICROS) == 5
    assert job.most_within(120 * MICROS) == 8


@given(RATES.filter(lambda rate: rate.max <= 12), st.integers(1, 5))
def test_at_sustained_load_it_is_max_per_window(rate: Rate, windows: int) -> None:
    job, now = Job(rate), NOW
    job.ask(now, rate.max)
    for _ in range(windows * rate.max):
        before, now = now, next_time(rate, job.clock(), now)
        assert now > before
        assert job.ask(now, 10) == 1
    # The interval is rounded up to a microsecond.
    assert now - NOW == pytest.approx(windows * rate.window, abs=windows * rate.max * 1.5e-6)


@given(RATES, STEPS)
def test_the_next_time_is_the_first_at_which_one_is_granted(
    rate: Rate, steps: list[tuple[int, str, int]]
) -> None:
    job, now = Job(rate), NOW
    for micros, _, calls in steps:
        now = (round(now * MICROS) + micros) / MICROS
        job.ask(now, calls)
        clock = job.clock()
        then = next_time(rate, clock, now)
        assert now <= then <= now + rate.window / rate.max + 2e-6
        assert granted(rate, clock, then) is not None
        assert then == now or granted(rate, clock, then - 1.5e-6) is None


def test_without_a_clock_one_may_begin_at_once() -> None:
    rate = Rate(max=1, window=86_400.0)
    assert clock_of(rate, []) is None
    assert next_time(rate, None, NOW) == NOW
    assert granted(rate, None, NOW) == NOW + 86_400


def test_the_greatest_clock_counts_of_those_that_are_known_with_their_time() -> None:
    rate = Rate(max=3, window=60.0)
    known = [(NOW - 5, NOW - 60), (NOW + 7, NOW - 50), (NOW + 3, NOW), (None, NOW), (NOW + 9, None)]
    assert clock_of(rate, known) == NOW + 7
    assert clock_of(rate, known[3:]) is None


DAY = {"max": 1000, "window": 86_400.0}


@given(
    RATES,
    st.lists(st.tuples(st.integers(-200, 200), st.integers(-200, 5)), max_size=6),
)
def test_what_is_over_may_be_left_out(rate: Rate, known: list[tuple[int, int]]) -> None:
    clocks = [(NOW + clock, NOW + written) for clock, written in known]
    left = [each for each in clocks if each[1] > oldest(rate, NOW)]
    assert granted(rate, clock_of(rate, left), NOW) == granted(rate, clock_of(rate, clocks), NOW)


@pytest.mark.parametrize(
    ("before", "after", "at_once"),
    [
        pytest.param({"max": 3, "window": 60.0}, {"max": 6, "window": 60.0}, 0, id="more calls"),
        pytest.param({"max": 6, "window": 60.0}, {"max": 3, "window": 60.0}, 0, id="fewer calls"),
        pytest.param({"max": 3, "window": 60.0}, {"max": 3, "window": 120.0}, 1, id="longer"),
        pytest.param({"max": 3, "window": 60.0}, {"max": 3, "window": 30.0}, 0, id="shorter"),
        pytest.param(DAY, {"max": 1000, "window": 1.0}, 0, id="much shorter"),
        pytest.param(DAY, {"max": 1, "window": 1.0}, 0, id="much shorter, and one at a time"),
    ],
)
@pytest.mark.parametrize("tidied", [False, True], ids=["runs are kept", "runs are removed"])
def test_a_rate_that_changes_while_all_of_it_is_used(
    before: dict[str, Any], after: dict[str, Any], at_once: int, tidied: bool
) -> None:
    job = Job(Rate(**before))
    job.ask(NOW, 5000)
    if tidied:
        job.tidy(NOW)
    job.rate = Rate(**after)
    assert job.ask(NOW, 5000) == at_once
    soon = NOW + 1 + job.rate.window / job.rate.max
    assert job.ask(soon, 5000) >= 1


@given(RATES, RATES, st.integers(0, 30_000_000), st.booleans())
@example(Rate(max=100_000, window=86_400.0), Rate(max=1, window=1.0), 0, False)
def test_no_change_locks_a_job_for_longer_than_the_new_window(
    before: Rate, after: Rate, micros: int, tidied: bool
) -> None:
    job = Job(before)
    job.ask(NOW, 100)
    if tidied:
        job.tidy(NOW)
    job.rate, now = after, NOW + micros / MICROS
    for _ in range(3):
        then = next_time(after, job.clock(), now)
        assert then - now <= after.window / after.max + 1 + 2e-6
        assert job.ask(then) == 1
        now = then


@given(RATES, RATES, STEPS)
def test_the_bound_holds_from_a_change_on(
    before: Rate, after: Rate, steps: list[tuple[int, str, int]]
) -> None:
    job = Job(before)
    job.ask(NOW, 100)
    job.rate, job.begun, now = after, [], NOW
    for micros, what, calls in steps:
        now = (round(now * MICROS) + micros) / MICROS
        if what == "tidy":
            job.tidy(now)
        job.ask(now, calls, crashes=what == "crash")
    assert job.most_within(round(after.window * MICROS)) <= 2 * after.max - 1


def test_a_rate_given_anew_after_its_clocks_are_gone_has_its_whole_burst() -> None:
    job = Job(Rate(max=3, window=60.0))
    job.ask(NOW, 10)
    job.runs.clear()
    assert job.ask(NOW + 1, 10) == 3


def test_a_process_whose_time_is_behind_waits_for_the_difference_and_an_interval() -> None:
    job = Job(Rate(max=3, window=60.0))
    job.ask(NOW + 5, 10)
    assert next_time(job.rate, job.clock(), NOW) == NOW + 5 + 20
