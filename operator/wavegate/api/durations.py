"""Durations as users write them: ``90s``, ``1m30s``, ``1.5h``; "none" is ``0s``.

The pattern is narrower than Kubernetes' ``format: duration`` (which takes ``-5s`` and ``P1D``) and
is checked by the API server as well; the same table of values is tested on both.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
DURATION_MAX_LENGTH: Final = 16

_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNITS: Final = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_LARGEST: Final = 2**63 // 10**9
"""Seconds that the API server can count: 64 bits of nanoseconds, some 292 years."""

_WANTED = "is not a duration: write a number and a unit (ms, s, m, h), such as 30s, 5m or 1h30m"


def parse_duration(text: str) -> float:
    """Seconds of a duration such as ``1m30s``.

    Raises ValueError, naming no field but saying which form is wanted.
    """
    if len(text) > DURATION_MAX_LENGTH or not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[: 2 * DURATION_MAX_LENGTH]!r} {_WANTED}")
    total = sum(
        (Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(text)), Fraction()
    )
    if total >= _LARGEST:
        raise ValueError(f"{text!r} is too long: write at most 2562047h")
    return float(total)


def format_duration(seconds: float) -> str:
    """The shortest usual spelling, to the millisecond: 90 becomes ``1m30s``, 0 becomes ``0s``."""
    if seconds < 0:
        raise ValueError(f"a duration is never negative, and {seconds} is")
    millis = round(Fraction(seconds) * 1000)
    parts: list[str] = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _to_seconds(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{value!r} {_WANTED}")


Seconds = Annotated[
    float,
    BeforeValidator(_to_seconds),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "format": "duration",
            "maxLength": DURATION_MAX_LENGTH,
            "pattern": DURATION_PATTERN,
        }
    ),
]
"""A duration: float seconds in Python, a string such as ``1m30s`` in the stored object."""
