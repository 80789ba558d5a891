"""Which nodes a version is to run on: the DaemonSet controller's predicate, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import job_spec, node
from wavegate.domain.observed import Taint
from wavegate.domain.targets import Placement

pytestmark = pytest.mark.row("Targets")

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def placement(**pod: Any) -> Placement:
    return Placement(job_spec(), {"spec": pod})


def affine(*terms: dict[str, Any]) -> Placement:
    return placement(affinity={"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": list(terms)}}})


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("fields", "absence"),
    [
        pytest.param({}, "", id="a node that is well is a target"),
        pytest.param({"ready": False}, "NotReady", id="a node that is NotReady is none"),
        pytest.param({"unschedulable": True}, "Cordoned", id="a cordoned node is none"),
        pytest.param({"pressure": ("DiskPressure",)}, "UnderPressure", id="one under pressure"),
        pytest.param({"taints": (Taint("gpu", "yes", "NoSchedule"),)}, "Tainted", id="NoSchedule"),
        pytest.param({"taints": (Taint("gpu", "yes", "NoExecute"),)}, "Tainted", id="NoExecute"),
        pytest.param(
            {"taints": (Taint("gpu", "yes", "PreferNoSchedule"),)}, "", id="PreferNoSchedule"
        ),
        pytest.param(
            {"ready": False, "unschedulable": True}, "NotReady", id="NotReady comes before cordoned"
        ),
    ],
)
def test_why_a_node_is_no_target(fields: dict[str, Any], absence: str) -> None:
    assert placement().absence(node(**fields)) == absence
    assert placement().is_target(node(**fields)) is (absence == "")
    assert placement().belongs(node(**fields)), "it keeps what it runs"


TAINT = Taint("gpu", "yes", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        pytest.param({"key": "gpu", "value": "yes"}, True, id="same key and value, any effect"),
        pytest.param({"key": "gpu", "operator": "Equal", "value": "yes"}, True, id="Equal"),
        pytest.param({"key": "gpu", "value": "no"}, False, id="another value"),
        pytest.param({"key": "gpu"}, False, id="no value where the taint has one"),
        pytest.param({"key": "gpu", "operator": "Exists"}, True, id="Exists, any value"),
        pytest.param({"operator": "Exists"}, True, id="Exists without a key tolerates all"),
        pytest.param({"key": "tpu", "operator": "Exists"}, False, id="Exists of another key"),
        pytest.param(
            {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True, id="same effect"
        ),
        pytest.param(
            {"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False, id="other effect"
        ),
    ],
)
def test_a_toleration_lets_a_pod_onto_a_tainted_node(
    toleration: dict[str, str], tolerated: bool
) -> None:
    assert placement(tolerations=[toleration]).is_target(node(taints=(TAINT,))) is tolerated


def test_every_taint_must_be_tolerated() -> None:
    tolerant = placement(tolerations=[{"key": "gpu", "operator": "Exists"}])
    other = Taint("disk", "", "NoSchedule")
    assert tolerant.absence(node(taints=(TAINT, other))) == "Tainted"


@pytest.mark.parametrize(
    ("operator", "values", "on_two", "on_none"),
    [
        ("In", ("1", "2"), True, False),
        ("In", ("1",), False, False),
        ("NotIn", ("2",), False, True),
        ("NotIn", ("1",), True, True),
        ("Exists", (), True, False),
        ("DoesNotExist", (), False, True),
        ("Gt", ("1",), True, False),
        ("Gt", ("2",), False, False),
        ("Lt", ("3",), True, False),
        ("Lt", ("2",), False, False),
        ("Gt", ("many",), False, False),
        ("Gt", (), False, False),
        ("Near", ("2",), False, False),
    ],
)
def test_the_operators_of_required_affinity(
    operator: str, values: tuple[str, ...], on_two: bool, on_none: bool
) -> None:
    wanted = affine(expression("rack", operator, *values))
    assert wanted.belongs(node(labels={"rack": "2"})) is on_two
    assert wanted.belongs(node()) is on_none


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    either = affine(expression("rack", "In", "1"), expression("zone", "Exists"))
    assert either.belongs(node(labels={"zone": "a"}))
    assert not either.belongs(node(labels={"rack": "2"}))
    assert not affine({}).belongs(node())
    assert not affine().belongs(node())


def test_the_expressions_of_one_term_must_all_hold() -> None:
    both = {
        "matchExpressions": [
            {"key": "rack", "operator": "Exists"},
            {"key": "zone", "operator": "Exists"},
        ]
    }
    assert not affine(both).belongs(node(labels={"rack": "1"}))
    assert affine(both).belongs(node(labels={"rack": "1", "zone": "a"}))


def test_a_term_may_ask_for_the_node_s_name() -> None:
    by_name = {
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}],
    }
    assert affine(by_name).belongs(node("n1"))
    assert not affine(by_name).belongs(node("n2"))


def test_node_selector_and_job_selector_must_both_match() -> None:
    spec = job_spec(selector={"matchLabels": {"pool": "edge"}})
    both = Placement(spec, {"spec": {"nodeSelector": {"disk": "ssd"}}})
    assert both.belongs(node(labels={"pool": "edge", "disk": "ssd"}))
    assert not both.belongs(node(labels={"pool": "edge"}))
    assert not both.belongs(node(labels={"disk": "ssd"}))
    assert not both.is_target(node(labels={"pool": "core", "disk": "ssd"}))
