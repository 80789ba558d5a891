"""Of all that runs say of pools as little is kept as tells where their clocks stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.httpjob import Rate
from wavegate.runs.pool_clocks import PoolClocks
from wavegate.runs.rate import ahead, clock_of

NOW = 1_700_000_000.0
POOL = "partner"


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), max_size=12),
    st.integers(1, 20),
    st.integers(1, 120),
)
def test_the_clock_is_the_one_of_all_that_is_known_whatever_the_rate(
    said: list[tuple[int, int]], most: int, window: int
) -> None:
    known = [(NOW + clock, NOW + started) for clock, started in said]
    clocks: PoolClocks[str] = PoolClocks()
    for clock, started in known:
        clocks.learn(POOL, clock, started)
    rate = Rate(max=most, window=float(window))
    assert clock_of(rate, clocks.of(POOL)) == clock_of(rate, known)
    assert set(clocks.of(POOL)) <= set(known)


def test_of_ten_thousand_calls_one_clock_is_kept() -> None:
    clocks: PoolClocks[str] = PoolClocks()
    rate, clock = Rate(max=20_000, window=86_400.0), None
    for number in range(10_000):
        now = NOW + number / 100
        clock = ahead(rate, clock, 1, now)
        assert clock is not None
        clocks.learn(POOL, clock, now)
    assert len(clocks) == 1
    assert clocks.of(POOL) == [(clock, NOW + 99.99)]


def test_pools_are_apart_and_what_is_passed_is_forgotten() -> None:
    clocks: PoolClocks[str] = PoolClocks()
    clocks.learn(POOL, NOW + 10, NOW)
    clocks.learn("other", NOW + 20, NOW)
    clocks.forget(POOL, NOW + 9)
    assert clocks.of(POOL) == [(NOW + 10, NOW)]
    clocks.forget(POOL, NOW + 10)
    assert clocks.of(POOL) == ()
    assert clocks.of("other") == [(NOW + 20, NOW)]
    assert len(clocks) == 1
