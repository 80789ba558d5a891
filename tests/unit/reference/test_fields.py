"""The fields of a kind, and the rules about each, from its CRD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ConfigDict, Field

from wavegate.api.base import Model, cel, rules
from wavegate.api.crds import FLEET_DEPLOYMENT, FLEET_JOB, KINDS, crd
from wavegate.api.kind import Kind
from wavegate.reference.fields import Field as Described
from wavegate.reference.fields import fields_of

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def keys_of(node: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            if name == key:
                yield child
            yield from keys_of(child, key)
    elif isinstance(node, list):
        for child in node:
            yield from keys_of(child, key)


def field(kind: Kind, path: str) -> Described:
    [found] = [each for each in fields_of(kind) if each.path == path]
    return found


@each_kind
def test_every_property_of_the_schema_is_a_field(kind: Kind) -> None:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    parts = [schema[part] for part in ("spec", "status") if part in schema]
    wanted = sum(len(each) for each in keys_of(parts, "properties"))
    found = [each.path for each in fields_of(kind) if each.path != "metadata.name"]
    assert len(found) == len(set(found)) == wanted + len(parts)


@each_kind
def test_every_rule_is_about_a_field(kind: Kind) -> None:
    wanted = [rule for each in keys_of(crd(kind), "x-kubernetes-validations") for rule in each]
    found = [rule.message for each in fields_of(kind) for rule in each.rules]
    assert sorted(found) == sorted(rule["message"] for rule in wanted)


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        (FLEET_JOB, "metadata.name", "must be a DNS label"),
        (FLEET_JOB, "spec.config", "is required for every type but container"),
        (FLEET_JOB, "spec.rollout.healthCheck.deadline", "is required for the strategies"),
        (FLEET_JOB, "spec.template.spec.containers", "needs a container named main"),
        (FLEET_JOB, "spec.selector.matchExpressions", "write k=v"),
        (FLEET_DEPLOYMENT, "spec.jobName", "cannot be changed"),
    ],
)
def test_a_rule_is_told_where_its_message_says(kind: Kind, path: str, words: str) -> None:
    assert any(words in rule.message for rule in field(kind, path).rules)


def test_what_cannot_be_changed_and_what_only_cannot_be_taken_back() -> None:
    assert field(FLEET_JOB, "spec.type").immutable
    assert field(FLEET_DEPLOYMENT, "spec.toVersion").immutable
    promoted = field(FLEET_DEPLOYMENT, "spec.promoted")
    assert not promoted.immutable
    assert [rule.message for rule in promoted.rules if rule.compares] == [
        "spec.promoted: cannot be taken back"
    ]
    assert not field(FLEET_JOB, "spec.priority").immutable


def test_a_rule_about_no_field_is_an_error() -> None:
    class Odd(Model):
        """A spec with a field."""

        model_config = ConfigDict(json_schema_extra=rules(cel("true", "spec.inner: is odd")))

        inner: str = Field(description="Inner.")

    odd = replace(FLEET_JOB, spec=Odd, rules=(cel("true", "there is no field in this"),))
    with pytest.raises(ValueError, match="about no field"):
        fields_of(odd)
