"""Times as the API server spells them (RFC 3339) and as the rules reckon them (epoch seconds)."""

from __future__ import annotations

from datetime import UTC, datetime


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

    Rounds down, so that a time read back is never in the future of the one written.
    """
    return _whole(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time_micro(seconds: float) -> str:
    """Six decimals and ``Z``, as metav1.MicroTime is written (Leases and Events)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _whole(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds // 1, UTC)
