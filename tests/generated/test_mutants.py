"""Who tests the tests: defects of the operator, and for each a run that has to notice it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from generated import answers
from generated.operations import schema_of
from generated.runs import run
from wavegate.api import canonical
from wavegate.cli import linting
from wavegate.domain import conditions, plan
from wavegate.engine import bodies

Patch = pytest.MonkeyPatch


def _label_only_restarts(patch: Patch) -> None:
    patch.setattr(canonical, "_WORKLOAD", (*canonical._WORKLOAD, "meta"))


def _words_make_versions(patch: Patch) -> None:
    kept = tuple(each for each in canonical._NOT_A_VERSION if each != "description")
    patch.setattr(canonical, "_NOT_A_VERSION", kept)


def _waiting_without_condition(patch: Patch) -> None:
    kept = conditions.set_conditions

    def shorter(*given: Any) -> list[dict[str, Any]]:
        return [each for each in kept(*given) if each["type"] != "Stalled"]

    patch.setattr(conditions, "set_conditions", shorter)


def _an_edit_leaves_a_condition(patch: Patch) -> None:
    kept = conditions.set_conditions

    def longer(old: Any, wanted: Any, now: str, generation: int) -> list[dict[str, Any]]:
        others = [each for each in old if each["type"] != "Edited"]
        made = {"type": "Edited", "status": "True", "reason": "Edited", "message": ""}
        made["lastTransitionTime"] = "2025-01-31T12:00:00Z"
        added = [made] if generation > 1 else []
        return [*kept(others, wanted, now, generation), *added]

    patch.setattr(conditions, "set_conditions", longer)


def _a_rule_is_gone(patch: Patch) -> None:
    """Of a period that is too long, which the operator's own model then refuses."""
    schema = copy.deepcopy(schema_of("FleetJob"))
    del schema["properties"]["spec"]["properties"]["timeouts"]["properties"]["queue"][
        "x-kubernetes-validations"
    ]
    patch.setattr(answers, "schema_of", lambda kind: schema)
    patch.setattr(linting, "_schemas", lambda kind: (schema, answers.SERVED[kind].schema))


def _a_pass_breaks(patch: Patch) -> None:
    kept = plan.Fleet

    def broken(observed: Any, spec: Any) -> Any:
        assert spec.priority != 0
        return kept(observed, spec)

    patch.setattr(plan, "Fleet", broken)


def _own_writes_are_refused(patch: Patch) -> None:
    kept = bodies.execution

    def longer(*given: Any) -> Any:
        body = kept(*given)
        body["spec"]["evalId"] = "x" * 65
        return body

    patch.setattr(bodies, "execution", longer)


MUTANTS: dict[str, tuple[Callable[[Patch], None], str, str]] = {
    "a change of meta restarts pods": (
        _label_only_restarts,
        "back create rolling spec.meta: one",
        "does not touch the pod",
    ),
    "a change of words makes a version": (
        _words_make_versions,
        "back create canary spec.description: longest",
        "is to make no version",
    ),
    "what waits has no condition": (
        _waiting_without_condition,
        "back create measured spec.priority: least",
        "beside",
    ),
    "an edit leaves a condition": (
        _an_edit_leaves_a_condition,
        "back create plain spec.priority: least",
        "back again it is",
    ),
    "a rule is gone from the CRD": (
        _a_rule_is_gone,
        "back create canary spec.timeouts.queue: duration 8760h1s",
        "InvalidSpec",
    ),
    "a pass breaks": (_a_pass_breaks, "back create plain spec.priority: least", "in the log"),
    "what the operator writes is refused": (
        _own_writes_are_refused,
        "back create plain spec.priority: least",
        "own write was refused",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch):
    defect, text, says = MUTANTS[name]
    assert not run(text).wrong, "without the defect"
    defect(monkeypatch)
    found = run(text).wrong
    assert found
    assert says in found
