"""The phases of a run, and which may follow which.

A phase that is terminal never changes: what is to be done again is another run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.api.jobrun import Phase

TRANSITIONS: Final[Mapping[Phase, frozenset[Phase]]] = {
    "Delayed": frozenset({"Queued", "Canceled", "Expired"}),
    "Queued": frozenset({"Executing", "Waiting", "Canceled", "Expired"}),
    "Executing": frozenset(
        {
            "Completed",
            "Failed",
            "TimedOut",
            "Crashed",
            "Canceled",
            "Queued",
            "SystemFailed",
            "DeadLetter",
        }
    ),
    "Waiting": frozenset({"Queued", "Canceled", "Expired"}),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "TimedOut": frozenset(),
    "Crashed": frozenset(),
    "SystemFailed": frozenset(),
    "Canceled": frozenset(),
    "Expired": frozenset(),
    "DeadLetter": frozenset(),
}
"""By phase, those that may follow. A run that nothing was written of is Queued."""

TERMINAL: Final = frozenset(phase for phase, following in TRANSITIONS.items() if not following)

ENDED_BADLY: Final = TERMINAL - {"Completed", "Canceled"}
"""Phases that count as failed: another run of the same key or payload may take its place."""


def may_follow(before: Phase, after: Phase) -> bool:
    """Whether a run may go from one phase to the other, or stay in it."""
    return before == after or after in TRANSITIONS[before]
