"""Why a run does not start: what all rules that hold runs answer with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """Why a run does not start, and when that may end; None: when something else has changed."""

    reason: str
    message: str
    until: float | None = None
    pool: str = ""
    """Name of the RateLimitPool that grants no call now."""
