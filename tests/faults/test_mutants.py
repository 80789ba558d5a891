"""Who tests the tests: the campaign has to notice when the operator is wrong.

Each mutant is a file in `mutants`, with the plans that kill it. Those in `SURVIVE` are not killed,
for a reason.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from faults.plans import parse_plan
from faults.run import reference, run
from mutants.mutant import MovedError, Mutant

DIRECTORY = Path(__file__).parents[1] / "mutants"
SURVIVE = {
    "older_wins": (
        "what is done on an older state is refused by its preconditions, and a refused write reads"
        " what it has met, so that it only costs requests; the store's own tests notice"
    ),
}
NAMES = sorted(each.stem for each in DIRECTORY.glob("*.py") if each.stem != "mutant")


def mutant_of(name: str) -> Mutant:
    found = importlib.import_module(f"mutants.{name}").MUTANT
    assert isinstance(found, Mutant)
    return found


def is_killed(mutant: Mutant) -> bool:
    """Whether one of its plans goes wrong with it, or ends elsewhere."""
    plans = [parse_plan(text) for text in mutant.plans]
    normal = {each.rollout: reference(each.rollout).end for each in plans}
    with mutant.applied():
        results = [run(each) for each in plans]
    return any(each.wrong or each.end != normal[each.plan.rollout] for each in results)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_operator_is_noticed(name: str):
    mutant = mutant_of(name)
    assert mutant.plans, "without a plan nothing is tried"
    assert is_killed(mutant) is (name not in SURVIVE)


def test_enough_are_killed():
    assert len(SURVIVE) <= 0.05 * len(NAMES)


def test_the_plans_that_kill_them_are_no_news_to_the_right_operator():
    """Where one kills the right operator, too, it says nothing of the wrong one."""
    plans = {plan for name in NAMES for plan in mutant_of(name).plans if " + " in plan}
    wrong = {plan: result.wrong for plan in plans if (result := run(parse_plan(plan))).wrong}
    assert not wrong


def test_afterwards_the_operator_is_right_again():
    mutant = mutant_of(NAMES[0])
    with mutant.applied():
        pass
    assert not run(reference("R1").plan).wrong


@pytest.mark.parametrize(
    ("target", "old"),
    [
        pytest.param("wavegate.domain.places:holds_place", "no such text", id="other text"),
        pytest.param("wavegate.domain.places:no_such_rule", "return", id="no such function"),
        pytest.param("wavegate.domain.claim:Chain.no_such", "return", id="no such method"),
        pytest.param("wavegate.domain.places:holds_place", "lost", id="text that is there twice"),
    ],
)
def test_a_mutant_of_code_that_has_moved_is_an_error(target: str, old: str):
    with pytest.raises(MovedError), Mutant(target, old, "", ()).applied():
        pass
