"""Each run that has ended counts once: which do now, and what is said of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from support.runs_world import NOW, all_counted, executing, job, observed, run, statuses
from wavegate.api.httpjob_status import MAX_COUNTED, MAX_LINE, JobHealth
from wavegate.domain.actions import SetStatus
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runs.counting import SETTLED, Record, counting
from wavegate.runs.histogram import FINEST, Histogram
from wavegate.runs.job_health import COUNTED, Tally
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.plan import plan
from wavegate.runs.tallies import Tallies, added, over, read, written

LIMIT = 8 * 1024
"""Bytes of a job's status that its health may take."""


def over_(name: str, ago: float = 5.0, phase: str = "Completed", **facts: Any) -> RunView:
    """A run that ended so long ago, after two seconds."""
    completed = parse_time(format_time_micro(NOW - ago))
    known = {"phase": phase, "started": NOW - ago - 2, "completed": completed}
    return run(name, **{**known, **facts})


def said(of: AskedJobView, health: Any) -> AskedJobView:
    return replace(of, status={**of.status, "health": health})


def total(health: Any, now: float = NOW) -> int:
    return over(read(health), "30d", now).total


def test_a_run_counts_at_once_and_no_second_time() -> None:
    of, ended = all_counted(job(), NOW - 3600), [over_("one"), over_("two", 7, "DeadLetter")]
    health = counting(of, ended, NOW).health
    assert health is not None
    assert health["last7Days"]["total"] == 2
    assert (health["last7Days"]["completed"], health["last7Days"]["failed"]) == (1, 1)
    assert health["asOf"] == format_time(NOW)
    for later in (0, 30, SETTLED, 7200):
        assert counting(said(of, health), ended, NOW + later).health is None


def test_what_is_told_is_what_the_model_takes() -> None:
    health = counting(all_counted(job()), [over_("one", -1)], NOW + 2).health
    JobHealth.model_validate(health)
    assert health is not None
    told = health["last7Days"]
    assert (told["successRate"], told["averageMs"], told["stability"]) == (1.0, 2000, 30)
    assert (told["score"], told["p95Error"]) == (100, 0.043)
    assert told["p95Ms"] == pytest.approx(2000, rel=told["p95Error"])
    assert told["from"] == "2027-01-08T00:00:00Z"


def test_one_that_is_seen_late_counts_in_its_place() -> None:
    """As its write was answered late, while a younger one was counted."""
    of = all_counted(job(), NOW - 3600)
    health = counting(of, [over_("young", 1)], NOW).health
    health = counting(said(of, health), [over_("young", 1), over_("old", 50)], NOW + 5).health
    assert health is not None
    assert total(health) == 2


def test_two_that_ended_at_the_same_moment_count_each() -> None:
    of = all_counted(job(), NOW - 3600)
    health = counting(of, [over_("one")], NOW).health
    health = counting(said(of, health), [over_("one"), over_("two")], NOW).health
    assert health is not None
    assert total(health) == 2


def test_a_flood_is_counted_within_a_minute_and_its_names_are_bounded() -> None:
    flood = [over_(f"r{number:03}", number / 10) for number in range(300)]
    of, now = all_counted(job(), NOW - 3600), NOW
    writes = 0
    for _ in range(300):
        found = counting(of, flood, now)
        if found.health is None and found.wake_at is None:
            break
        if found.health is not None:
            writes += 1
            of = said(of, found.health)
            assert len(found.health["counted"]) <= MAX_COUNTED
        now = max(now, found.wake_at or now)
    assert now <= NOW + SETTLED + 1
    assert total(of.status["health"], now) == 300
    assert writes <= SETTLED


def test_whatever_was_counted_before_a_flood_is_forgotten_only_once_it_is_settled() -> None:
    of = all_counted(job(), NOW - 3600)
    first = over_("first", 3)
    health = counting(of, [first], NOW).health
    crowd = [over_(f"r{number:03}", 2) for number in range(100)]
    found = counting(said(of, health), [first, *crowd], NOW + 1)
    assert found.health is not None
    assert found.wake_at == NOW - 3 + SETTLED
    assert total(found.health) == MAX_COUNTED
    again = counting(said(of, found.health), [first, *crowd], found.wake_at)
    assert again.health is not None
    assert 1 + MAX_COUNTED < total(again.health) + 1 <= 101
    assert counting(said(of, found.health), [first, *crowd], found.wake_at - 0.01).health is None


def test_of_a_new_job_all_that_ended_counts_and_of_one_from_before_what_ends_from_now_on() -> None:
    ended = [over_("one", 60)]
    new = job()
    health = counting(new, ended, NOW).health
    assert health is not None
    assert (health["since"], total(health)) == (format_time_micro(new.created), 1)
    before = replace(new, status={"state": "Active"})
    health = counting(before, ended, NOW).health
    assert health == {
        "since": format_time_micro(NOW),
        "countedUpTo": format_time_micro(NOW),
        "counted": [],
    }
    assert counting(said(before, health), ended, NOW + 60).health is None
    assert counting(said(before, health), [*ended, over_("two", -1)], NOW + 60).health is not None


def test_an_idle_job_says_nothing_new() -> None:
    of = all_counted(job(), NOW - 3600)
    of = said(of, counting(of, [over_("one")], NOW).health)
    for days in (0, 1, 8, 40):
        found = counting(of, [over_("one")], NOW + days * 86400)
        assert (found.health, found.wake_at) == (None, None)


def test_runs_of_a_job_of_that_name_that_is_gone_are_none_of_its() -> None:
    of = all_counted(job(), NOW - 3600)
    theirs = over_("theirs", owner_uid="another")
    assert counting(of, [theirs], NOW).health is None
    assert counting(of, [over_("its", owner_uid="job-uid")], NOW).health is not None


def test_a_run_of_whose_end_the_time_is_not_known_counts_never() -> None:
    of = all_counted(job(), NOW - 3600)
    assert counting(of, [over_("one", completed=None)], NOW).health is None


def test_the_end_of_a_run_is_later_than_what_counts_also_by_a_clock_that_was_set_back() -> None:
    ahead = all_counted(job(), NOW + 900)
    ends = executing("one", uid="one-uid")
    found = statuses(plan(observed(ahead, replace(ends, canceled=True))))["one"]
    completed = parse_time(found["completionTime"])
    assert completed is not None
    assert completed > NOW + 900
    late = over_("one", completed=completed)
    health = counting(ahead, [late], NOW + 1).health
    assert health is not None
    assert over(read(health), "1h", NOW + 1).total == 1
    assert health["countedUpTo"] == format_time_micro(NOW + 900), "it never goes back"


def test_an_end_has_its_time_where_the_clocks_agree() -> None:
    for of in (job(), all_counted(job(), NOW - SETTLED)):
        ends = executing("one", canceled=True)
        found = statuses(plan(observed(of, ends)))["one"]
        assert found["completionTime"] == format_time_micro(NOW)


def test_it_is_said_by_the_write_that_says_that_nothing_executes_any_more() -> None:
    of = all_counted(job())
    told = {**of.status, "state": "Active", "runs": {"executing": 1}}
    of, ended = replace(of, status=told), over_("one", -1)
    made = plan(observed(of, finished=[ended], uncounted=[ended], now=NOW + 2))
    (write,) = [
        action
        for step in made.steps
        for action in step.actions
        if isinstance(action, SetStatus) and action.kind == "HTTPJob"
    ]
    assert write.status["runs"]["executing"] == 0
    assert write.status["health"]["last7Days"]["total"] == 1


@pytest.mark.parametrize(
    "health",
    [
        {"since": "never"},
        {"since": format_time(NOW - 9), "countedUpTo": "x", "counted": ["y", "1-", "²-abcdef01"]},
        {"since": format_time(NOW - 9), "hours": {"x": "y"}, "days": {}},
    ],
)
def test_a_record_that_makes_no_sense_is_made_anew(health: Any) -> None:
    of = said(replace(job(), status={"state": "Active"}), health)
    found = counting(of, [over_("one", -1)], NOW + 2).health
    assert found is None or total(found, NOW + 2) == 1
    assert Record.of(of, NOW).named == {}


def test_its_health_is_of_at_most_8_kib_whatever_the_load() -> None:
    """For a month, each hour many runs of all durations, and a crowd at its end."""
    chance, sizes = Random(0), []
    for most in (1, 10, 1000, 10**6):
        buckets = {each: chance.randrange(1, most + 1) for each in range(0, 31 * 2**FINEST, 3)}
        much = Tally(dict.fromkeys(COUNTED, 100 * most), Histogram(10**9 * most, FINEST, buckets))
        kept = written(added(Tallies(), [(NOW - 3600 * each, much) for each in range(744)], NOW))
        assert (len(kept["hours"]), len(kept["days"])) == (25, 30)
        full = said(all_counted(job()), {**_BEFORE, **kept})
        crowd = [over_(f"r{number:03}", 1) for number in range(100)]
        health = counting(full, crowd, NOW).health
        JobHealth.model_validate(health)
        assert health is not None
        assert len(health["counted"]) == MAX_COUNTED
        # Lines differ by how their buckets happen to fit: take each to be as long as it may be.
        for place in ("hours", "days"):
            sizes.append(len(json.dumps(health).encode()))
            health = {**health, place: dict.fromkeys(health[place], "9" * MAX_LINE)}
        sizes.append(len(json.dumps(health).encode()))
    print(f"an HTTPJob's health takes at most {max(sizes):,} of {LIMIT:,} bytes")
    assert max(sizes) <= LIMIT


_BEFORE = {
    "since": format_time_micro(NOW - 40 * 86400),
    "countedUpTo": format_time_micro(NOW - 30),
}


@pytest.mark.parametrize("seed", range(30))
def test_in_whatever_order_ends_are_seen_each_counts_once(seed: int) -> None:
    """Ends come late by up to half a minute, writes are lost, runs go once they count."""
    chance = Random(seed)
    of, now = all_counted(job(), NOW), NOW
    coming = [over_(f"r{number:03}", -chance.uniform(0, 300)) for number in range(400)]
    arrives = {each.uid: (each.completed or 0.0) + chance.uniform(0, 30) for each in coming}
    while now < NOW + 500:
        ended = [each for each in coming if arrives[each.uid] <= now]
        found = counting(of, ended, now)
        if found.health is not None and chance.random() < 0.7:
            of = said(of, found.health)
            record = Record.of(of, now)
            gone = {each.uid for each in ended if record.has(each) and chance.random() < 0.5}
            coming = [each for each in coming if each.uid not in gone]
        now += chance.uniform(0.2, 6)
    assert Counter({"completed": 400}) == over(read(of.status["health"]), "1d", now).counts
