"""wavegate.runs.schedule: each tick becomes one run, or is counted, whoever crashes when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.httpjob import Schedule
from wavegate.runs.cron import Cron
from wavegate.runs.naming import tick_name
from wavegate.runs.schedule import Decision, decide

CRON = Cron.parse("* * * * *", "UTC")
T = 1_800_000_000.0
"""A tick of it; 60 seconds later is the next."""


def schedule(**fields: Any) -> Schedule:
    return Schedule.model_validate({"cron": "* * * * *", **fields})


def look(
    late: float = 0.0,
    ticks: int = 1,
    *,
    running: bool = False,
    made: tuple[float, ...] = (),
    **fields: Any,
) -> Decision:
    """So many ticks passed, of which the last, T, is so late."""
    return decide(schedule(**fields), CRON, T - 60 * ticks, None, T + late, running, made)


def minutes(decision: Decision) -> list[int]:
    """Its ticks, in minutes before the last one."""
    return [int(T - tick) // 60 for tick in decision.ticks]


@pytest.mark.parametrize(
    ("catch_up", "late", "ticks", "runs", "missed"),
    [
        ("Latest", 0, 1, [0], 0),
        ("Latest", 59, 1, [0], 0),
        ("Latest", 0, 5, [0], 4),
        ("None", 0, 1, [0], 0),
        ("None", 10, 1, [0], 0),
        ("None", 10.5, 1, [], 1),
        ("None", 5, 5, [0], 4),
        ("All", 0, 1, [0], 0),
        ("All", 0, 3, [2, 1, 0], 0),
        ("All", 0, 6, [5, 4, 3, 2, 1, 0], 0),
        ("All", 1, 6, [4, 3, 2, 1, 0], 1),
        ("All", 59, 1000, [4, 3, 2, 1, 0], 995),
    ],
)
def test_what_is_made_up_for(
    catch_up: str, late: float, ticks: int, runs: list[int], missed: int
) -> None:
    found = look(late, ticks, catchUp=catch_up, concurrencyPolicy="Allow")
    assert (minutes(found), found.missed, found.skipped) == (runs, missed, 0)
    assert found.handled == T
    assert found.next_tick == T + 60


def test_all_is_a_hundred() -> None:
    found = look(0, 5000, catchUp="All", concurrencyPolicy="Allow", startingDeadline="168h")
    assert (len(found.ticks), found.ticks[-1], found.missed) == (100, T, 4900)


def test_a_schedule_never_gives_up_and_counts_exactly() -> None:
    ten_years = 10 * 365 * 1440
    found = look(0, ten_years)
    assert (minutes(found), found.missed) == ([0], ten_years - 1)


def test_a_tick_is_made_up_for_until_the_starting_deadline() -> None:
    hourly = Cron.parse("@hourly", "UTC")
    for late, runs in ((300.0, 1), (300.5, 0)):
        found = decide(schedule(), hourly, T - 1, None, T + late, False)
        assert (len(found.ticks), found.missed, found.handled) == (runs, 1 - runs, T)


@pytest.mark.parametrize(
    ("policy", "running", "runs", "missed", "skipped", "replace"),
    [
        ("Allow", False, [2, 1, 0], 0, 0, False),
        ("Allow", True, [2, 1, 0], 0, 0, False),
        ("Queue", True, [2, 1, 0], 0, 0, False),
        ("Forbid", False, [0], 0, 2, False),
        ("Forbid", True, [], 0, 3, False),
        ("Replace", False, [0], 2, 0, False),
        ("Replace", True, [0], 2, 0, True),
    ],
)
def test_what_becomes_a_run(
    policy: str, running: bool, runs: list[int], missed: int, skipped: int, replace: bool
) -> None:
    found = look(0, 3, catchUp="All", concurrencyPolicy=policy, running=running)
    assert (minutes(found), found.missed, found.skipped, found.replace) == (
        runs,
        missed,
        skipped,
        replace,
    )


def test_a_tick_that_came_too_late_is_missed_and_replaces_nothing() -> None:
    hourly = Cron.parse("@hourly", "UTC")
    for policy in ("Forbid", "Replace"):
        strict = schedule(concurrencyPolicy=policy)
        found = decide(strict, hourly, T - 1, None, T + 301, True)
        assert (found.ticks, found.missed, found.skipped, found.replace) == ([], 1, 0, False)


def test_ticks_before_it_came_into_force_do_not_exist() -> None:
    assert decide(schedule(), CRON, T, T - 600, T + 59, False) == Decision(
        [], None, 0, 0, False, T + 60
    )
    assert decide(schedule(), CRON, T - 600, T, T + 59, False).ticks == []
    assert decide(schedule(), CRON, T - 600, T - 60, T, False).ticks == [T]


def test_a_clock_that_was_put_back_repeats_nothing() -> None:
    found = decide(schedule(), CRON, T - 600, T, T - 120, False)
    assert (found.ticks, found.handled, found.missed, found.next_tick) == ([], None, 0, T + 60)


def test_what_was_made_before_a_crash_counts_as_nothing_else() -> None:
    again = look(0, 3, running=True, made=(T,))
    assert (again.ticks, again.missed, again.skipped, again.handled) == ([], 2, 0, T)
    late = look(59, 3, catchUp="None", made=(T,))
    assert (late.ticks, late.missed, late.skipped) == ([], 2, 0)
    replacing = look(0, 1, running=True, made=(T,), concurrencyPolicy="Replace")
    assert (replacing.ticks, replacing.replace) == ([], True), "may not have come to that"


def test_runs_of_an_expression_before_this_one_do_not_count() -> None:
    """They may be later than since, where the clock of the process that made them was ahead."""
    other = Cron.parse(f"{int(T - 60) // 60 % 60} * * * *", "UTC")
    found = decide(schedule(), other, T - 300, None, T, True, (T - 180, T - 120))
    assert (found.ticks, found.missed, found.skipped) == ([], 0, 1)


def test_a_run_that_was_made_in_time_still_replaces_after_a_late_crash() -> None:
    strict = {"concurrencyPolicy": "Replace", "startingDeadline": "10s"}
    found = look(59, running=True, made=(T,), **strict)
    assert (found.ticks, found.missed, found.replace) == ([], 0, True)


def test_a_tick_that_is_missed_does_not_replace_the_run_of_one_before() -> None:
    found = look(
        59,
        8,
        running=True,
        made=(T - 420,),
        concurrencyPolicy="Replace",
        catchUp="All",
        startingDeadline="10s",
    )
    assert (found.ticks, found.missed, found.handled, found.replace) == ([], 7, T, False)


@given(
    policy=st.sampled_from(["Allow", "Forbid", "Replace", "Queue"]),
    catch_up=st.sampled_from(["Latest", "None", "All"]),
    deadline=st.sampled_from(["10s", "90s", "5m", "168h"]),
    text=st.sampled_from(["* * * * *", "*/7 * * * *", "30 2 * * *", "59 * * * *"]),
    steps=st.lists(
        st.tuples(
            st.sampled_from([1.0, 7.5, 30.0, 60.0, 200.0, 3600.0, 30_000.0]),
            st.none() | st.integers(0, 5),
            st.booleans(),
        ),
        max_size=25,
    ),
)
def test_every_tick_becomes_one_run_or_is_counted(
    policy: str,
    catch_up: str,
    deadline: str,
    text: str,
    steps: list[tuple[float, int | None, bool]],
) -> None:
    """A process looks at any moments; it may crash after some runs are made, with nothing written.

    Each step: seconds until it looks, after how many runs it crashes, whether runs end before.
    """
    cron = Cron.parse(text, "Europe/Berlin")
    since = now = 1_774_740_000.0  # some hours before the clock is put forward
    wanted = schedule(concurrencyPolicy=policy, catchUp=catch_up, startingDeadline=deadline)
    last_tick: float | None = None
    missed = skipped = 0
    runs: dict[str, float] = {}
    left: set[float] = set()
    for seconds, crash, ends in [*steps, (1.0, None, False)]:
        now += seconds
        if ends:
            left.clear()
        found = decide(wanted, cron, since, last_tick, now, bool(left), runs.values())
        assert found.next_tick > now
        for tick in found.ticks[:crash]:
            name = tick_name("job", "uid", tick)
            assert runs.setdefault(name, tick) == tick, "two ticks have one name"
            left.add(tick)
        if crash is not None:
            continue
        if found.replace:
            assert found.handled is not None
            left = {tick for tick in left if tick >= found.handled}
        if policy in ("Forbid", "Replace"):
            assert len(left) <= 1, "one run at a time"
        missed, skipped = missed + found.missed, skipped + found.skipped
        last_tick = last_tick if found.handled is None else found.handled
    ticks, instant = set(), since
    while (instant := cron.next_after(instant)) <= now:
        ticks.add(instant)
    assert set(runs.values()) <= ticks
    assert len(runs) + missed + skipped == len(ticks)
    assert missed >= 0
