"""Defects that fault plans have found stay away."""

from __future__ import annotations

import pytest

from faults.found import FOUND
from faults.plans import parse_plan
from faults.run import run


@pytest.mark.parametrize("text", FOUND)
def test_what_was_found_stays_away(text: str):
    result = run(parse_plan(text))
    assert result.happened, f"{text} met nothing: where it happened has moved"
    assert not result.wrong, f"{FOUND[text]}\n{result.wrong}"
