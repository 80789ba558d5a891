"""How a cost grows with a size: the exponent of the power law that fits best.

By least squares of the logarithms, over all sizes and over the last two alone: a constant cost
hides growth among small sizes, and what grows faster than the size shows first among the greatest.

| sizes | costs | over all | last two | worse than linear |
| --- | --- | --- | --- | --- |
| 1, 10, 100 | 2, 20, 200 | 1 | 1 | no |
| 1, 10, 100 | 3, 300, 30,000 | 2 | 2 | yes |
| 1, 10, 100 | 5, 5, 5 | 0 | 0 | no |
| 1, 10, 100, 1,000 | 9, 9, 10, 500 | 0.53 | 1.70 | yes |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from statistics import linear_regression
from typing import Final

MOST: Final = 1.1
"""An exponent above it is worse than linear; what is above 1 by less is noise."""


@dataclass(frozen=True)
class Growth:
    """Exponents: over all sizes, and between the two greatest."""

    overall: float
    last: float

    @property
    def worse_than_linear(self) -> bool:
        """Whether either is."""
        return max(self.overall, self.last) > MOST


def fit(costs: Mapping[int, float]) -> Growth | None:
    """Of costs by size; None for fewer than two sizes, or where a cost is not above 0."""
    points = sorted(costs.items())
    if len(points) < 2 or any(cost <= 0 for _, cost in points):
        return None
    logs = [(log(size), log(cost)) for size, cost in points]
    return Growth(_slope(logs), _slope(logs[-2:]))


def _slope(points: list[tuple[float, float]]) -> float:
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope
