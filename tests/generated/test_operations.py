"""Which operations there are, and that each can be repeated by its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from generated.answers import SimulatedServer
from generated.bases import BASES, DEPLOYMENTS, JOBS
from generated.operations import (
    VERBS,
    Operation,
    all_operations,
    parse_operation,
    replaced,
    schema_of,
)
from generated.runs import SEQUENCES, all_runs
from generated.sequences import LENGTH

LEAST = 3500


def test_there_are_enough_of_them():
    assert len(all_operations()) >= LEAST
    assert SEQUENCES * LENGTH >= 1000


def test_none_has_the_text_of_another():
    texts = [str(each) for each in all_operations()]
    assert len(texts) == len(set(texts))
    runs = list(all_runs())
    assert len(runs) == len(set(runs))


def test_a_text_names_its_operation_and_needs_no_quotes():
    for each in all_operations():
        assert parse_operation(str(each)) == each
        assert not set(str(each)) & set("'\"$\\\n"), each
    with pytest.raises(ValueError, match="no operation"):
        parse_operation("create canary spec.nothing: least")


@pytest.mark.parametrize("base", BASES)
def test_the_bases_are_accepted(base: str):
    operation = Operation("create", base, ("metadata", "name"), "as it is", _name(base))
    answer = SimulatedServer().answer(operation)
    assert not answer.refused, answer.says


def _name(base: str) -> str:
    return str(BASES[base]["metadata"]["name"])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ["FleetJob", "FleetDeployment", "JobVersion", "Execution"])
def test_every_field_that_a_user_may_write_is_meant_by_some(verb: str, kind: str):
    found = {
        ".".join(str(part) for part in each.path if isinstance(part, str))
        for each in all_operations()
        if (each.verb, each.kind) == (verb, kind)
    }
    wanted = set(_fields(schema_of(kind)["properties"]["spec"], "spec"))
    assert wanted - found == set()


def _fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    yield path
    for name, inner in schema.get("properties", {}).items():
        yield from _fields(inner, f"{path}.{name}")
    if "items" in schema:
        yield from (each for each in _fields(schema["items"], path))


def test_the_bases_have_every_type_of_job_and_of_deployment():
    types = {each["spec"]["type"] for each in JOBS.values()}
    assert types == {"container", "pipeline", "query", "update", "config"}
    assert {each["spec"]["type"] for each in DEPLOYMENTS.values()} == {
        *("Restart", "Rollback", "Stop")
    }


def test_what_an_operation_is_about():
    below = Operation("create", "canary", ("spec", "template", "spec"), "empty", {})
    assert below.touches("spec.template")
    assert below.touches("spec.template.spec.containers")
    assert not below.touches("spec.temp", "spec.rollout")


def test_the_first_item_of_a_list_that_is_missing_is_its_only_one():
    first = ("spec", "selector", "matchExpressions", 0)
    made = replaced(JOBS["plain"], first, "zone in (a)", schema_of("FleetJob"))
    assert made["spec"]["selector"] == {
        "matchLabels": {"pool": "edge"},
        "matchExpressions": ["zone in (a)"],
    }
    assert "matchExpressions" not in JOBS["plain"]["spec"]["selector"]
