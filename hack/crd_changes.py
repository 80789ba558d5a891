"""Which changes of a CRD break objects that are stored already.

The API server keeps old objects as they are and reads them by the new schema: what a field may no
longer hold cannot be updated any more, and a field that is gone is pruned without a word. A change
is safe where every object that was valid is valid after it and keeps all its fields. Where that
cannot be told from the schema (a rule in CEL, a pattern), the change counts as breaking, and a
person decides.

    maxLength 63 -> 40          breaks: a stored value may have 50
    maxLength 40 -> 63          fine
    new field, optional         fine
    new field, required         breaks, unless it has a default: stored objects lack it
    field removed               breaks, unless unknown fields are preserved there
    a rule added or changed     breaks: who knows; a rule removed is fine
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_UPPER: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "minLength", "minItems", "minProperties")
_FIXED: Final = (
    "format",
    "pattern",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "not",
    "allOf",
    "anyOf",
    "oneOf",
)
"""What may go, and may neither come nor change."""
_ALLOWING: Final = (
    "nullable",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
)
"""What may come, and may not go."""
_IDENTITY: Final = ("kind", "plural", "listKind", "singular")
_UNKNOWN: Final = "x-kubernetes-preserve-unknown-fields"


def breaking(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of ``new``, a CRD's document, breaks objects stored under ``old``; a sentence each."""
    before, after = old["spec"], new["spec"]
    found = [
        f"spec.names.{name}: was {before['names'][name]}, is {after['names'].get(name)}"
        for name in _IDENTITY
        if after["names"].get(name) != before["names"][name]
    ]
    if after["scope"] != before["scope"]:
        found.append(f"spec.scope: was {before['scope']}, is {after['scope']}")
    served = {version["name"]: version for version in after["versions"] if version["served"]}
    for version in before["versions"]:
        name = version["name"]
        if name not in served:
            found.append(f"{name}: is no longer served")
            continue
        found += [
            f"{name}: subresource {sub} is gone"
            for sub in version.get("subresources", {})
            if sub not in served[name].get("subresources", {})
        ]
        found += [
            f"{name}: {field['jsonPath']} can no longer be selected by"
            for field in version.get("selectableFields", [])
            if field not in served[name].get("selectableFields", [])
        ]
        schemas = (each["schema"]["openAPIV3Schema"] for each in (version, served[name]))
        found += [f"{name} {said}" for said in _schema("", *schemas)]
    return found


def _schema(path: str, old: Schema, new: Schema) -> Iterator[str]:
    at = path or "the object"
    if new.get("type") != old.get("type"):
        yield f"{at}: was of type {old.get('type')}, is of type {new.get('type')}"
        return
    yield from _bounds(at, old, new)
    yield from _values(at, old, new)
    yield from _rules(at, old, new)
    yield from _lists(at, old, new)
    yield from _fields(path, old, new)
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _schema(path + mark, before, after)
        elif before != after:
            yield f"{at}: {key} was {before}, is {after}"


def _bounds(at: str, old: Schema, new: Schema) -> Iterator[str]:
    for bounds, sign in ((_UPPER, 1), (_LOWER, -1)):
        for bound in bounds:
            if bound not in new:
                continue
            if bound not in old or new[bound] * sign < old[bound] * sign:
                yield f"{at}: {bound} was {old.get(bound, 'none')}, is {new[bound]}"
    for key in _FIXED:
        if key in new and new[key] != old.get(key):
            yield f"{at}: {key} was {old.get(key, 'none')}, is {new[key]}"
    for key in _ALLOWING:
        if old.get(key) and not new.get(key):
            yield f"{at}: {key} is gone"


def _values(at: str, old: Schema, new: Schema) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"{at}: any value was allowed, now only {new['enum']}"
    for value in old.get("enum", []):
        if value not in new["enum"]:
            yield f"{at}: value {value!r} is no longer allowed"


def _rules(at: str, old: Schema, new: Schema) -> Iterator[str]:
    known = {each["rule"] for each in old.get("x-kubernetes-validations", [])}
    for each in new.get("x-kubernetes-validations", []):
        if each["rule"] not in known:
            yield f"{at}: a rule was added or changed: {each['rule']}"


def _lists(at: str, old: Schema, new: Schema) -> Iterator[str]:
    kind = "x-kubernetes-list-type"
    before, after = old.get(kind, "atomic"), new.get(kind, "atomic")
    if after not in ("atomic", before):
        yield f"{at}: {kind} was {before}, is {after}: items that are equal may be stored"
    keys = "x-kubernetes-list-map-keys"
    if before == after and new.get(keys) != old.get(keys):
        yield f"{at}: {keys} was {old.get(keys)}, is {new.get(keys)}"


def _fields(path: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name in after:
            yield from _schema(f"{path}.{name}", schema, after[name])
        elif not new.get(_UNKNOWN):
            yield f"{path}.{name}: is gone; stored values would be pruned"
    for name in after:
        if name not in before and old.get(_UNKNOWN):
            yield f"{path}.{name}: held anything, and now has a schema"
    for name in new.get("required", []):
        if name not in old.get("required", []) and "default" not in after.get(name, {}):
            yield f"{path}.{name}: is now required; stored objects may lack it"
    for name in new.get("required", []):
        if "default" in before.get(name, {}) and "default" not in after.get(name, {}):
            yield f"{path}.{name}: is required, and its default is gone"
