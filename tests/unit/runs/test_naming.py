"""Names of runs: of ticks, and of those that somebody asks for."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.naming import MOST_OF_A_KEY, drawn_name, keyed_name, tick_name

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
JOBS = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
TICK = 1_774_000_000.0
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
    assert keyed_name("app", "uid", f"{tick:.0f}") != tick_name("app", "uid", tick)


@given(JOBS, st.uuids(), st.integers(0, 10**8), st.integers(1, 10**6))
def test_the_name_for_a_tick_is_a_label_and_its_own(
    job: str, uid: Any, minute: int, later: int
) -> None:
    name = tick_name(job, str(uid), 60.0 * minute)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 40
    assert name.startswith(job[:29].rstrip("-"))
    assert name == tick_name(job, str(uid), 60.0 * minute)
    assert name != tick_name(job, str(uid), 60.0 * (minute + later))
    assert name != tick_name(job, f"{uid}x", 60.0 * minute)


def test_the_name_for_a_tick_is_the_jobs_where_there_is_room() -> None:
    assert re.fullmatch(r"nightly-report-[a-z2-7]{10}", tick_name("nightly-report", "u", TICK))
    assert tick_name("nightly-report", "u", TICK) != tick_name("nightly-report", "u", TICK + 86_400)
    assert re.fullmatch("a{28}-[a-z2-7]{10}", tick_name("a" * 28 + "-" + "b" * 11, "u", TICK))
