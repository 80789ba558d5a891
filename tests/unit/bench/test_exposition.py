"""Differences and quantiles of Prometheus text."""

from __future__ import annotations

import pytest

from bench.exposition import Page, difference, quantile, read, total

BEFORE = """\
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 10
took_seconds_bucket{le="0.5"} 10
took_seconds_bucket{le="+Inf"} 10
took_seconds_sum 0.5
took_seconds_count 10
# TYPE sent_total counter
sent_total{method="GET",code="200"} 3
# TYPE other_total counter
other_total 7
"""
AFTER = """\
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 12
took_seconds_bucket{le="0.5"} 20
took_seconds_bucket{le="+Inf"} 20
took_seconds_sum 3.5
took_seconds_count 20
# TYPE sent_total counter
sent_total{method="GET",code="200"} 4
sent_total{method="GET",code="404"} 2
sent_total{method="POST",code="200"} 5
"""


@pytest.fixture
def added() -> Page:
    names = ("took_seconds", "sent_total")
    return difference(read(BEFORE, names), read(AFTER, names))


def test_only_what_was_added_counts_and_a_new_series_began_with_0(added: Page):
    assert total(added, "took_seconds_count") == 10
    assert total(added, "took_seconds_sum") == pytest.approx(3.0)
    assert total(added, "sent_total") == 8
    assert total(added, "sent_total", method="GET") == 3
    assert total(added, "sent_total", method="GET", code="404") == 2


def test_what_was_not_asked_for_is_not_read():
    assert {name for name, _ in read(BEFORE, ["sent_total"])} == {"sent_total"}


@pytest.mark.parametrize(
    ("share", "value"),
    [
        pytest.param(0.5, 0.25, id="in the middle of a bucket"),
        pytest.param(0.2, 0.1, id="at a bucket's end"),
        pytest.param(0.1, 0.05, id="in the first bucket, which begins with 0"),
        pytest.param(1.0, 0.5, id="all"),
    ],
)
def test_a_quantile_is_interpolated(added: Page, share: float, value: float):
    assert quantile(added, "took_seconds", share) == pytest.approx(value)


def test_a_quantile_beyond_the_last_bound_is_that_bound():
    page = read('x_bucket{le="1.0"} 1\nx_bucket{le="+Inf"} 4\n', ["x"])
    assert quantile(page, "x", 0.99) == 1.0


def test_of_nothing_there_is_no_quantile(added: Page):
    assert quantile(difference(added, added), "took_seconds", 0.5) is None
    assert quantile(added, "sent_total", 0.5) is None
