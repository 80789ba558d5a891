"""How far a batch has come: one letter for each of its runs, which only goes forward.

It is on record in the batch, so that a run that its job's history limits remove, or somebody
deletes, is counted as what it was, and never made again.

| on record | the run | letter |
| --- | --- | --- |
| . | not there | . |
| . | Queued | o |
| o | Completed | C |
| o | DeadLetter | F |
| o | Canceled, DuplicateKey | D |
| o | Canceled for another reason | X |
| o | deleted before it had ended | G |
| C | removed | C |
| F | removed | F |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from wavegate.runs.observed import RunView
from wavegate.runs.states import ENDED_BADLY

NOT_MADE: Final = "."
OPEN: Final = "o"
COUNTS: Final[Mapping[str, str]] = {
    NOT_MADE: "pending",
    OPEN: "open",
    "C": "completed",
    "F": "failed",
    "X": "canceled",
    "D": "duplicates",
    "G": "deleted",
}
"""By letter, under which name it is counted."""

_STANDS: Final = ("Duplicate", "DuplicateKey")
"""Reasons of runs that are Canceled because another one does the same."""


def progress_of(record: str, members: Mapping[int, RunView]) -> str:
    """The letters now; ``members``: runs by their number, those that were deleted as deleting."""
    return "".join(letter_of(letter, members.get(n)) for n, letter in enumerate(record))


def letter_of(record: str, run: RunView | None) -> str:
    """What a run is now; ``record``: its letter on record."""
    if is_over(record):
        return record
    if run is None:
        return "G" if record == OPEN else NOT_MADE
    if not run.ended:
        return "G" if run.deleting else OPEN
    if run.phase == "Completed":
        return "C"
    if run.phase in ENDED_BADLY:
        return "F"
    return "D" if run.reason in _STANDS else "X"


def is_over(letter: str) -> bool:
    """Whether a letter never changes."""
    return letter not in (NOT_MADE, OPEN)


def counts_of(progress: str) -> dict[str, int]:
    """status.counts, by the letters."""
    found = Counter(progress)
    return {"total": len(progress), **{name: found[letter] for letter, name in COUNTS.items()}}
