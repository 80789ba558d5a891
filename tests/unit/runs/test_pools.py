"""Jobs that share a pool: what others are about to begin, and that they take turns."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from support.runs_world import run
from wavegate.api.httpjob import Limits, Rate
from wavegate.runs.limits import TURN, Allowance
from wavegate.runs.pools import Key, Pools
from wavegate.runs.rate import ahead, granted

NOW = 1_700_000_000.0
POOL = ("shop", "partner")


def job(name: str) -> Key:
    return ("shop", name)


def waiting(*names: str) -> Pools:
    pools = Pools()
    for name in names:
        pools.passed(job(name), {}, ["partner"], begins=False)
    return pools


def test_what_other_jobs_are_about_to_begin_counts_as_granted() -> None:
    rate = Rate(max=3, window=60.0)
    pools = Pools()
    pools.passed(job("a"), {"partner": 2}, (), begins=True)
    assert pools.seen(POOL, rate, None, job("b"), NOW).turn == 1
    assert pools.seen(POOL, rate, None, job("a"), NOW).turn == 3, "its new plan replaces the old"
    pools.passed(job("a"), {}, (), begins=False)
    assert pools.seen(POOL, rate, None, job("b"), NOW).turn == 3


def test_why_a_run_waits_is_told_by_the_pool() -> None:
    limits, rate = Limits(pools=["partner"]), Rate(max=1, window=60.0)
    pools = waiting("a", "b")
    for clock, words in (
        (None, "it is another job's turn"),
        (NOW + 60, "1 call may begin within 1m"),
    ):
        pool = pools.seen(POOL, rate, clock, job("b"), NOW)
        held = Allowance(limits, NOW, None, {"partner": pool}).refuses(run())
        assert held is not None
        assert (held.reason, held.pool) == ("PoolLimited", "partner")
        assert held.message == f"RateLimitPool partner: {words}"


def test_pools_of_a_name_in_two_namespaces_have_nothing_to_do_with_each_other() -> None:
    rate = Rate(max=2, window=60.0)
    pools = waiting("a")
    pools.passed(job("a"), {"partner": 2}, ["partner"], begins=True)
    assert pools.seen(("other", "partner"), rate, None, ("other", "a"), NOW).turn == 2


def test_a_job_that_waits_no_more_stands_in_nobodys_way() -> None:
    rate = Rate(max=1, window=60.0)
    pools = waiting("a", "b")
    assert pools.seen(POOL, rate, None, job("b"), NOW).turn == 0
    pools.passed(job("a"), {}, (), begins=False)
    assert pools.seen(POOL, rate, None, job("b"), NOW).turn == 1


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=6),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_jobs_that_share_a_pool_take_turns(left: list[int], most: int, chance: object) -> None:
    """Whatever the order in which they are looked at, no job that waits is passed over twice."""
    rate, clock, now = Rate(max=most, window=10.0), None, NOW
    pools, runs = Pools(), dict(enumerate(left))
    since: Counter[int] = Counter()
    while any(runs.values()):
        order = [number for number, runs_left in runs.items() if runs_left]
        chance.shuffle(order)  # type: ignore[attr-defined]
        for number in order:
            name = job(str(number))
            pool = pools.seen(POOL, rate, clock, name, now)
            begins = min(pool.turn, runs[number])
            for _ in range(begins):
                assert granted(rate, clock, now) is not None
                clock = ahead(rate, clock, 1, now)
            runs[number] -= begins
            waits = ["partner"] if runs[number] else []
            pools.passed(name, {}, waits, begins=begins > 0)
            if begins:
                for other in runs:
                    since[other] += 0 if other == number else begins
                since[number] = 0
            if not runs[number]:
                since[number] = 0
        waiting_now = [number for number, runs_left in runs.items() if runs_left]
        for number in waiting_now:
            assert since[number] <= 2 * len(left) * most, f"{number} was passed over"
        now += 10.0 / most


def test_nobody_waits_longer_for_what_others_begin_than_for_what_is_on_record() -> None:
    rate, limits = Rate(max=1, window=60.0), Limits(pools=["partner"])
    pools = Pools()
    pools.passed(job("a"), {"partner": 1}, (), begins=True)
    for on_record, until in ((None, NOW + TURN), (NOW + 30, NOW + 30)):
        pool = pools.seen(POOL, rate, on_record, job("b"), NOW)
        assert pool.clock is not None
        assert pool.clock >= NOW + 60, "it counts as granted"
        held = Allowance(limits, NOW, None, {"partner": pool}).refuses(run())
        assert held is not None
        assert held.until == until
