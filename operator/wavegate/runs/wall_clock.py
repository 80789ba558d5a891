"""Wall clocks: what a clock on a wall shows in a time zone, and when it shows it.

An instant is epoch seconds, a wall time a datetime without a zone. Where a clock is put back, a
wall time comes twice; where it is put forward, wall times are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

DAY = 86_400.0
"""Longest time in which `next_change` looks; no clock has been put by more than this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Europe/Berlin``.

    Raises ValueError, naming the zone and the form that is wanted.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(
            f"{name[:64]!r} is no time zone: write an IANA name such as UTC or Europe/Berlin"
        ) from None


def wall_time(zone: ZoneInfo, instant: float) -> datetime:
    """What the clock shows at an instant, to the second."""
    return _local(zone, instant).replace(tzinfo=None, fold=0)


def instant_of(zone: ZoneInfo, wall: datetime, *, again: bool = False) -> float:
    """When the clock shows a wall time: the first time, or with ``again`` the last one.

    A wall time that is left out comes when the clock is put forward. So a later wall time never
    comes before an earlier one.
    """
    aware = wall.replace(tzinfo=zone, fold=int(again))
    first, last = aware.replace(fold=0).utcoffset(), aware.replace(fold=1).utcoffset()
    assert first is not None
    assert last is not None
    if last <= first:
        return (aware - _EPOCH).total_seconds()
    naive = (wall.replace(tzinfo=UTC) - _EPOCH).total_seconds()
    return next_change(zone, naive - last.total_seconds(), naive - first.total_seconds())


def next_change(zone: ZoneInfo, after: float, until: float) -> float:
    """When the clock is put forward or back in ``(after, until]``, to the second; inf: not at all.

    For at most a day, in which it is put once.
    """
    seconds = range(int(after // 1) + 1, int(until // 1) + 1)
    before = _local(zone, after).utcoffset()
    found = bisect_left(
        seconds, True, key=lambda second: _local(zone, second).utcoffset() != before
    )
    return float(seconds[found]) if found < len(seconds) else inf


def _local(zone: ZoneInfo, instant: float) -> datetime:
    return (_EPOCH + timedelta(seconds=instant // 1)).astimezone(zone)
