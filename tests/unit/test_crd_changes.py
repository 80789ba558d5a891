"""A change of the CRDs keeps every stored object valid and whole; what would not is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from crd_changes import breaking

ROOT = Path(__file__).parents[2]
PREVIOUS = ROOT / "tests" / "fixtures" / "previous" / "crds"

_OWN_NAMES = (
    "wavegate.dev_fleetdeployments.yaml: v1alpha1 the object: a rule was added or changed:"
    " self.spec.type in ['Create', 'Update'] || !self.metadata.name.startsWith(self.spec.jobName +"
    " '-v') || !self.metadata.name.substring(self.spec.jobName.size()).matches('^-v[0-9]+$')"
)
_ASKED = "is about a field that no stored object has"
ACCEPTED: dict[str, str] = {
    **{
        f"wavegate.dev_fleetjobs.yaml: v1alpha1 .spec: a rule was added or changed: self.type in"
        f" ['query', 'update', 'config'] || !has(self.{section})": _ASKED
        for section in ("runs", "trigger")
    },
    "wavegate.dev_fleetjobs.yaml: v1alpha1 the object: a rule was added or changed:"
    " !has(self.spec.trigger) || !has(self.spec.trigger.dependsOn)"
    " || self.spec.trigger.dependsOn.all(d, d.jobName != self.metadata.name || !has(d.jobKind)"
    " || d.jobKind == 'HTTPJob')": _ASKED,
    _OWN_NAMES: "a user's deployment of such a name stood in the way of the operator's own, which"
    " said so as Stranger: whoever has one has been told to rename it",
}
"""What ``breaking`` says and a person has decided to be safe: the sentence, and why."""

Schema = dict[str, Any]
Change = Callable[[Schema], Any]


def load(path: Path) -> Schema:
    document: Schema = yaml.safe_load(path.read_text())
    return document


def test_no_stored_object_is_broken_by_the_crds_as_they_are() -> None:
    found = []
    for path in sorted(PREVIOUS.glob("*.yaml")):
        current = ROOT / "crds" / path.name
        assert current.exists(), f"{path.name} is gone, and every object of it would be"
        found += [f"{path.name}: {said}" for said in breaking(load(path), load(current))]
    assert sorted(found) == sorted(ACCEPTED), "see docs/upgrades.md"


def sample() -> Schema:
    """A CRD with something of everything."""
    spec = {
        "type": "object",
        "required": ["name", "size"],
        "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "immutable"}],
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 40,
                "pattern": "^a",
                "nullable": True,
            },
            "kind": {"type": "string", "enum": ["A", "B"]},
            "free": {"type": "string"},
            "size": {"type": "integer", "minimum": 0, "maximum": 9, "default": 1},
            "tags": {
                "type": "array",
                "maxItems": 5,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["key"],
                "items": {
                    "type": "object",
                    "required": ["key"],
                    "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
                },
            },
            "words": {"type": "array", "items": {"type": "string"}},
            "labels": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 9},
            },
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "either": {
                "x-kubernetes-int-or-string": True,
                "anyOf": [{"type": "integer"}, {"type": "string"}],
            },
        },
    }
    return {
        "spec": {
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "Ts"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".spec.name"}],
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
            ],
        }
    }


def version(crd: Schema) -> Schema:
    found: Schema = crd["spec"]["versions"][0]
    return found


def spec(crd: Schema) -> Schema:
    found: Schema = version(crd)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def field(crd: Schema, name: str) -> Schema:
    found: Schema = spec(crd)["properties"][name]
    return found


def said_of(change: Change) -> list[str]:
    new = sample()
    change(new)
    return breaking(sample(), new)


def drop(schema: Schema, key: str) -> None:
    del schema[key]


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is removed": (lambda c: drop(spec(c)["properties"], "free"), ".spec.free: is gone"),
    "a field of list items is removed": (
        lambda c: drop(field(c, "tags")["items"]["properties"], "value"),
        ".spec.tags[].value: is gone",
    ),
    "a type is changed": (
        lambda c: field(c, "size").update(type="string"),
        ".spec.size: was of type integer, is of type string",
    ),
    "an upper bound is lowered": (
        lambda c: field(c, "name").update(maxLength=39),
        ".spec.name: maxLength was 40, is 39",
    ),
    "an upper bound comes": (
        lambda c: field(c, "free").update(maxLength=999),
        ".spec.free: maxLength was none, is 999",
    ),
    "a lower bound is raised": (
        lambda c: field(c, "size").update(minimum=1),
        ".spec.size: minimum was 0, is 1",
    ),
    "a bound of a map's values is lowered": (
        lambda c: field(c, "labels")["additionalProperties"].update(maxLength=8),
        ".spec.labels.*: maxLength was 9, is 8",
    ),
    "a list may have fewer items": (
        lambda c: field(c, "tags").update(maxItems=4),
        ".spec.tags: maxItems was 5, is 4",
    ),
    "a value of an enum is removed": (
        lambda c: field(c, "kind").update(enum=["A"]),
        ".spec.kind: value 'B' is no longer allowed",
    ),
    "an enum comes": (
        lambda c: field(c, "free").update(enum=["x"]),
        ".spec.free: any value was allowed",
    ),
    "a pattern is changed": (
        lambda c: field(c, "name").update(pattern="^b"),
        ".spec.name: pattern was ^a, is ^b",
    ),
    "a format comes": (
        lambda c: field(c, "free").update(format="duration"),
        ".spec.free: format was none, is duration",
    ),
    "null is no longer allowed": (
        lambda c: drop(field(c, "name"), "nullable"),
        ".spec.name: nullable is gone",
    ),
    "numbers are no longer allowed": (
        lambda c: drop(field(c, "either"), "x-kubernetes-int-or-string"),
        ".spec.either: x-kubernetes-int-or-string is gone",
    ),
    "an alternative is removed": (
        lambda c: field(c, "either").update(anyOf=[{"type": "string"}]),
        ".spec.either: anyOf was",
    ),
    "unknown fields are pruned": (
        lambda c: drop(field(c, "open"), "x-kubernetes-preserve-unknown-fields"),
        ".spec.open: x-kubernetes-preserve-unknown-fields is gone",
    ),
    "what was open gets a schema": (
        lambda c: field(c, "open").update(properties={"a": {"type": "string"}}),
        ".spec.open.a: held anything, and now has a schema",
    ),
    "a field becomes required": (
        lambda c: spec(c)["required"].append("free"),
        ".spec.free: is now required",
    ),
    "a new field is required": (
        lambda c: (
            spec(c)["properties"].update(more={"type": "string"}),
            spec(c)["required"].append("more"),
        ),
        ".spec.more: is now required",
    ),
    "a required field loses its default": (
        lambda c: drop(field(c, "size"), "default"),
        ".spec.size: is required, and its default is gone",
    ),
    "a rule is changed": (
        lambda c: spec(c)["x-kubernetes-validations"][0].update(rule="self.size > 0"),
        ".spec: a rule was added or changed: self.size > 0",
    ),
    "a list becomes a set": (
        lambda c: field(c, "words").update({"x-kubernetes-list-type": "set"}),
        ".spec.words: x-kubernetes-list-type was atomic, is set",
    ),
    "a list's key is changed": (
        lambda c: field(c, "tags").update({"x-kubernetes-list-map-keys": ["value"]}),
        ".spec.tags: x-kubernetes-list-map-keys was",
    ),
    "a map's values lose their schema": (
        lambda c: field(c, "labels").update(additionalProperties=False),
        ".spec.labels: additionalProperties was",
    ),
    "a version is no longer served": (
        lambda c: version(c).update(served=False),
        "v1: is no longer served",
    ),
    "a subresource is removed": (
        lambda c: drop(version(c)["subresources"], "status"),
        "v1: subresource status is gone",
    ),
    "a field can no longer be selected by": (
        lambda c: drop(version(c), "selectableFields"),
        "v1: .spec.name can no longer be selected by",
    ),
    "the kind is renamed": (
        lambda c: c["spec"]["names"].update(kind="Other"),
        "spec.names.kind: was Thing, is Other",
    ),
    "the scope is changed": (
        lambda c: c["spec"].update(scope="Cluster"),
        "spec.scope: was Namespaced, is Cluster",
    ),
}

SAFE: dict[str, Change] = {
    "nothing": lambda _: None,
    "an optional field": lambda c: spec(c)["properties"].update(more={"type": "string"}),
    "a required field with a default": lambda c: (
        spec(c)["properties"].update(more={"type": "string", "default": "x"}),
        spec(c)["required"].append("more"),
    ),
    "a wider bound": lambda c: field(c, "name").update(maxLength=41, minLength=0),
    "a bound removed": lambda c: drop(field(c, "size"), "maximum"),
    "a pattern removed": lambda c: drop(field(c, "name"), "pattern"),
    "a value more": lambda c: field(c, "kind").update(enum=["A", "B", "C"]),
    "no longer an enum": lambda c: drop(field(c, "kind"), "enum"),
    "no longer required": lambda c: spec(c)["required"].remove("name"),
    "a rule removed": lambda c: drop(spec(c), "x-kubernetes-validations"),
    "a rule's words": lambda c: spec(c)["x-kubernetes-validations"][0].update(message="other"),
    "a map's list becomes atomic": lambda c: field(c, "tags").update(
        {"x-kubernetes-list-type": "atomic"}
    ),
    "a field that stays among unknown ones": lambda c: (
        spec(c).update({"x-kubernetes-preserve-unknown-fields": True}),
        drop(spec(c)["properties"], "free"),
    ),
    "a version more": lambda c: c["spec"]["versions"].append(
        {**copy.deepcopy(version(c)), "name": "v2"}
    ),
    "a description": lambda c: field(c, "name").update(description="text"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_told_when(name: str) -> None:
    change, says = BREAKING[name]
    said = said_of(change)
    assert len(said) == 1, said
    assert said[0].removeprefix("v1 ").startswith(says)


@pytest.mark.parametrize("name", SAFE)
def test_fine_is(name: str) -> None:
    assert said_of(SAFE[name]) == []


def test_real_crds_are_looked_at_to_their_leaves() -> None:
    """The bound of one field, five levels down, in a CRD as shipped."""
    old = load(ROOT / "crds" / "wavegate.dev_fleetjobs.yaml")
    new = copy.deepcopy(old)
    below = spec(new)
    for name in ("rollout", "healthCheck", "errorRate", "podMetrics", "port"):
        below = below["properties"][name]
    below["maximum"] = 1024
    assert breaking(old, new) == [
        "v1alpha1 .spec.rollout.healthCheck.errorRate.podMetrics.port: maximum was 65535, is 1024"
    ]
