"""The rules of a CRD that are written in CEL, evaluated as the API server evaluates them.

By the library cel-python, with what Kubernetes adds to the language as far as these rules use it:
``substring``, ``lowerAscii``, ``format.qualifiedName().validate(…).hasValue()``, ``sum``, and texts
whose schema has format duration as durations. A rule about a change (``oldSelf``) says nothing of
one document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel

from wavegate.api.durations import parse_duration

RULES: Final = "x-kubernetes-validations"
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)\Z")
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LONGEST_PREFIX: Final = 253

Schema = Mapping[str, Any]


def broken_rules(value: Any, schema: Schema) -> Iterator[str]:
    """Messages of the rules that a value breaks, those of the outer levels first."""
    for rule in schema.get(RULES, ()):
        if "oldSelf" not in rule["rule"] and not holds(rule["rule"], self=to_cel(value, schema)):
            yield str(rule["message"])
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        for name, each in value.items():
            inner = known.get(name, more)
            if isinstance(inner, Mapping):
                yield from broken_rules(each, inner)
    elif isinstance(value, list) and "items" in schema:
        for each in value:
            yield from broken_rules(each, schema["items"])


def holds(rule: str, **values: Any) -> bool:
    """Whether a rule is true of CEL's values by their names, such as ``self`` and ``oldSelf``.

    Raises CELEvalError where it cannot be reckoned.
    """
    known = {**values, "format": celtypes.StringType("format")}
    return bool(_program(rule).evaluate(known))


@cache
def _program(rule: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), functions=_FUNCTIONS)


def _substring(text: Any, begin: Any, end: Any = None) -> Any:
    return celtypes.StringType(str(text)[int(begin) : None if end is None else int(end)])


def _lower_ascii(text: Any) -> Any:
    return celtypes.StringType("".join(c.lower() if c.isascii() else c for c in str(text)))


def _qualified_name(_format: Any) -> Any:
    return celtypes.StringType("qualifiedName")


def _validate(_name: Any, text: Any) -> Any:
    """What is wrong, in a list; an empty one has no value."""
    return celtypes.ListType([] if is_qualified(str(text)) else [celtypes.StringType("invalid")])


def _has_value(found: Any) -> Any:
    return celtypes.BoolType(len(found) > 0)


def _sum(numbers: Any) -> Any:
    return celtypes.IntType(sum(int(each) for each in numbers))


_FUNCTIONS: Final[Any] = {
    "substring": _substring,
    "lowerAscii": _lower_ascii,
    "qualifiedName": _qualified_name,
    "validate": _validate,
    "hasValue": _has_value,
    "sum": _sum,
}


def is_qualified(text: str) -> bool:
    """Whether a text is a label key: a name of at most 63 characters, a DNS name and / before."""
    prefix, slash, name = text.rpartition("/")
    if slash and not (_PREFIX.match(prefix) and len(prefix) <= _LONGEST_PREFIX):
        return False
    return _QUALIFIED.match(name) is not None


def to_cel(value: Any, schema: Schema) -> Any:
    """JSON as CEL sees it by the schema."""
    match value:
        case dict():
            known, more = schema.get("properties", {}), schema.get("additionalProperties")
            return celtypes.MapType(
                {
                    celtypes.StringType(name): to_cel(each, _level(known.get(name, more)))
                    for name, each in value.items()
                }
            )
        case list():
            inner = _level(schema.get("items"))
            return celtypes.ListType([to_cel(each, inner) for each in value])
        case str() if schema.get("format") == "duration":
            return celtypes.DurationType(timedelta(seconds=parse_duration(value)))
        case int() if schema.get("type") == "number" and not isinstance(value, bool):
            return celtypes.DoubleType(value)
    return json_to_cel(value)


def _level(schema: Any) -> Schema:
    return schema if isinstance(schema, Mapping) else {}
