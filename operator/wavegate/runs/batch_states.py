"""The states of a batch, and which may follow which. One that is never left has ended the batch."""

from __future__ import annotations

from typing import Final

TRANSITIONS: Final = (
    ("", "its job or ConfigMap is not there", "Pending"),
    ("", "all of it may be done", "Running"),
    ("", "something is wrong with it", "Refused"),
    ("", "nothing matches", "Completed"),
    ("", "canceled", "Canceled"),
    ("Pending", "all of it may be done", "Running"),
    ("Pending", "something is wrong with it", "Refused"),
    ("Pending", "canceled", "Canceled"),
    ("Running", "every run completed, or stands already", "Completed"),
    ("Running", "every run has ended, not all completed", "Failed"),
    ("Running", "canceled, and its runs have ended", "Canceled"),
    ("Running", "this release does not understand it", "Refused"),
)
"""Before (empty: a new one), what happens, and after."""

ENDED: Final = frozenset({"Completed", "Failed", "Refused", "Canceled"})
"""States that are never left."""


def may_follow(before: str, after: str) -> bool:
    """Whether a batch may go from one state to the other, or stay in it."""
    return before == after or any(row[::2] == (before, after) for row in TRANSITIONS)
