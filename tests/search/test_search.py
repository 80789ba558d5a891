"""Everything that can happen in a small world, and who tests the search: wrong cores, wrong merges.

``make search`` looks at a larger world.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from mutants.mutant import Mutant
from search.__main__ import main
from search.canonical import key
from search.explore import Result, Search
from search.paths import Path, told, walk
from search.scopes import SMALL
from search.state import Scope, State, beginning
from search.steps import successors

ONLY_AN_EDIT: Final = Scope(nodes=2, crashes=0, writes=0, away=0, verdicts=0, troubles=0)
A_NODE: Final = replace(ONLY_AN_EDIT, edits=0, away=1, troubles=1)
CRASH: Final = replace(ONLY_AN_EDIT, crashes=1, troubles=1)
WRITE: Final = replace(ONLY_AN_EDIT, nodes=3, writes=1, troubles=1)
VERDICT: Final = replace(ONLY_AN_EDIT, nodes=3, verdicts=1, troubles=1)

NO_ROLLBACK = Mutant(
    "wavegate.domain.versions:new_deployment",
    "if last is not None and needs_rollback(fleet, last):",
    "if False:",
    (),
)
"""A failed rollout is never taken back, and the job says for ever that it is about to be."""

WRITES_FOR_EVER = Mutant(
    "wavegate.domain.work:link", ' or "nextExecution" in before.status', "", ()
)
"""The same is written again and again."""


def explain(scope: Scope, result: Result) -> str:
    return told(list(walk(Path(scope.strategy, scope.nodes, tuple(result.path)), to_the_end=True)))


@pytest.mark.parametrize("scope", SMALL, ids=str)
def test_no_invariant_breaks_and_all_paths_come_to_a_right_end(
    scope: Scope, measured: Callable[[str], None]
):
    result = Search(scope).run()
    assert not result.wrong, explain(scope, result)
    assert result.left == 0, "it was broken off"
    assert result.ends > 1, "nothing was ever at rest"
    measured(f"search of {scope}: {result.states} states, {result.transitions} transitions")


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("places_not_held", VERDICT),
        ("terminal_can_go_back", VERDICT),
        ("completed_before_stable", WRITE),
        ("waves_not_judged", replace(VERDICT, strategy="Rolling")),
    ],
)
def test_a_wrong_core_is_found_and_its_path_repeats_it(name: str, scope: Scope):
    assert is_found(importlib.import_module(f"mutants.{name}").MUTANT, scope)


def test_an_end_that_is_not_right_is_found():
    assert "a wrong end" in is_found(NO_ROLLBACK, replace(VERDICT, nodes=2))


def test_a_path_without_an_end_is_found():
    assert "never ends" in is_found(WRITES_FOR_EVER, ONLY_AN_EDIT)


def is_found(mutant: Mutant, scope: Scope) -> str:
    """What the search says of a wrong core; its path alone shows the same."""
    with mutant.applied():
        result = Search(scope).run()
        assert result.wrong, "not noticed"
        path = Path(scope.strategy, scope.nodes, tuple(result.path))
        *_, last = walk(Path.parse(str(path)), to_the_end=True)
        assert last.wrong
    *_, last = walk(path)
    assert not last.wrong or "cannot happen here" in last.wrong, "it is the core that was wrong"
    return result.wrong


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(CRASH, id="a crash"),
        pytest.param(replace(VERDICT, nodes=2), id="a verdict"),
        pytest.param(A_NODE, id="a node"),
    ],
)
def test_two_worlds_that_are_taken_for_one_go_on_alike(scope: Scope):
    merged = 0
    first: dict[bytes, dict[str, bytes]] = {}
    waiting: deque[State] = deque([beginning(scope)])
    while waiting:
        state = waiting.popleft()
        found = {each.step: each.state for each in successors(state)}
        assert all(found.values())
        keys = {step: key(each) for step, each in found.items() if each is not None}
        name = key(state)
        if name in first:
            assert keys == first[name]
            merged += 1
            continue
        first[name] = keys
        waiting += [each for each in found.values() if each is not None]
    assert merged > 50, "too few to tell"


def test_a_path_is_text_and_tells_what_happened(capsys: pytest.CaptureFixture[str]):
    text = "Canary 2: 12 edit 3 crash-1 4"
    assert str(Path.parse(text)) == text
    assert main([text]) == 0
    said = capsys.readouterr().out
    assert "CreateExecution app-" in said
    assert said.endswith("as it should be\n")


def test_a_path_whose_steps_have_moved_says_so():
    *_, last = walk(Path.parse("Canary 2: lost-99"))
    assert "cannot happen here" in last.wrong
