"""One table of durations, tested in Python here and on the API server in tests/integration."""

from __future__ import annotations

from typing import Final

GOOD: Final[dict[str, float]] = {
    "0s": 0.0,
    "1s": 1.0,
    "10s": 10.0,
    "60s": 60.0,
    "1m": 60.0,
    "1m30s": 90.0,
    "1.5h": 5400.0,
    "1h": 3600.0,
    "24h": 86400.0,
    "250ms": 0.25,
    "0.1s": 0.1,
    "1s500ms": 1.5,
    "30s1m": 90.0,
    "1s1s": 2.0,
    "007s": 7.0,
    "2562047h": 9223369200.0,
}
"""Spelling and its seconds. The server takes each where the field's range allows it."""

BAD: Final[tuple[str, ...]] = (
    "",
    "5",
    "-5s",
    "+5s",
    "s",
    "1d",
    "1w",
    "P1D",
    "PT5M",
    "xx 1h",
    "1h xx",
    " 1h",
    "1h ",
    "1h 30m",
    "1,5h",
    ".5s",
    "5.s",
    "1H",
    "1us",
    "1µs",
    "1ns",
    "1h\n",
    "\u0661s",
    "0000000000000000s",
    "9999999999999h",
    "2562048h",
)
"""Refused by both, each for its form, its length or its size."""
