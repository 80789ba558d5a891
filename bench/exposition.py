"""Reads what Prometheus text tells between two moments.

A page is taken twice, and only differences count, so it does not matter how long a process has run.

    page before       page after        difference      median
    le 0.1: 10        le 0.1: 12        2 up to 0.1
    le 0.5: 10        le 0.5: 20        10 up to 0.5    0.1 + 0.4 * (5 - 2) / (10 - 2) = 0.25
    le +Inf: 10       le +Inf: 20
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]
Page = Mapping[Series, float]


def read(text: str, names: Iterable[str]) -> Page:
    """Samples whose name begins with one of ``names``; the rest of a page is not even parsed."""
    wanted = tuple(names)
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        for sample in family.samples
    }


def difference(before: Page, after: Page) -> Page:
    """What was added to each series; one that is new began with 0."""
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def total(page: Page, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    wanted = set(labels.items())
    return math.fsum(
        value for (found, having), value in page.items() if found == name and wanted <= having
    )


def quantile(page: Page, name: str, share: float) -> float | None:
    """By linear interpolation, as PromQL's histogram_quantile; None where nothing was observed.

    A quantile in the last, open bucket is that bucket's lower bound.
    """
    buckets: dict[float, float] = {}
    for (found, labels), value in page.items():
        if found == f"{name}_bucket":
            bound = float(dict(labels)["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] == 0:
        return None
    rank = share * buckets[bounds[-1]]
    index = next(i for i, bound in enumerate(bounds) if buckets[bound] >= rank)
    lower = bounds[index - 1] if index else 0.0
    if math.isinf(bounds[index]):
        return lower
    below = buckets[bounds[index - 1]] if index else 0.0
    inside = buckets[bounds[index]] - below
    return lower + (bounds[index] - lower) * ((rank - below) / inside if inside else 0.0)
