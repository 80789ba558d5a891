"""Retry: how long a run waits before its next attempt.

The strategy gives a delay, maxDelay caps it, jitter spreads it, and what the endpoint asked for by
Retry-After raises it. After so many attempts that failed, with an initialDelay of 1 s:

| attempts that failed | 1 | 2 | 3 | 4 | 100 |
| --- | --- | --- | --- | --- | --- |
| Exponential, maxDelay 1 h | 1 s | 2 s | 4 s | 8 s | 1 h |
| Linear, maxDelay 1 h | 1 s | 2 s | 3 s | 4 s | 100 s |
| Fixed | 1 s | 1 s | 1 s | 1 s | 1 s |
| Custom, delays 5 s, 30 s | 5 s | 30 s | 30 s | 30 s | 30 s |

Jitter of 20 percent makes of 10 s anything from 8 s to 12 s, and of 10 s with a maxDelay of 11 s
anything from 8 s to 11 s: where the bound cuts, what is left is drawn from evenly, so that runs
that have reached maxDelay do not come back all at the same moment.
"""

from __future__ import annotations

import hashlib
from typing import Final

from wavegate.api.httpjob import Retry
from wavegate.api.jobrun import RetryOverride

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds; what an endpoint asks for beyond it is not waited for."""

_MOST_DOUBLINGS: Final = 64
"""A delay of a millisecond is beyond any maxDelay by then, and no float overflows."""


def settings(job: Retry, own: RetryOverride | None) -> Retry:
    """How a run is tried again: what it says itself, and for the rest what its job says.

    Delays are replaced as a whole. They do not make the strategy Custom: that is said by itself.
    """
    if own is None:
        return job
    return job.model_copy(update=own.model_dump(exclude_defaults=True))


def delay(retry: Retry, failed: int, draw: float, retry_after: float | None = None) -> float:
    """Seconds from the end of an attempt to the next one.

    ``failed``: attempts that failed, from 1; ``draw``: the jitter, in [0, 1), from the shortest to
    the longest; ``retry_after``: seconds that the endpoint asked for. Between 0 and maxDelay,
    unless the endpoint asked for more: then as long as that, an hour at most.
    """
    middle = min(retry.max_delay, _by_strategy(retry, failed))
    spread = middle * retry.jitter_percent / 100
    shortest, longest = middle - spread, min(retry.max_delay, middle + spread)
    drawn = min(longest, shortest + draw * (longest - shortest))
    return max(drawn, min(LONGEST_RETRY_AFTER, retry_after or 0.0))


def draw(uid: str, attempt: int) -> float:
    """The jitter of a run's attempt, in [0, 1): the same whoever asks.

    A hash and not a random number: a process that takes over, or the same one in its next pass,
    comes to the same time for the same failure, so the time neither moves nor is written again.
    Runs differ in their uid, which is what spreads them.
    """
    digest = hashlib.sha256(f"{uid}/{attempt}".encode()).digest()
    # As many bits as a float has, so that the greatest one does not round up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _by_strategy(retry: Retry, failed: int) -> float:
    match retry.strategy:
        case "Exponential":
            return retry.initial_delay * 2.0 ** min(failed - 1, _MOST_DOUBLINGS)
        case "Linear":
            return retry.initial_delay * failed
        case "Custom" if retry.delays:
            return retry.delays[min(failed, len(retry.delays)) - 1]
        case _:
            # Also a run that says Custom where neither it nor its job has delays.
            return retry.initial_delay
