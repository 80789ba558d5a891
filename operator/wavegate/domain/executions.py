"""Executions: the life of one, as it is on record in ``status.observedState``.

Only what lasts is written, so that states may be left out: where a pod is ready at once, Pending
is followed by Validating, or by Running where no windows are kept. Completed, Failed and Stopped
never change: the next try on the node is another execution.
"""

from __future__ import annotations

from typing import Final

TRANSITIONS: Final[tuple[tuple[str, str, str], ...]] = (
    ("", "its node is claimed", "Pending"),
    ("Pending", "something keeps its pod from starting", "Starting"),
    ("Pending", "its pod is ready and is judged", "Validating"),
    ("Pending", "its pod is ready, no windows are kept", "Running"),
    ("Pending", "its pod ended with exit 0", "Completed"),
    ("Pending", "its pod ended badly, or its deadline is over", "Failed"),
    ("Pending", "withdrawn, and its node is NotReady too long", "Lost"),
    ("Pending", "replaced, withdrawn or suspended", "Stopped"),
    ("Starting", "its pod is ready and is judged", "Validating"),
    ("Starting", "its pod is ready, no windows are kept", "Running"),
    ("Starting", "its pod ended with exit 0", "Completed"),
    ("Starting", "its pod ended badly, or its deadline is over", "Failed"),
    ("Starting", "withdrawn, and its node is NotReady too long", "Lost"),
    ("Starting", "replaced, withdrawn or suspended", "Stopped"),
    ("Validating", "healthy: stable", "Running"),
    ("Validating", "its pod is not ready any more", "Starting"),
    ("Validating", "its pod ended with exit 0", "Completed"),
    ("Validating", "too many bad windows", "Failed"),
    ("Validating", "its pod ended badly, or its deadline is over", "Failed"),
    ("Validating", "withdrawn, and its node is NotReady too long", "Lost"),
    ("Validating", "replaced, withdrawn or suspended", "Stopped"),
    ("Running", "its pod is not ready, before it was stable", "Starting"),
    ("Running", "its pod is not ready, and it was stable", "Degraded"),
    ("Running", "its node is NotReady too long", "Lost"),
    ("Running", "its pod ended with exit 0", "Completed"),
    ("Running", "its pod ended badly", "Failed"),
    ("Running", "replaced, withdrawn or suspended", "Stopped"),
    ("Degraded", "ready again", "Running"),
    ("Degraded", "its node is NotReady too long", "Lost"),
    ("Degraded", "its pod ended with exit 0", "Completed"),
    ("Degraded", "its pod ended badly", "Failed"),
    ("Degraded", "replaced, withdrawn or suspended", "Stopped"),
    ("Lost", "its node is back, something keeps its pod from starting", "Starting"),
    ("Lost", "its node is back, its pod is ready and is judged", "Validating"),
    ("Lost", "its node is back, its pod ready", "Running"),
    ("Lost", "its node is back, its pod not ready", "Degraded"),
    ("Lost", "its pod ended with exit 0", "Completed"),
    ("Lost", "its pod ended badly", "Failed"),
    ("Lost", "replaced, withdrawn or suspended", "Stopped"),
)
"""State of an execution (empty: none yet), what happens, state after it."""
