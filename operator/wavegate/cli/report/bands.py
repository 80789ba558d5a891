"""A wave as one band: over time, the height of a colour is the share of nodes in that state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from wavegate.cli.report.look import OTHER, STATES, look_of
from wavegate.cli.report.model import Row
from wavegate.cli.report.scale import Scale
from wavegate.cli.report.segments import NOT_KEPT
from wavegate.cli.report.svg import Markup, element

HEIGHT: Final = 44
_SAMPLES: Final = 180

_FROM_BELOW: Final = (
    "Running", "Completed", "Validating", "Starting", "Pending", "Failed", "Lost", "Degraded",
    OTHER, "Stopped", NOT_KEPT,
)  # fmt: skip


def drawn(
    rows: Sequence[Row], version: int, scale: Scale, y: float, stripes: str
) -> tuple[Markup, set[str]]:
    """The band, and the looks that are in it; ``stripes`` fill what has failed."""
    counts = _counts(rows, version, scale)
    parts = [
        element(
            "rect", x=scale.left, y=y, width=scale.right - scale.left, height=HEIGHT, class_="panel"
        )
    ]
    floor = [0] * _SAMPLES
    for look in _FROM_BELOW:
        if look not in counts:
            continue
        upper = [below + more for below, more in zip(floor, counts[look], strict=True)]
        path = _path(floor, upper, len(rows), scale, y)
        parts.append(element("path", d=path, class_=look, data_state=look))
        if look == "Failed":
            parts.append(element("path", d=path, fill=stripes))
        parts += _letter(look, floor, upper, len(rows), scale, y)
        floor = upper
    return element("g", *parts, class_="band", data_nodes=len(rows)), set(counts)


def _counts(rows: Sequence[Row], version: int, scale: Scale) -> dict[str, list[int]]:
    """Nodes in a state at each moment, by look."""
    step = (scale.until - scale.since) / _SAMPLES
    changes: dict[str, list[int]] = {}
    for row in rows:
        for part in row.segments:
            change = changes.setdefault(look_of(part, version), [0] * (_SAMPLES + 1))
            change[_sample(part.since, scale.since, step)] += 1
            change[_sample(part.until, scale.since, step)] -= 1
    found = {look: list(accumulate(change))[:_SAMPLES] for look, change in changes.items()}
    return {look: count for look, count in found.items() if any(count)}


def _sample(moment: float, since: float, step: float) -> int:
    return min(_SAMPLES, max(0, round((moment - since) / step)))


def _path(floor: list[int], upper: list[int], total: int, scale: Scale, y: float) -> str:
    """Along the upper edge and back along the lower one, in steps."""
    there = _steps(upper, total, scale, y)
    back = list(reversed(_steps(floor, total, scale, y)))
    points = [f"{x:.1f} {at:.1f}" for x, at in (*there, *back)]
    return f"M{'L'.join(points)}Z"


def _steps(heights: list[int], total: int, scale: Scale, y: float) -> list[tuple[float, float]]:
    wide = (scale.right - scale.left) / _SAMPLES
    points: list[tuple[float, float]] = []
    last = -1
    for number, height in enumerate(heights):
        if height == last:
            continue
        x, at = scale.left + number * wide, y + HEIGHT * (1 - height / total)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, at))
        last = height
    points.append((scale.right, points[-1][1]))
    return points


def _letter(
    look: str, floor: list[int], upper: list[int], total: int, scale: Scale, y: float
) -> list[Markup]:
    """The state's letter, in the middle of the longest stretch that has room for it."""
    wide = (scale.right - scale.left) / _SAMPLES
    least = 14 / HEIGHT * total
    best, run = (0, 0), 0
    for number in range(_SAMPLES + 1):
        if number < _SAMPLES and upper[number] - floor[number] >= least:
            run += 1
            continue
        best, run = max(best, (run, number)), 0
    length, end = best
    if length * wide < 14:
        return []
    middle = end - length // 2 - 1
    centre = (floor[middle] + upper[middle]) / 2
    at = y + HEIGHT * (1 - centre / total)
    x = scale.left + (middle + 0.5) * wide
    return [
        element("text", STATES[look][0], x=x, y=at + 4, text_anchor="middle", class_=f"on-{look}")
    ]
