"""Structural schemas as the API server applies them: prune, then default, then validate.

Pruned are fields that the schema does not know, and nulls: none here may be null.

A keyword that is not known here is an error when the schema is loaded, so that a new one in the
CRDs is noticed. Rules in CEL (``x-kubernetes-validations``) are not evaluated: whoever runs here
writes no spec of a kind that has them on a transition, and the real server checks the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from wavegate.api.durations import parse_duration

_KNOWN: Final = {
    "type",
    "description",
    "properties",
    "required",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "items",
    "additionalProperties",
    "default",
    "format",
    "anyOf",
    "x-kubernetes-validations",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}
_FORMATS: Final = {"int32", "int64", "duration", "date-time"}
"""Of these date-time and duration say more than the other keywords beside them."""

_INT64: Final = 2**63

_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


class UnknownKeyword(Exception):
    """The schema says something that is not understood here."""


class Schema:
    """One level of a schema. Documents are changed in place by `prune` and `default`."""

    def __init__(self, raw: Mapping[str, Any], where: str = "") -> None:
        if unknown := (raw.keys() - _KNOWN) or ({raw.get("format", "int32")} - _FORMATS):
            raise UnknownKeyword(f"{where or 'schema'}: {sorted(unknown)}")
        self._raw = raw
        self._properties = {
            name: Schema(inner, f"{where}.{name}")
            for name, inner in raw.get("properties", {}).items()
        }
        self._items = Schema(raw["items"], f"{where}[]") if "items" in raw else None
        more = raw.get("additionalProperties")
        self._more = Schema(more, f"{where}{{}}") if isinstance(more, Mapping) else None
        self._alternatives = [Schema(each, where) for each in raw.get("anyOf", ())]
        self._pattern = _compiled(raw["pattern"]) if "pattern" in raw else None
        self._keeps = raw.get("x-kubernetes-preserve-unknown-fields") is True

    def prune(self, value: Any, where: str = "") -> list[str]:
        """Remove nulls, and fields that the schema does not know; returns the paths of these."""
        gone: list[str] = []
        if isinstance(value, dict):
            for name in list(value):
                path = f"{where}.{name}" if where else name
                inner = self._properties.get(name, self._more)
                if inner is not None and value[name] is None:
                    del value[name]
                elif inner is not None:
                    gone += inner.prune(value[name], path)
                elif not self._keeps and self._raw.get("type") == "object":
                    del value[name]
                    gone.append(path)
        elif isinstance(value, list) and self._items is not None:
            for index, each in enumerate(value):
                gone += self._items.prune(each, f"{where}[{index}]")
        return gone

    def default(self, value: Any) -> None:
        """Fill in defaults, from the outside to the inside."""
        if isinstance(value, dict):
            for name, inner in self._properties.items():
                if value.get(name) is None and "default" in inner._raw:
                    value[name] = _copy(inner._raw["default"])
                if name in value:
                    inner.default(value[name])
            if self._more is not None:
                for each in value.values():
                    self._more.default(each)
        elif isinstance(value, list) and self._items is not None:
            for each in value:
                self._items.default(each)

    def errors(self, value: Any, where: str = "") -> Iterator[str]:
        """What is wrong with a document, each with its path in front."""
        if self._raw.get("x-kubernetes-int-or-string"):
            if not isinstance(value, str) and not _is("integer", value):
                yield f"{where}: Invalid value: must be an integer or a string"
                return
        elif "type" in self._raw and not _is(self._raw["type"], value):
            yield f"{where}: Invalid value: must be of type {self._raw['type']}"
            return
        if self._alternatives and all(any(each.errors(value)) for each in self._alternatives):
            yield f"{where}: Invalid value: fits none of the alternatives"
        if "enum" in self._raw and value not in self._raw["enum"]:
            yield f"{where}: Unsupported value: {value!r}"
        if isinstance(value, str):
            yield from self._text_errors(value, where)
        elif isinstance(value, dict):
            yield from self._object_errors(value, where)
        elif isinstance(value, list):
            yield from self._list_errors(value, where)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least, most = self._raw.get("minimum"), self._raw.get("maximum")
            if (least is not None and value < least) or (most is not None and value > most):
                yield f"{where}: Invalid value: {value} is not from {least} to {most}"

    def _text_errors(self, value: str, where: str) -> Iterator[str]:
        if len(value) > self._raw.get("maxLength", len(value)):
            yield f"{where}: Too long: may not be more than {self._raw['maxLength']} characters"
        if len(value) < self._raw.get("minLength", 0):
            yield f"{where}: Invalid value: should be at least {self._raw['minLength']} long"
        if self._pattern is not None and not self._pattern.search(value):
            yield f"{where}: Invalid value: {value!r} should match '{self._raw['pattern']}'"
        if self._raw.get("format") == "date-time" and not _is_time(value):
            yield f"{where}: Invalid value: {value!r} must be of type date-time"
        if self._raw.get("format") == "duration" and not _is_duration(value):
            yield f"{where}: Invalid value: {value!r} must be of type duration"

    def _object_errors(self, value: dict[str, Any], where: str) -> Iterator[str]:
        for name in self._raw.get("required", ()):
            if name not in value:
                yield f"{where}.{name}".removeprefix(".") + ": Required value"
        if len(value) > self._raw.get("maxProperties", len(value)):
            yield f"{where}: Too many: must have at most {self._raw['maxProperties']} items"
        for name, each in value.items():
            inner = self._properties.get(name, self._more)
            if inner is not None:
                yield from inner.errors(each, f"{where}.{name}".removeprefix("."))

    def _list_errors(self, value: list[Any], where: str) -> Iterator[str]:
        if len(value) > self._raw.get("maxItems", len(value)):
            yield f"{where}: Too many: must have at most {self._raw['maxItems']} items"
        if len(value) < self._raw.get("minItems", 0):
            yield f"{where}: Invalid value: should have at least {self._raw['minItems']} items"
        kind = self._raw.get("x-kubernetes-list-type")
        keys = self._raw.get("x-kubernetes-list-map-keys", ())
        seen: set[str] = set()
        for index, each in enumerate(value):
            if self._items is not None:
                yield from self._items.errors(each, f"{where}[{index}]")
            if kind not in ("map", "set"):
                continue
            is_keyed = kind == "map" and isinstance(each, dict)
            same = json.dumps([each.get(key) for key in keys] if is_keyed else each, sort_keys=True)
            if same in seen:
                yield f"{where}[{index}]: Duplicate value"
            seen.add(same)


def _compiled(pattern: str) -> re.Pattern[str]:
    """As the server's own regular expressions: ``$`` is the end, and no line end before it."""
    return re.compile(re.sub(r"\$\Z", r"\\Z", pattern))


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    if kind == "integer" and isinstance(value, int):
        return -_INT64 <= value < _INT64
    return isinstance(value, _TYPES[kind])


def _is_duration(value: str) -> bool:
    try:
        parse_duration(value)
    except ValueError:
        return False
    return True


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value
