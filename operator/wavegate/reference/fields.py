"""The fields of a kind as its CRD has them, one after the other, with the rules about each.

A rule of the schema stands where it cannot be bypassed, which may be far above the field that it is
about; its message begins with that field's path, and that is where a reader looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wavegate.api.crds import crd
from wavegate.api.kind import Kind

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule: the words that a refused object gets."""

    message: str
    compares: bool
    """Whether it compares with the object as it was."""
    freezes: bool
    """Whether it forbids every change of the field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path (``[]``: of each item, ``{}``: of each value) and schema."""

    path: str
    schema: Schema
    required: bool
    rules: tuple[Rule, ...] = ()

    @property
    def immutable(self) -> bool:
        return any(rule.freezes for rule in self.rules)


def fields_of(kind: Kind) -> tuple[Field, ...]:
    """Every field of spec and status, in the schema's order, with the rules about it.

    The name comes first where a rule is about it. ValueError: a rule's message names no field.
    """
    root = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found = [
        Field(path, schema, required)
        for part in ("spec", "status")
        if part in root["properties"]
        for path, schema, required in _walk(
            root["properties"][part], part, part in root.get("required", ())
        )
    ]
    paths = [each.path for each in found]
    by_path: dict[str, list[Rule]] = {}
    for where, rule in _rules(root, ""):
        by_path.setdefault(_about(rule["message"], where, paths), []).append(_rule(rule))
    named = by_path.pop("metadata.name", None)
    head = [Field("metadata.name", {"type": "string"}, True, tuple(named))] if named else []
    placed = [
        Field(each.path, each.schema, each.required, tuple(by_path.pop(each.path, ())))
        for each in found
    ]
    if by_path:
        raise ValueError(f"{kind.kind}: rules about no field: {sorted(by_path)}")
    return (*head, *placed)


def _walk(node: Schema, path: str, required: bool) -> Iterator[tuple[str, Schema, bool]]:
    yield path, node, required
    if node.get("type") == "array" and "properties" in node["items"]:
        path, node = f"{path}[]", node["items"]
    for name, child in node.get("properties", {}).items():
        yield from _walk(child, f"{path}.{name}", name in node.get("required", ()))


def _rules(node: Schema, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every rule with the path of the field that it stands at."""
    for rule in node.get("x-kubernetes-validations", ()):
        yield path, rule
    for name, child in node.get("properties", {}).items():
        yield from _rules(child, f"{path}.{name}" if path else name)
    if "items" in node:
        inside = f"{path}[]" if "properties" in node["items"] else path
        yield from _rules(node["items"], inside)
    if "additionalProperties" in node:
        yield from _rules(node["additionalProperties"], path)


def _about(message: str, where: str, paths: list[str]) -> str:
    """The field that a rule's message begins with; else where the rule stands."""
    named = message.partition(":")[0]
    if named == "metadata.name":
        return named
    for path in paths:
        if path.replace("[]", "") == named:
            return path
    return where


def _rule(rule: Mapping[str, str]) -> Rule:
    compares = "oldSelf" in rule["rule"]
    return Rule(rule["message"], compares, compares and "== oldSelf" in rule["rule"])
