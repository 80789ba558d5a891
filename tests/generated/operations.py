"""Single operations: one field of one object is set to one value, at its birth or later.

As text, by which it can be repeated: ``create canary spec.rollout.maxParallel: most``. Paths go
into lists by an index and into maps by a key; ``*`` is a key that was not there.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from generated.bases import BASES, Object
from generated.values import ABSENT, Schema, sample, values
from wavegate.api.crds import KINDS, crd

Path = tuple[str | int, ...]
VERBS: Final = ("create", "change")
WHOLE: Final = ("canary", "rollback", "restart", "version", "execution")
"""Bases of which each field gets all its values; the others get what lies at its limits."""

_BY_RULES: Final[Mapping[str | int, Object]] = {
    "healthCheck": {"deadline": "1m"},
    "schedule": {"cron": "@daily"},
    "rate": {"window": "1h"},
}
"""What a rule requires in an object, beside what its schema does."""

_LIMITS: Final = (
    *("absent", "null", "true", "false", "least", "most", "below", "beyond", "another word"),
    *("shortest", "longest", "empty", "one", "any", "unknown field", "a text", "a number"),
)
_LIMIT_KINDS: Final = ("word ", "duration 0s", "duration 1s", "share 1%", "share 0%")

_NAMES: Final[Mapping[str, Any]] = {
    "absent": ABSENT,
    "shortest": "a",
    "of 40": "a" * 40,
    "of 41": "a" * 41,
    "of 63": "a" * 63,
    "of 64": "a" * 64,
    "of 253": "a" * 253,
    "of 254": "a" * 254,
    "nothing": "",
    "capital": "App",
    "dotted": "app.a",
    "dash first": "-app",
    "dash last": "app-",
    "underscore": "a_b",
    "umlaut": "\u00e4pp",
    "digits": "42",
    "like a version": "app-v1",
    "like a rollback": "app-v1-rollback",
    "a number": 5,
}


@dataclass(frozen=True)
class Operation:
    """``value`` at ``path`` of the base, in what is created or in a change of what is there."""

    verb: str
    base: str
    path: Path
    label: str
    value: Any

    def __str__(self) -> str:
        return f"{self.verb} {self.base} {dotted(self.path)}: {self.label}"

    @property
    def kind(self) -> str:
        return str(BASES[self.base]["kind"])

    def document(self) -> Object:
        """The whole object as the user sends it."""
        schema = schema_of(self.kind)
        return replaced(BASES[self.base], self.path, self.value, schema)

    def is_within(self, *paths: str) -> bool:
        """Whether it is about one of these fields or about one below."""
        own = dotted(self.path)
        return any(own == each or own.startswith((f"{each}.", f"{each}[")) for each in paths)

    def touches(self, *paths: str) -> bool:
        """Whether it is about one of these fields, about one below or one above it."""
        above = f"{dotted(self.path)}."
        return self.is_within(*paths) or any(each.startswith(above) for each in paths)


def dotted(path: Path) -> str:
    """As messages name it: ``spec.template.spec.containers[0].name``."""
    made = ""
    for part in path:
        made += f"[{part}]" if isinstance(part, int) else f".{part}" if made else part
    return made


def replaced(document: Object, path: Path, value: Any, schema: Schema) -> Object:
    """A copy with the value there, or with nothing there.

    Where an object on the way is missing, one is made with what it requires.
    """
    made = copy.deepcopy(document)
    place: Any = made
    for part in path[:-1]:
        schema = _below(schema, part)
        if isinstance(place, dict):
            if place.get(part) is None:
                least = sample(schema, 0)
                rules = _BY_RULES.get(part, {})
                place[part] = {**least, **rules} if isinstance(least, dict) else least
            place = place[part]
        else:
            place = place[part]
    if value is not ABSENT:
        if place == []:  # a list that was missing, and need not have an item
            place.append(None)
        place[path[-1]] = copy.deepcopy(value)
    elif isinstance(place, dict):
        place.pop(path[-1], None)
    else:
        del place[path[-1]]
    return made


def _below(schema: Schema, part: str | int) -> Schema:
    if isinstance(part, int):
        return dict(schema.get("items") or {})
    more = schema.get("additionalProperties")
    return dict(schema.get("properties", {}).get(part) or more or {})


@cache
def schema_of(kind: str) -> Schema:
    """The whole schema of a kind."""
    found = next(each for each in KINDS if each.kind == kind)
    return dict(crd(found)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


@cache
def all_operations() -> tuple[Operation, ...]:
    """Every one, in the same order in each run; those that would send the same are sent once."""
    different: dict[str, Operation] = {}
    for verb in VERBS:
        for operation in _operations(verb):
            sent = operation.document() if verb == "create" else [operation.base, operation.path]
            same = json.dumps([verb, sent, operation.label if verb == "change" else ""])
            different.setdefault(same, operation)
    return tuple(different.values())


def _operations(verb: str) -> Iterator[Operation]:
    for base, document in BASES.items():
        if verb == "create":
            for label, name in _NAMES.items():
                yield Operation(verb, base, ("metadata", "name"), label, name)
        spec = schema_of(document["kind"])["properties"]["spec"]
        for path, label, value in _changes(spec, document["spec"], ("spec",)):
            if verb == "change" and label == "null":
                continue  # by a merge patch a null takes away
            if path[-1] == "toVersion" and label == "a whole float":
                continue  # taken or not, by whether the server's rules come to ask of it
            if base in WHOLE or label in _LIMITS or label.startswith(_LIMIT_KINDS):
                yield Operation(verb, base, path, label, value)


def _changes(schema: Schema, there: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    for label, value in values(schema):
        if value is not ABSENT or there is not None:
            yield path, label, value
    if isinstance(there, list) and there and "items" in schema:
        yield from _changes(schema["items"], there[0], (*path, 0))
        return
    if schema.get("type") != "object":
        return
    known = schema.get("properties", {})
    given = there if isinstance(there, dict) else {}
    for name, inner in known.items():
        yield from _changes(inner, given.get(name), (*path, name))
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        key = next(iter(given), "*")
        yield from _changes(more, given.get(key), (*path, key if key != "*" else "new"))
    elif known and isinstance(there, dict):
        yield (*path, "surprise"), "unknown field", {"x": 1}


@cache
def _by_text() -> Mapping[str, Operation]:
    return {str(each): each for each in all_operations()}


def parse_operation(text: str) -> Operation:
    """The operation that is printed as ``text``; ValueError where there is none."""
    if text not in _by_text():
        raise ValueError(f"no operation is {text!r}")
    return _by_text()[text]
