"""What a batch says of itself: conditions for kstatus, and words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavegate.api.conditions import READY, RECONCILING, STALLED, Condition, set_conditions
from wavegate.domain.times import format_time
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.batch_states import ENDED


def conditions_of(
    batch: BatchView, state: str, reason: str, message: str, now: float
) -> list[dict[str, Any]]:
    """Ready is True once it has Completed; Reconciling stands until it has ended, Stalled where it
    ended otherwise."""
    ready = Condition(READY, "True" if state == "Completed" else "False", reason, message)
    more = []
    if state != "Completed":
        kind = STALLED if state in ENDED else RECONCILING
        more = [Condition(kind, "True", reason, message)]
    before = batch.status.get("conditions") or ()
    return list(set_conditions(before, [ready, *more], format_time(now), batch.generation))


def ended_words(counts: Mapping[str, int]) -> str:
    """``498 of 500 runs completed, 1 failed, 1 deleted``."""
    total, completed = counts["total"], counts["completed"]
    runs = "run" if total == 1 else "runs"
    parts = [f"{completed} of {total} {runs} completed"]
    parts += [
        f"{counts[name]} {words}"
        for name, words in (
            ("failed", "failed"),
            ("canceled", "canceled"),
            ("duplicates", "stood already"),
            ("deleted", "deleted"),
            ("pending", "not made"),
        )
        if counts[name]
    ]
    return ", ".join(parts)
