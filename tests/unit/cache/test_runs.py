"""What the cache keeps of pools: where their clocks stand, and nothing that grows with the runs."""

from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import meta
from wavegate.api.httpjob import Rate
from wavegate.cache.runs import RunCache
from wavegate.domain.times import format_time_micro

NOW = 1_738_324_800.0
POOL = ("shop", "partner")
RATE = Rate(max=100_000, window=86_400.0)


class Watched:
    """A cache of runs, at a time that tests set."""

    def __init__(self) -> None:
        self.now = NOW
        self.cache = RunCache(lambda _: None, clock=lambda: 0.0, now=lambda: self.now)

    def run(self, number: int, clock: float, event: str = "ADDED") -> None:
        status = {
            "phase": "Completed",
            "startTime": format_time_micro(NOW),
            "completionTime": format_time_micro(NOW),
            "poolClocks": {"partner": format_time_micro(clock)},
        }
        document = {"metadata": meta(f"r{number}", number), "spec": {"jobName": "app"}}
        self.cache.apply_event("JobRun", event, {**document, "status": status})


def test_what_a_run_has_said_counts_when_it_is_gone() -> None:
    watched = Watched()
    watched.run(2, NOW + 60)
    watched.run(3, NOW + 120)
    watched.run(3, NOW + 120, "DELETED")
    assert watched.cache.clock_on_record(POOL, RATE) == NOW + 120


def test_what_is_kept_of_a_pool_does_not_grow_with_its_runs_though_nobody_asks() -> None:
    watched = Watched()
    for number in range(2, 1002):
        watched.run(number, NOW + number)
    assert len(watched.cache.pool_clocks) == 1
    assert watched.cache.clock_on_record(POOL, RATE) == NOW + 1001


def test_a_clock_that_is_passed_is_forgotten() -> None:
    watched = Watched()
    watched.run(2, NOW + 60)
    watched.now = NOW + 66
    watched.run(2, NOW + 60, "DELETED")
    assert len(watched.cache.pool_clocks) == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"max": 3, "window": "0s"}, "spec.window: must be between 1s and 24h"),
        ({"max": 3, "window": "1s", "min": 1}, "spec.min: is not known to this release"),
        ({}, "spec.max: is required; spec.window: is required"),
        (None, "spec.max: is required; spec.window: is required"),
        ({"max": 3, "window": "24h"}, Rate(max=3, window=86_400.0)),
    ],
)
def test_of_a_pool_that_is_not_understood_is_known_which_field(spec: Any, words: Any) -> None:
    watched = Watched()
    pool = {"metadata": meta("partner", 1), "spec": spec}
    watched.cache.apply_event("RateLimitPool", "ADDED", pool)
    assert watched.cache.pools.get(*POOL) == words


def test_a_pool_is_what_it_was_changed_to_last() -> None:
    watched = Watched()
    limits = [(3, Rate(max=3, window=1.0)), (4, Rate(max=4, window=1.0)), (-1, None), (-2, None)]
    for number, (most, rate) in enumerate((each for each in limits for _ in range(2)), start=1):
        spec = {"max": most, "window": "1s"}
        pool = {"metadata": meta("partner", number), "spec": spec}
        watched.cache.apply_event("RateLimitPool", "MODIFIED", pool)
        known = watched.cache.pools.get(*POOL)
        assert known == rate if rate is not None else str(known).startswith("spec.max")


def test_a_pass_sees_how_deep_a_run_lies_also_before_that_is_on_record() -> None:
    watched = Watched()
    for number, (spec, status) in enumerate(
        (
            ({}, {}),
            ({"parentRun": "r1"}, {"lineageDepth": 4}),
            ({"parentRun": "r1", "continuationOf": "r2"}, {}),
        ),
        start=1,
    ):
        body = {"spec": {"jobName": "app", **spec}, "status": {"phase": "Queued", **status}}
        document = {"metadata": meta(f"r{number}", number), **body}
        watched.cache.apply_event("JobRun", "ADDED", document)
    seen = watched.cache.observed(("shop", "app"), identity="me", slots=1, tidy=False)
    assert seen is not None
    assert {run.name: run.lineage_depth for run in seen.active} == {"r1": 0, "r2": 4, "r3": 5}
