"""Histograms of durations: sums are exact, quantiles as exact as they say."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.reference.tables import docstring_table
from wavegate.runs import histogram
from wavegate.runs.histogram import COARSEST, FINEST, LONGEST, Histogram

DURATIONS = st.lists(st.floats(0.001, 3600.0), min_size=1, max_size=60)
SCALES = st.integers(COARSEST, FINEST)


def of(durations: list[float]) -> Histogram:
    return sum(map(Histogram.of, durations), Histogram())


def test_without_durations_there_is_no_average_and_no_quantile() -> None:
    assert (Histogram().average, Histogram().quantile(0.95), Histogram().count) == (None, None, 0)


def test_the_average_is_exact() -> None:
    assert of([1.0, 2.0, 6.0]).average == 3000


def test_the_95th_of_100_is_the_p95_and_the_5_above_it_are_not() -> None:
    mostly = of([1.0] * 95 + [60.0] * 5)
    assert mostly.quantile(0.95) == pytest.approx(1000, rel=mostly.error)
    assert of([1.0] * 94 + [60.0] * 6).quantile(0.95) == pytest.approx(60_000, rel=mostly.error)


@given(durations=DURATIONS, scale=SCALES, share=st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_is_as_exact_as_it_says(
    durations: list[float], scale: int, share: float
) -> None:
    found = of(durations).at(scale)
    millis = sorted(max(1, round(1000 * each)) for each in durations)
    true = millis[ceil(share * len(millis)) - 1]
    told = found.quantile(share)
    assert told is not None
    assert abs(told - true) <= found.error * true * (1 + 1e-9)


@given(parts=st.lists(st.tuples(DURATIONS, SCALES), min_size=1, max_size=5))
def test_what_was_counted_apart_is_what_is_counted_at_once(
    parts: list[tuple[list[float], int]],
) -> None:
    apart = sum((of(durations).at(scale) for durations, scale in parts), Histogram())
    at_once = of([each for durations, _ in parts for each in durations])
    assert apart == at_once.at(min(scale for _, scale in parts))


def test_the_shortest_and_the_longest_have_a_bucket() -> None:
    assert Histogram.of(-3.0) == Histogram.of(0.0) == Histogram.of(0.001)
    assert Histogram.of(1e12).sum_ms == LONGEST
    assert of([0.0, 1e12]).at(COARSEST).buckets == {0: 2}


def test_the_table() -> None:
    _, *rows = docstring_table(histogram)
    for scale, ends_at, error in rows:
        told = Histogram(scale=int(scale))
        assert ends_at.startswith(f"{2.0**2.0**-told.scale:.3g} times")
        assert error == f"{100 * told.error:.1f}%"
