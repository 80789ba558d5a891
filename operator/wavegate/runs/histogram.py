"""Durations as a histogram of logarithmic buckets that can be made coarser and added up.

Bucket ``i`` of scale ``s`` holds durations from 2^(i / 2^s) to 2^((i + 1) / 2^s) ms. One scale less
makes one bucket of two, whatever is in them, as OpenTelemetry's exponential histograms have it: so
what was counted apart and added up is what would have been counted at once. A quantile is a bucket,
told by the value of which no duration in it is further away, in proportion, than its `error`:

| scale | a bucket ends at | error |
| --- | --- | --- |
| 3 | 1.09 times its beginning | 4.3% |
| 2 | 1.19 times | 8.6% |
| 1 | 1.41 times | 17.2% |
| 0 | 2 times | 33.3% |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, floor, log2
from typing import Final

FINEST: Final = 3
COARSEST: Final = -5
"""All durations that are told apart are in one bucket."""

LONGEST: Final = 2**31
"""Milliseconds; what took longer counts as this. A call takes an hour at most."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """``sum_ms``: of all durations; ``buckets``: how many are in each that is not empty."""

    sum_ms: int = 0
    scale: int = FINEST
    buckets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seconds: float) -> Histogram:
        """One duration; what took less than a millisecond took one."""
        millis = min(max(1, round(1000 * seconds)), LONGEST)
        return cls(millis, FINEST, {floor(log2(millis) * 2.0**FINEST): 1})

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.buckets.values())

    @property
    def average(self) -> float | None:
        """Milliseconds, exactly; None without durations."""
        return self.sum_ms / self.count if self.buckets else None

    @property
    def error(self) -> float:
        """How far a quantile may be from the true one, as a share of that."""
        width = _value(1, self.scale)
        return (width - 1.0) / (width + 1.0)

    def quantile(self, share: float) -> float | None:
        """Milliseconds within which ``share`` of the durations ended; None without durations."""
        rank = ceil(share * self.count)
        for bucket, count in sorted(self.buckets.items()):
            rank -= count
            if rank <= 0:
                return (1 - self.error) * _value(bucket + 1, self.scale)
        return None

    def at(self, scale: int) -> Histogram:
        """The same with coarser buckets."""
        buckets: Counter[int] = Counter()
        for bucket, count in self.buckets.items():
            buckets[bucket >> (self.scale - scale)] += count
        return Histogram(self.sum_ms, scale, buckets)

    def __add__(self, other: Histogram) -> Histogram:
        scale = min(self.scale, other.scale)
        buckets = Counter(self.at(scale).buckets)
        buckets.update(other.at(scale).buckets)
        return Histogram(self.sum_ms + other.sum_ms, scale, buckets)


def _value(bucket: int, scale: int) -> float:
    """Milliseconds at which a bucket begins."""
    return float(2.0 ** (bucket / 2.0**scale))
