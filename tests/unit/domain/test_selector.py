"""The table of expressions in wavegate.domain.selector, and how the parts of a selector combine."""

from __future__ import annotations

import pytest

from unit.domain.builders import node
from wavegate.api.fleetjob import Selector
from wavegate.domain.selector import matches, parse

A, B, NONE = {"zone": "a"}, {"zone": "b"}, {"other": "a"}


@pytest.mark.parametrize(
    ("expression", "on_a", "on_b", "on_none"),
    [
        ("zone=a", True, False, False),
        ("zone==a", True, False, False),
        ("zone!=a", False, True, True),
        ("zone in (a,c)", True, False, False),
        ("zone in ( c , a )", True, False, False),
        ("zone notin (a,c)", False, True, True),
        ("zone", True, True, False),
        ("!zone", False, False, True),
        ("  ! zone ", False, False, True),
        ("zone = a", True, False, False),
    ],
)
def test_each_form_matches_as_kubectl_does(
    expression: str, on_a: bool, on_b: bool, on_none: bool
) -> None:
    requirement = parse(expression)
    assert [requirement.holds(labels) for labels in (A, B, NONE)] == [on_a, on_b, on_none]


def test_an_empty_value_is_a_value_of_its_own() -> None:
    assert parse("zone=").holds({"zone": ""})
    assert not parse("zone=").holds({})


@pytest.mark.parametrize("expression", ["", "zone in a", "zone > 3", "zone=a=b", "in (a)"])
def test_anything_else_is_refused_and_named(expression: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        parse(expression)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param({}, True, id="an empty selector matches every node"),
        pytest.param({"matchIds": ["n1", "n2"]}, True, id="the name is among those given"),
        pytest.param({"matchIds": ["n2"]}, False, id="the name is not among those given"),
        pytest.param({"matchLabels": {"zone": "a"}}, True, id="the label has the value"),
        pytest.param({"matchLabels": {"zone": "b"}}, False, id="the label has another value"),
        pytest.param({"matchLabels": {"rack": "1"}}, False, id="the label is not there"),
        pytest.param({"matchExpressions": ["zone", "!rack"]}, True, id="all expressions hold"),
        pytest.param({"matchExpressions": ["zone", "rack"]}, False, id="one of two does not hold"),
        pytest.param(
            {"matchIds": ["n1"], "matchLabels": {"zone": "b"}}, False, id="all parts must hold"
        ),
    ],
)
def test_a_selector_matches_where_all_of_it_holds(
    selector: dict[str, object], expected: bool
) -> None:
    assert matches(Selector.model_validate(selector), node(labels=A)) is expected
