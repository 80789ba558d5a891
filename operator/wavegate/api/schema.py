"""From a pydantic model to a structural schema, the dialect that CRDs take.

References are put in place, nullability and titles go, and what the Python types imply is spelled
out. In a status neither rules nor defaults are wanted: the operator alone writes it, and a default
would be a report that nobody made.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT: Final = frozenset(
    {
        "additionalProperties",
        "anyOf",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
    }
)
_ORDER: Final = ("description", "type", "format", "enum", "default")
_ONLY_SPEC: Final = ("default", "x-kubernetes-validations")


def spec_schema(model: type[BaseModel]) -> Schema:
    """Structural schema of what users or the operator write: with rules and defaults."""
    return _structural(model)


def status_schema(model: type[BaseModel]) -> Schema:
    """Structural schema of what the operator reports: without rules and defaults."""
    return _without(_structural(model), _ONLY_SPEC)


def _structural(model: type[BaseModel]) -> Schema:
    document = model.model_json_schema(by_alias=True, mode="validation")
    definitions = document.pop("$defs", {})
    return _convert(document, definitions)


def _convert(node: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        return _merge(_convert(target, definitions), _own(node, definitions))
    branches = [b for b in node.get("anyOf", []) if b.get("type") != "null"]
    if "anyOf" in node and "x-kubernetes-int-or-string" not in node:
        if len(branches) != 1:
            raise TypeError(f"a CRD cannot say {node['anyOf']}")
        outer = {key: value for key, value in node.items() if key != "anyOf"}
        return _merge(_convert(branches[0], definitions), _own(outer, definitions))
    return _own(node, definitions)


def _own(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """A node without reference or union, its keys in a fixed order."""
    made: Schema = {}
    for key, value in node.items():
        match key:
            case "properties":
                made[key] = {name: _convert(child, definitions) for name, child in value.items()}
            case "items":
                made[key] = _convert(value, definitions)
            case "additionalProperties":
                if isinstance(value, dict):
                    made[key] = _convert(value, definitions)
            case "const":
                made["enum"] = [value]
            case "default" if value is None:
                continue
            case _ if key in _KEPT or key.startswith("x-kubernetes-"):
                made[key] = value
    if made.get("type") == "integer":
        made.setdefault("format", "int64")
    if made.get("description"):
        made["description"] = " ".join(made["description"].split())
    return _ordered(made)


def _merge(inner: Schema, outer: Schema) -> Schema:
    """``outer`` says more about ``inner``: its words win, rules of both hold."""
    merged = {**inner, **outer}
    both = [*inner.get("x-kubernetes-validations", []), *outer.get("x-kubernetes-validations", [])]
    if both:
        merged["x-kubernetes-validations"] = both
    return _ordered(merged)


def _ordered(node: Schema) -> Schema:
    return {
        **{key: node[key] for key in _ORDER if key in node},
        **{key: node[key] for key in sorted(node) if key not in _ORDER},
    }


def _without(node: Schema, keys: tuple[str, ...]) -> Schema:
    made: Schema = {}
    for key, value in node.items():
        if key in keys:
            continue
        if key == "properties":
            made[key] = {name: _without(child, keys) for name, child in value.items()}
        elif key in ("items", "additionalProperties"):
            made[key] = _without(value, keys)
        else:
            made[key] = value
    return made
