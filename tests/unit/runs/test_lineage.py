"""How deep a run lies; the table of the rule itself is worked through in
tests/unit/reference/test_worked_runs.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from support.runs_world import job, observed, run, started, statuses, told
from wavegate.runs.lineage import MAX_DEPTH, depth
from wavegate.runs.observed import RunView
from wavegate.runs.plan import plan


def chain(length: int) -> Mapping[str, RunView]:
    """Runs ``0`` to ``length - 1`` of which each names the one before, and nothing is on record."""
    return {
        str(number): run(str(number), asked_by=(str(number - 1),) if number else ())
        for number in range(length)
    }


@pytest.mark.parametrize("length", [1, 2, MAX_DEPTH, MAX_DEPTH + 1, 500])
def test_a_chain_of_which_nothing_is_on_record_is_as_deep_as_it_is_long(length: int) -> None:
    assert depth([str(length - 1)], chain(length).get) == min(length, MAX_DEPTH + 1)


def test_what_is_on_record_counts_though_what_is_above_it_is_gone() -> None:
    known = {"one": run("one", asked_by=("gone",), lineage_depth=7)}
    assert depth(["one"], known.get) == 8


def test_what_is_on_record_counts_though_another_has_the_name_of_what_is_above_it() -> None:
    known = {
        "one": run("one", asked_by=("above",), lineage_depth=1),
        "above": run("above", asked_by=("gone",), lineage_depth=9),
    }
    assert depth(["one"], known.get) == 2


def test_it_is_never_said_to_be_more_than_one_too_deep() -> None:
    known = {
        "one": run("one", asked_by=("above",)),
        "above": run("above", asked_by=("gone",), lineage_depth=MAX_DEPTH),
    }
    assert depth(["one"], known.get) == MAX_DEPTH + 1


def test_it_looks_at_no_more_than_it_has_to() -> None:
    """Of a circle, and of runs that all name two, each is looked at once a step."""
    many = {f"{side}{number}": _both(side, number) for side in "ab" for number in range(50)}
    asked: list[str] = []
    find = _noted(many.get, asked)
    assert depth(["a49"], find) == MAX_DEPTH + 1
    assert len(asked) <= 2 * (MAX_DEPTH + 1)


def _both(side: str, number: int) -> RunView:
    return run(f"{side}{number}", asked_by=(f"a{number - 1}", f"b{number - 1}"))


def _noted(
    find: Callable[[str], RunView | None], asked: list[str]
) -> Callable[[str], RunView | None]:
    def noted(name: str) -> RunView | None:
        asked.append(name)
        return find(name)

    return noted


def test_a_run_that_names_another_says_how_deep_it_lies_and_who_asked_for_it() -> None:
    child = run(asked_by=("above",), lineage_depth=MAX_DEPTH)
    found = plan(observed(job(), child))
    assert started(found) == ["one"]
    status = statuses(found)["one"]
    assert (status["triggeredBy"], status["lineageDepth"]) == ("API", MAX_DEPTH)


def test_one_that_lies_too_deep_is_refused_before_it_is_called() -> None:
    child = run(asked_by=("above",), lineage_depth=MAX_DEPTH + 1)
    found = plan(observed(job(), child, run("two")))
    assert started(found) == ["two"]
    assert told(found)["one"] == ("Canceled", "LineageTooDeep")
    assert "lineageDepth" not in statuses(found)["one"]
    assert "11th of runs" in statuses(found)["one"]["message"]
