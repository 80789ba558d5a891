"""The table of wavegate.runs.retry, its bounds, and whose settings count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.httpjob import Retry
from wavegate.api.jobrun import RetryOverride
from wavegate.runs.retry import LONGEST_RETRY_AFTER, delay, draw, settings

MIDDLE = 0.5


def retry(**fields: Any) -> Retry:
    return Retry(**{"jitter_percent": 0, **fields})


@st.composite
def retries(draw: st.DrawFn) -> Retry:
    seconds = st.integers(0, 86_400_000).map(lambda millis: millis / 1000)
    return Retry(
        max_attempts=100,
        strategy=draw(st.sampled_from(["Exponential", "Linear", "Fixed", "Custom"])),
        initial_delay=draw(seconds),
        max_delay=draw(seconds),
        jitter_percent=draw(st.integers(0, 100)),
        delays=draw(st.lists(seconds, max_size=5)),
    )


DRAWS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("fields", "delays"),
    [
        pytest.param({"strategy": "Exponential"}, [1, 2, 4, 8, 3600], id="exponential"),
        pytest.param({"strategy": "Linear"}, [1, 2, 3, 4, 100], id="linear"),
        pytest.param({"strategy": "Fixed"}, [1, 1, 1, 1, 1], id="fixed"),
        pytest.param(
            {"strategy": "Custom", "delays": [5.0, 30.0]}, [5, 30, 30, 30, 30], id="custom"
        ),
        pytest.param({"strategy": "Custom"}, [1, 1, 1, 1, 1], id="custom without delays"),
        pytest.param(
            {"strategy": "Custom", "delays": [5.0, 30.0], "max_delay": 10.0},
            [5, 10, 10, 10, 10],
            id="custom beyond maxDelay",
        ),
        pytest.param({"strategy": "Linear", "max_delay": 2.5}, [1, 2, 2.5, 2.5, 2.5], id="capped"),
        pytest.param({"initial_delay": 0.0}, [0, 0, 0, 0, 0], id="no delay"),
        pytest.param({"max_delay": 0.0}, [0, 0, 0, 0, 0], id="maxDelay 0s"),
        pytest.param({"initial_delay": 86_400.0, "max_delay": 86_400.0}, [86_400] * 5, id="a day"),
    ],
)
def test_the_delay_by_strategy(fields: dict[str, Any], delays: list[float]) -> None:
    assert [delay(retry(**fields), failed, MIDDLE) for failed in (1, 2, 3, 4, 100)] == delays


@pytest.mark.parametrize(
    ("percent", "max_delay", "drawn", "seconds"),
    [
        pytest.param(20, 3600.0, 0.0, 8, id="the shortest"),
        pytest.param(20, 3600.0, 0.5, 10, id="in the middle"),
        pytest.param(20, 3600.0, 0.75, 11, id="longer"),
        pytest.param(100, 3600.0, 0.0, 0, id="all of it"),
        pytest.param(0, 3600.0, 0.9, 10, id="none"),
        pytest.param(20, 11.0, 0.0, 8, id="the bound leaves the shortest"),
        pytest.param(20, 11.0, 0.5, 9.5, id="the bound leaves what is below it, evenly"),
        pytest.param(20, 5.0, 0.0, 4, id="what is beyond the bound is spread below it"),
        pytest.param(20, 10.0, 0.5, 9, id="at the bound only shorter ones are left"),
    ],
)
def test_jitter_spreads_it(percent: int, max_delay: float, drawn: float, seconds: float) -> None:
    fixed = retry(strategy="Fixed", initial_delay=10.0, max_delay=max_delay, jitter_percent=percent)
    assert delay(fixed, 1, drawn) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        pytest.param(None, 10, id="nothing"),
        pytest.param(0.0, 10, id="at once"),
        pytest.param(3.0, 10, id="less"),
        pytest.param(90.0, 90, id="more, and beyond maxDelay"),
        pytest.param(3600.0, 3600, id="an hour"),
        pytest.param(7200.0, 3600, id="more than an hour"),
    ],
)
def test_retry_after_only_raises_it(asked: float | None, seconds: float) -> None:
    assert delay(retry(initial_delay=10.0, max_delay=20.0), 1, MIDDLE, asked) == seconds


def test_an_hour_of_retry_after_does_not_shorten_a_longer_delay() -> None:
    day = retry(initial_delay=86_400.0, max_delay=86_400.0)
    assert delay(day, 1, MIDDLE, 1e9) == 86_400


@given(retries(), st.integers(1, 100), DRAWS, DRAWS)
def test_bounds_hold_after_jitter_and_draws_keep_their_order(
    retry: Retry, failed: int, one: float, other: float
) -> None:
    shorter, longer = (delay(retry, failed, each) for each in sorted((one, other)))
    assert 0 <= shorter <= longer <= retry.max_delay


@given(retries(), st.integers(1, 100), DRAWS, st.floats(0, 1e12))
def test_retry_after_is_bounded_too(retry: Retry, failed: int, drawn: float, asked: float) -> None:
    without, raised = delay(retry, failed, drawn), delay(retry, failed, drawn, asked)
    assert raised == max(without, min(asked, LONGEST_RETRY_AFTER))


@given(retries(), st.integers(1, 99), DRAWS)
def test_without_jitter_no_delay_is_shorter_than_the_one_before(
    retry: Retry, failed: int, drawn: float
) -> None:
    plain = retry.model_copy(update={"jitter_percent": 0, "delays": sorted(retry.delays)})
    assert delay(plain, failed, drawn) <= delay(plain, failed + 1, drawn)


def test_a_draw_is_the_same_in_every_process() -> None:
    assert draw("2f1c", 1) == pytest.approx(0.6858774, abs=1e-7)
    assert draw("2f1c", 2) != draw("2f1c", 1)
    assert draw("2f1d", 1) != draw("2f1c", 1)


@given(st.text(), st.integers(1, 100))
def test_a_draw_is_at_least_0_and_below_1(uid: str, attempt: int) -> None:
    drawn = draw(uid, attempt)
    assert 0 <= drawn < 1
    assert (drawn * 2**53).is_integer(), "no finer than it can be just below 1, to round to it"


def test_draws_of_many_runs_are_spread_evenly() -> None:
    tenths = [int(draw(f"uid-{n}", 1) * 10) for n in range(10_000)]
    assert all(900 < tenths.count(each) < 1100 for each in range(10))


JOB = Retry(strategy="Custom", delays=[1.0, 2.0, 3.0], max_attempts=5, jitter_percent=10)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param(None, JOB, id="nothing"),
        pytest.param(RetryOverride(), JOB, id="an empty one"),
        pytest.param(
            RetryOverride(max_attempts=1), JOB.model_copy(update={"max_attempts": 1}), id="attempts"
        ),
        pytest.param(
            RetryOverride(delays=[9.0]), JOB.model_copy(update={"delays": [9.0]}), id="delays"
        ),
        pytest.param(
            RetryOverride(initial_delay=0.0, jitter_percent=0),
            JOB.model_copy(update={"initial_delay": 0.0, "jitter_percent": 0}),
            id="a zero is a value",
        ),
        pytest.param(
            RetryOverride(
                max_attempts=2,
                strategy="Linear",
                initial_delay=7.0,
                max_delay=8.0,
                jitter_percent=50,
                delays=[4.0],
            ),
            Retry(
                max_attempts=2,
                strategy="Linear",
                initial_delay=7.0,
                max_delay=8.0,
                jitter_percent=50,
                delays=[4.0],
            ),
            id="everything",
        ),
    ],
)
def test_what_the_run_says_is_above_what_the_job_says(
    own: RetryOverride | None, expected: Retry
) -> None:
    assert settings(JOB, own) == expected
