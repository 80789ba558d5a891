"""Times as the API server spells them (RFC 3339) and as the rules reckon them (epoch seconds)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

MICROS: Final = 1_000_000
"""In a second."""

_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def parse_time(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, with or without a fraction.

    None for anything else: a time that cannot be read is a time that is not known. A time without
    a zone is taken for UTC.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


def format_time(seconds: float) -> str:
    """Whole seconds and ``Z``, as metav1.Time is written: ``2025-01-31T12:00:00Z``.

    Rounds down, so that a time read back is never in the future of the one written. What lies
    before the year 1 or after 9999 is written as the first or last second between.
    """
    return _written(seconds // 1, "seconds")


def format_time_micro(seconds: float) -> str:
    """Six decimals and ``Z``, as metav1.MicroTime is written (Leases and Events): `micros`."""
    return _written(micros(seconds) / MICROS, "microseconds")


def micros(seconds: float) -> int:
    """Whole microseconds, the nearest: what is reckoned in them is also what is written of it.

    (datetime rounds the exact value instead, which differs by one in an eighth of today's times.)
    """
    return round(seconds * MICROS)


@lru_cache(maxsize=1024)  # most of what a pass writes is of the same few seconds
def _written(seconds: float, precision: str) -> str:
    moment = datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), UTC)
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
