"""Objects that no schema would let through end no process and keep no neighbour from its end.

``make test`` has a sample of them. All five hundred:
``HOSTILE=all .venv/bin/python -m pytest -q tests/hostile/test_objects.py``; and those of some
numbers: ``HOSTILE=17,23 …``, with what was done to each (see `objects`).
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from hostile.meter import Costs, without_garbage_collection
from hostile.objects import COUNT, KIND_NAMES, VICTIM, Hostile, hostile, name_of
from hostile.scene import Report, play
from wavegate.kube.reading import admit_deep_documents
from wavegate.simulation.store import MOST_BYTES

CHOSEN: Final = os.environ.get("HOSTILE", "")
SAMPLE: Final = range(2, COUNT, 9)
"""Of each kind as many."""
OF_MEMORY: Final = 3
"""Of so many of the sample the memory of one is measured, which takes longer than the time."""

LONGEST: Final = 32_768
"""Characters of a line of the log, which is what a condition may say."""
REQUESTS: Final = 3000, 100
"""Most in an hour in which nothing happens: in all, and for each of the objects."""


def _chosen() -> list[int]:
    if CHOSEN == "all":
        return list(range(COUNT))
    return [int(each) for each in CHOSEN.split(",")] if CHOSEN else list(SAMPLE)


@pytest.fixture(scope="module", autouse=True)
def _admitted() -> Iterator[None]:
    """As in the operator's process."""
    before = sys.getrecursionlimit()
    admit_deep_documents()
    yield
    sys.setrecursionlimit(before)


@pytest.fixture(scope="module")
def objects() -> dict[str, Hostile]:
    """By name."""
    return {name_of(number): hostile(number) for number in _chosen()}


@pytest.fixture(scope="module")
def report(objects: dict[str, Hostile]) -> Report:
    """Of the story, in which time was measured."""
    with without_garbage_collection():
        return play(list(objects.values()), memory=False)


@pytest.fixture(scope="module")
def memory(objects: dict[str, Hostile]) -> Report:
    """The same for memory; of the sample, again of each kind as many."""
    chosen = list(objects.values())
    with without_garbage_collection():
        return play(chosen if CHOSEN else chosen[::OF_MEMORY], memory=True)


@pytest.mark.timeout(1800)
def test_no_process_ends_and_the_neighbours_come_to_their_ends(report: Report) -> None:
    """That neighbours do is asserted while it is played."""
    assert not report.ended


def test_a_pass_that_breaks_is_told_by_its_name_and_backed_off(report: Report) -> None:
    broken: dict[str, list[float]] = defaultdict(list)
    for record in report.records:
        if record.exc_info:
            fields = getattr(record, "fields", {})
            broken[str(fields.get("job"))].append(record.virtual)  # type: ignore[attr-defined]
    for job, times in broken.items():
        assert job.split("/")[-1].startswith(("hostile-", VICTIM)), f"{job} broke"
        assert len(times) < 300, f"{job} broke {len(times)} times"


def test_what_is_told_is_told_in_lines_that_can_be_read(report: Report) -> None:
    for record in report.records:
        assert len(record.getMessage()) <= LONGEST, record.getMessage()[:200]


def test_what_is_told_of_jobs_is_told_of_the_others(report: Report) -> None:
    said = report.metrics.decode()
    assert 'wavegate_fleetjob_info{job_name="app"' in said
    assert f'wavegate_fleetjob_info{{job_name="{VICTIM}"' in said


def test_where_nothing_happens_little_is_asked(report: Report, objects: dict[str, Hostile]) -> None:
    in_all, for_each = REQUESTS
    assert report.requests < in_all + for_each * len(objects)


def test_no_object_costs_much_time(
    report: Report, objects: dict[str, Hostile], measured: Callable[[str], None]
) -> None:
    for costs, what in (
        (report.costs, "decoded and passed"),
        (report.parsed, "parsed"),
        (report.steps, "a step of the loop"),
    ):
        _told(costs, what, objects, measured)
        _costs_no_more(costs, objects)


@pytest.mark.timeout(1800)
def test_no_object_costs_much_memory(
    memory: Report, objects: dict[str, Hostile], measured: Callable[[str], None]
) -> None:
    """To be parsed it takes what its bytes make it take, and gives that back."""
    _told(memory.costs, "decoded and passed", objects, measured)
    _told(memory.parsed, "parsed", objects, measured)
    _costs_no_more(memory.costs, objects)


def _told(
    costs: Costs, what: str, objects: dict[str, Hostile], measured: Callable[[str], None]
) -> None:
    for cost, whose, step in costs.worst(3):
        named = str(objects.get(whose, whose))[:100]
        measured(f"{what:20} {cost:6.1f} {costs.unit:3} {step}: {named}")


def _costs_no_more(costs: Costs, objects: dict[str, Hostile]) -> None:
    for cost, whose, step in costs.worst(1):
        assert cost < costs.limit, f"{cost:.1f} {costs.unit}: {step}: {objects.get(whose, whose)}"


def test_an_object_is_the_same_each_time_and_no_longer_than_etcd_takes() -> None:
    for number in range(0, COUNT, 5 * len(KIND_NAMES) + 1):
        made = hostile(number)
        assert made == hostile(number)
        assert len(made.text()) < MOST_BYTES - 1000


def test_there_are_as_many_of_each_kind(objects: dict[str, Hostile]) -> None:
    if len(objects) >= len(KIND_NAMES):
        assert {each.kind for each in objects.values()} == set(KIND_NAMES)
