"""A part of the generated operations, chosen by a seed; ``make generated`` does all of them."""

from __future__ import annotations

import os

import pytest

from generated.runs import all_runs, run
from support.campaign import sample

SHARE = int(os.environ.get("GENERATED_RUNS_SHARE", "200"))
SEQUENCES_SHARE = 70
SEED = 1
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_single_operations_are_refused_or_converge(part: int):
    singles = (each for each in all_runs() if not each.startswith("sequence"))
    _run_all(list(sample(singles, SHARE, SEED))[part::PARTS])


@pytest.mark.parametrize("part", range(2))
def test_sequences_of_five_converge(part: int):
    sequences = (each for each in all_runs() if each.startswith("sequence"))
    _run_all(list(sample(sequences, SEQUENCES_SHARE, SEED))[part::2])


def _run_all(texts: list[str]) -> None:
    assert texts
    wrong = {text: outcome for text in texts if (outcome := run(text)).wrong}
    told = "\n".join(
        f"make generated OP='{text}'\n{each.wrong}\n{each.story}" for text, each in wrong.items()
    )
    assert not wrong, f"{len(wrong)} of {len(texts)}:\n{told}"


def test_the_same_run_is_the_same():
    assert run("sequence 2") == run("sequence 2")


def test_a_text_that_means_no_run_is_refused():
    for text in ("perhaps create canary spec: empty", "back create canary spec.x: least"):
        with pytest.raises(ValueError, match="no "):
            run(text)
