"""What docs/concepts/batches.md shows of the rules of batches is worked through with the rules."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Final, get_args

import pytest

from support.runs_world import run
from wavegate.api.runbatch import MAX_ERRORS, MAX_ITEMS, BatchState
from wavegate.reference.tables import docstring_table
from wavegate.runs.batch_progress import letter_of
from wavegate.runs.batch_room import room_of
from wavegate.runs.batches import TOLD_EVERY
from wavegate.runs.observed import RunView

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "concepts" / "batches.md").read_text()
TEXT: Final = " ".join(PAGE.split())

RUNS: Final[dict[str, RunView | None]] = {
    "not there": None,
    "removed": None,
    "Queued": run(),
    "Completed": run(phase="Completed"),
    "DeadLetter": run(phase="DeadLetter"),
    "Canceled, DuplicateKey": run(phase="Canceled", reason="DuplicateKey"),
    "Canceled for another reason": run(phase="Canceled", reason="Canceled"),
    "deleted before it had ended": run(deleting=True),
}


def rows(table: str) -> list[list[str]]:
    return docstring_table(importlib.import_module(f"wavegate.runs.{table}"))[1:]


@pytest.mark.parametrize(("record", "which", "letter"), rows("batch_progress"))
def test_letters(record: str, which: str, letter: str) -> None:
    assert letter_of(record, RUNS[which]) == letter


@pytest.mark.parametrize("row", rows("batch_room"))
def test_room(row: list[str]) -> None:
    most, waiting, wanted, room = map(int, row)
    assert room_of(most, waiting, wanted) == room


def test_every_table_is_worked_through() -> None:
    shown = re.findall(r"generated: table runs\.(\w+)", PAGE)
    assert shown == ["batch_room", "batch_progress"]


@pytest.mark.parametrize(
    "words",
    [
        f"up to {MAX_ITEMS} runs of a job at once",
        f"with the first {MAX_ERRORS} errors",
        f"at most some ten seconds{'' if TOLD_EVERY == 10 else '!'}",
        *(f"| {state} |" for state in get_args(BatchState)),
    ],
)
def test_a_number_or_word_of_the_page_is_the_codes(words: str) -> None:
    assert words in TEXT
