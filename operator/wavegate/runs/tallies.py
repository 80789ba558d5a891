"""Tallies of a job's runs, kept by the hour in which they ended for a day, then by the day for 30.

A window begins with the hour, or from 7d on with the UTC day, in which so long ago lies: it is
never shorter than it says, and longer by less than an hour, or a day. At 10:20 on the 27th:

| window | begins |
| --- | --- |
| 1h | 27th 09:00 |
| 1d | 26th 10:00 |
| 7d | 20th 00:00 |
| 30d | 28th of the month before, 00:00 |

A tally is kept as a line: the counts in the order of `COUNTED`, the sum of the durations in
milliseconds, the scale of their histogram, its first bucket, and how many are in that one and those
after it; what is 0 is left empty. A line has `MAX_LINE` characters; one that would be longer has
coarser buckets. Lines only grow by what is added, and none by coarser buckets: so how coarse one is
does not depend on the order in which its runs were counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Literal

from wavegate.api.httpjob_status import MAX_LINE, TALLY
from wavegate.domain.times import format_time, parse_time
from wavegate.runs.histogram import COARSEST, FINEST, Histogram
from wavegate.runs.job_health import COUNTED, Tally, health

HealthWindow = Literal["1h", "1d", "7d", "30d"]

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

SPANS: Final[Mapping[HealthWindow, float]] = {
    "1h": HOUR,
    "1d": DAY,
    "7d": 7 * DAY,
    "30d": 30 * DAY,
}
"""Seconds."""

_LINE: Final = re.compile(TALLY)


@dataclass(frozen=True, slots=True)
class Tallies:
    """By when the hour or the day begins (epoch seconds). Each run is in one of them."""

    hours: Mapping[float, Tally] = field(default_factory=dict)
    days: Mapping[float, Tally] = field(default_factory=dict)


def begins(window: HealthWindow, now: float) -> float:
    """When the window that ends now begins (epoch seconds)."""
    return _floor(now - SPANS[window], HOUR if SPANS[window] <= DAY else DAY)


def over(tallies: Tallies, window: HealthWindow, now: float) -> Tally:
    """All that ended in the window."""
    since = begins(window, now)
    parts = chain(tallies.hours.items(), tallies.days.items())
    return sum((tally for start, tally in parts if start >= since), Tally())


def summary(tallies: Tallies, window: HealthWindow, now: float) -> dict[str, Any]:
    """The window as status.health tells of one, rounded; without what there is not."""
    tally = over(tallies, window, now)
    found = health(tally)
    told: dict[str, Any] = {
        "from": format_time(begins(window, now)),
        "total": tally.total,
        **{name: tally.number(name) for name in COUNTED},
        "successRate": _rounded(found.success_rate, 4),
        "averageMs": _rounded(found.average_ms),
        "p95Ms": _rounded(found.p95_ms),
        "p95Error": _rounded(found.p95_error, 3),
        "stability": round(found.stability, 1),
        "score": _rounded(found.score, 1),
    }
    return {name: value for name, value in told.items() if value is not None}


def added(tallies: Tallies, ended: Iterable[tuple[float, Tally]], now: float) -> Tallies:
    """The tallies with what ``ended`` when, each in its place as it is now.

    What seems to have ended later than now, by another clock, ended now; what ended before the
    longest window is left out.
    """
    hours: dict[float, Tally] = {}
    days: dict[float, Tally] = {}
    for at, tally in chain(tallies.hours.items(), tallies.days.items(), ended):
        moment = min(at, now)
        if moment >= begins("1d", now):
            _add(hours, _floor(moment, HOUR), tally)
        elif moment >= begins("30d", now):
            _add(days, _floor(moment, DAY), tally)
    return Tallies(_fitted(hours), _fitted(days))


def read(record: Mapping[str, Any]) -> Tallies:
    """The tallies of a job's status.health; what is no tally is left out."""
    return Tallies(
        _read(record.get("hours"), "{}:00:00Z"), _read(record.get("days"), "{}T00:00:00Z")
    )


def written(tallies: Tallies) -> dict[str, dict[str, str]]:
    """The tallies as status.health has them."""
    return {
        "hours": {format_time(at)[:13]: line(each) for at, each in sorted(tallies.hours.items())},
        "days": {format_time(at)[:10]: line(each) for at, each in sorted(tallies.days.items())},
    }


def line(tally: Tally) -> str:
    """A tally as it is kept."""
    durations = tally.durations
    told = [_numbers(map(tally.number, COUNTED)), str(durations.sum_ms), str(durations.scale)]
    if durations.buckets:
        first, last = min(durations.buckets), max(durations.buckets)
        counts = (durations.buckets.get(each, 0) for each in range(first, last + 1))
        told.append(f"{first}:{_numbers(counts)}")
    return " ".join(told)


@lru_cache(maxsize=4096)
def tally_of(text: str) -> Tally | None:
    """What a line says; None where it is none."""
    if len(text) > MAX_LINE or not _LINE.fullmatch(text):
        return None
    counts, sum_ms, scale, *buckets = text.split(" ")
    if not COARSEST <= int(scale) <= FINEST:
        return None
    first, _, rest = (buckets or ["0:"])[0].partition(":")
    found = {int(first) + at: int(count) for at, count in enumerate(rest.split(",")) if count}
    named = {
        name: int(count) for name, count in zip(COUNTED, counts.split(","), strict=True) if count
    }
    return Tally(named, Histogram(int(sum_ms), int(scale), found))


def _numbers(numbers: Iterable[int]) -> str:
    return ",".join(str(number or "") for number in numbers)


def _read(lines: Any, time: str) -> dict[float, Tally]:
    pairs = ((parse_time(time.format(key)), tally_of(text)) for key, text in (lines or {}).items())
    return {at: tally for at, tally in pairs if at is not None and tally is not None}


def _add(slots: dict[float, Tally], start: float, tally: Tally) -> None:
    slots[start] = slots[start] + tally if start in slots else tally


def _fitted(slots: Mapping[float, Tally]) -> dict[float, Tally]:
    return {start: _coarse_enough(tally) for start, tally in slots.items()}


def _coarse_enough(tally: Tally) -> Tally:
    durations = tally.durations
    while len(line(tally)) > MAX_LINE and durations.scale > COARSEST:
        durations = durations.at(durations.scale - 1)
        tally = Tally(tally.counts, durations)
    return tally


def _rounded(value: float | None, digits: int | None = None) -> float | None:
    return None if value is None else round(value, digits)


def _floor(at: float, unit: float) -> float:
    return at // unit * unit
