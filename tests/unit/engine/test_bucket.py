"""The token bucket on a virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from wavegate.engine.bucket import TokenBucket

pytestmark = pytest.mark.looptime


def clock() -> float:
    return asyncio.get_running_loop().time()


async def take(bucket: TokenBucket, count: int) -> float:
    """Seconds that it took to take so many tokens."""
    begun = clock()
    for _ in range(count):
        await bucket.take()
    return clock() - begun


async def test_the_burst_is_free_and_the_rest_comes_at_the_rate():
    bucket = TokenBucket(rate=10, burst=20)
    assert await take(bucket, 20) == pytest.approx(0, abs=0.01)
    assert await take(bucket, 30) == pytest.approx(3, abs=0.1)


async def test_the_burst_does_not_grow_beyond_its_size():
    bucket = TokenBucket(rate=10, burst=20)
    await take(bucket, 20)
    await asyncio.sleep(600)
    assert await take(bucket, 30) == pytest.approx(1, abs=0.1)


async def test_a_429_halves_the_rate_and_it_comes_back_within_a_minute():
    bucket = TokenBucket(rate=100, burst=1)
    await bucket.take()
    bucket.throttle(None, sent=clock())
    assert bucket.rate == pytest.approx(50, abs=1)
    bucket.throttle(None, sent=clock())
    assert bucket.rate == pytest.approx(25, abs=1)
    await asyncio.sleep(20)
    assert 50 < bucket.rate < 75
    await asyncio.sleep(40)
    assert bucket.rate == 100


async def test_what_was_under_way_when_it_was_halved_halves_it_no_further():
    bucket, sent = TokenBucket(rate=64, burst=64), clock()
    await asyncio.sleep(0.1)
    for _ in range(64):
        bucket.throttle(None, sent=sent)
    assert bucket.rate == pytest.approx(32, abs=1)
    bucket.throttle(9.0, sent=sent)
    later = clock()
    await bucket.take()
    assert clock() == pytest.approx(later + 9, abs=0.1), "how long to wait is heard each time"
    bucket.throttle(None, sent=clock())
    assert bucket.rate < 32, "sent at the lower rate, and still too much"


async def test_nothing_is_sent_before_retry_after_has_passed():
    bucket = TokenBucket(rate=100, burst=100)
    bucket.throttle(7.0, sent=clock())
    await bucket.take()
    assert clock() == pytest.approx(7, abs=0.01)


async def test_a_429_reaches_those_that_wait_already():
    bucket = TokenBucket(rate=1, burst=1)
    await bucket.take()
    waiting = asyncio.create_task(bucket.take())
    await asyncio.sleep(0.5)
    bucket.throttle(10.0, sent=clock())
    await waiting
    assert clock() == pytest.approx(10.5, abs=0.1)


async def test_waiting_for_readiness_uses_nothing_up():
    bucket = TokenBucket(rate=1, burst=1)
    await bucket.ready()
    assert await take(bucket, 1) == pytest.approx(0, abs=0.01)
    await bucket.ready()
    assert clock() == pytest.approx(1, abs=0.01)


async def test_however_often_it_is_throttled_it_never_stands_still():
    bucket = TokenBucket(rate=64, burst=1)
    for _ in range(100):
        bucket.throttle(None, sent=clock())
    assert await take(bucket, 2) < 2


async def test_how_long_writes_were_held_back_is_told():
    waited: list[float] = []
    bucket = TokenBucket(10, 20, waited.append)
    await take(bucket, 20)
    assert waited == []
    await asyncio.gather(*(bucket.take() for _ in range(30)))
    assert sum(waited) == pytest.approx(3, abs=0.1), "however many wait at a time"
    waited.clear()
    bucket.throttle(30, sent=clock())
    await bucket.take()
    assert sum(waited) == pytest.approx(30, abs=0.1)
