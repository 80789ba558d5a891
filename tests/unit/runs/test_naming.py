"""Names of runs that somebody asks for."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.naming import MOST_OF_A_KEY, drawn_name, keyed_name
from wavegate.runs.schedule import run_name

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
JOBS = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
NUMBERS = st.integers(1, MOST_OF_A_KEY)


@given(JOBS, st.text(max_size=255), NUMBERS)
def test_every_name_is_a_label_of_at_most_40_characters(job: str, key: str, number: int) -> None:
    for name in (keyed_name(job, "uid", key, number), drawn_name(job, key)):
        assert LABEL.fullmatch(name)
        assert len(name) <= 40


@given(JOBS, st.text(max_size=255), NUMBERS)
def test_the_further_runs_of_a_key_have_the_name_of_the_first_before_them(
    job: str, key: str, number: int
) -> None:
    first = keyed_name(job, "uid", key)
    assert keyed_name(job, "uid", key, number) == (first if number == 1 else f"{first}-{number}")


def test_a_name_follows_from_the_job_that_is_there_and_the_key() -> None:
    assert keyed_name("app", "uid", "k") == keyed_name("app", "uid", "k")
    names = {
        keyed_name("app", "uid", "k"),
        keyed_name("app", "uid", "l"),
        keyed_name("app", "another uid", "k"),
        drawn_name("app", "k"),
    }
    assert len(names) == 4


def test_a_key_that_looks_like_a_tick_does_not_take_the_ticks_name() -> None:
    tick = 1_700_000_000.0
    assert keyed_name("app", "uid", f"{tick:.0f}") != run_name("app", "uid", tick)
