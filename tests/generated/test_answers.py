"""When two who check an operation agree, and when a refusal names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from generated.answers import Answer, SimulatedServer, change_of, linted, real_answer
from generated.operations import Operation, parse_operation

PRIORITY = "spec.priority: Invalid value: 101 is not from 0 to 100"
PORTS = "spec.template.spec.containers[0].ports: Too many: must have at most 2 items"
PORT = "spec.template.spec.containers[0].ports[1].name: Too long"


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        pytest.param((), (), True, id="both take it"),
        pytest.param((PRIORITY,), (), False, id="one refuses"),
        pytest.param((PRIORITY,), ("spec.priority: other words",), True, id="the same field"),
        pytest.param((PORTS,), (PORT,), True, id="one below the other"),
        pytest.param((PRIORITY,), (PORTS,), False, id="two fields"),
        pytest.param((PRIORITY, PORTS), (PORT,), True, id="one in common"),
        pytest.param(("spec.priority: x",), ("spec.prioritySet: x",), False, id="alike in letters"),
    ],
)
def test_answers_agree_where_they_name_a_field_in_common(one: Any, other: Any, agree: bool):
    assert Answer(one).agrees_with(Answer(other)) is agree
    assert Answer(other).agrees_with(Answer(one)) is agree


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("spec.priority: Invalid value: 101", True),
        ("spec: Invalid value: spec.priority: with this type none is taken", True),
        ("spec: Invalid value: spec.selector: with this type one is required", False),
        ("spec: Required value", True),
        ("spec.labels: a label", False),
        ("spec.labels: not beside priority", True),
        ('strict decoding error: unknown field "spec.priority.more"', True),
        ("metadata.name: Required value", False),
    ],
)
def test_a_refusal_names_the_field_that_an_operation_is_about(line: str, named: bool):
    operation = Operation("create", "canary", ("spec", "priority"), "beyond", 101)
    assert Answer((line,)).names(operation) is named


def test_the_real_server_s_answer_has_a_line_for_each_cause():
    causes = [
        {"field": "spec.priority", "message": "Invalid value: 101"},
        {"field": "", "message": "some validation rules were not checked because of others"},
    ]
    answer = real_answer(422, {"message": "in all", "details": {"causes": causes}})
    assert answer.says == ("spec.priority: Invalid value: 101",)
    assert real_answer(400, {"message": "no JSON"}).says == ("no JSON",)
    assert not real_answer(201, {}).refused


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("create canary spec.priority: beyond", "spec.priority", id="schema"),
        pytest.param("create stop spec.toVersion: least", "spec.toVersion", id="rule"),
        pytest.param("change stop spec.type: word Restart", "spec.type", id="rule of a change"),
        pytest.param("create canary spec.surprise: unknown field", "spec.surprise", id="unknown"),
    ],
)
def test_each_way_to_be_refused_names_its_field(text: str, field: str):
    operation = parse_operation(text)
    answer = SimulatedServer().answer(operation)
    assert field in answer.fields
    if operation.verb == "create":
        assert field in linted(operation).fields


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        pytest.param(
            ("rollout", "canaryCount"), True, {"rollout": {"canaryCount": True}}, id="true for 1"
        ),
        pytest.param(("rollout", "canaryCount"), 1.0, {}, id="1.0 for 1, which is stored as 1"),
        pytest.param(
            ("rollout", "autoPromote"), 1, {"rollout": {"autoPromote": 1}}, id="1 for true"
        ),
        pytest.param(
            ("config", "limits", 0), True, {"config": {"limits": [True, 2.5, None]}}, id="in a list"
        ),
        pytest.param(("config", "limits", 0), 1.0, {}, id="the same list"),
    ],
)
def test_a_change_holds_what_differs_and_true_is_not_1(path: Any, value: Any, change: Any):
    operation = Operation("change", "canary", ("spec", *path), "", value)
    assert change_of(operation) == ({"spec": change} if change else {})
