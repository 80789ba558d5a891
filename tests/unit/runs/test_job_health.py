"""The health of a job: what each end counts as, and the score that follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs_world import NOW, run
from wavegate.runs.histogram import Histogram
from wavegate.runs.job_health import COUNTED, COUNTED_AS, Tally, health, score, stability
from wavegate.runs.states import TERMINAL

COUNTS = st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 10**6))
DURATIONS = st.lists(st.floats(0.0, 3600.0), max_size=30)


def test_90_of_100_with_an_average_of_2s_and_a_p95_of_5s_score_85_5() -> None:
    assert score(0.9, stability(2.0, 5.0)) == 63 + 22.5 == 85.5


def test_every_end_counts_as_something() -> None:
    assert set(COUNTED_AS) == TERMINAL


def ended(phase: str, took: float | None = 2.0) -> Tally:
    started = NOW - took if took is not None else None
    return Tally.of(run(phase=phase, started=started, completed=NOW))


@pytest.mark.parametrize(
    ("phase", "counts_as"),
    [
        ("Completed", "completed"),
        ("Failed", "failed"),
        ("SystemFailed", "failed"),
        ("DeadLetter", "failed"),
        ("TimedOut", "timedOut"),
        ("Crashed", "crashed"),
        ("Canceled", "canceled"),
        ("Expired", "expired"),
    ],
)
def test_an_end_counts_once_and_has_a_duration_if_it_completed(phase: str, counts_as: Any) -> None:
    found = ended(phase)
    assert found.counts == {counts_as: 1}
    assert found.durations == (Histogram.of(2.0) if phase == "Completed" else Histogram())


def test_one_that_completed_and_never_began_has_no_duration() -> None:
    assert ended("Completed", None) == Tally({"completed": 1})


def test_the_canceled_are_in_the_total_and_not_in_the_rate() -> None:
    tally = Tally({"completed": 3, "canceled": 5, "expired": 1})
    assert (tally.total, health(tally).success_rate) == (9, 0.75)


def test_without_a_run_that_was_not_canceled_there_is_no_score() -> None:
    for tally in (Tally(), Tally({"canceled": 7})):
        found = health(tally)
        assert (found.success_rate, found.score, found.stability) == (None, None, 0)


def test_where_none_completed_the_score_is_0() -> None:
    assert health(Tally({"failed": 3})).score == 0


def test_a_job_that_always_takes_as_long_and_completes_has_100() -> None:
    found = health(sum([ended("Completed")] * 9, Tally()))
    assert (found.score, found.average_ms) == (100, 2000)
    assert found.p95_ms == pytest.approx(2000, rel=found.p95_error)


@given(counts=COUNTS, durations=DURATIONS)
def test_a_score_is_between_0_and_100(counts: Any, durations: list[float]) -> None:
    tally = Tally(counts, sum(map(Histogram.of, durations), Histogram()))
    found = health(tally)
    assert 0 <= found.stability <= 30
    assert found.score is None or 0 <= found.score <= 100
    assert (found.score is None) == (tally.total == tally.number("canceled"))
