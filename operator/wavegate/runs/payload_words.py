"""What is wrong with a payload, in words of its schema: no value of the payload is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from jsonschema import ValidationError

MAX_PATH: Final = 90
MAX_VALUE: Final = 80

_WORDS: Final = {
    "enum": "must be one of {}",
    "const": "must be {}",
    "pattern": "must match the pattern {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be above {}",
    "exclusiveMaximum": "must be below {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "uniqueItems": "must not have the same item twice",
    "contains": "has too few of the items that it must contain",
    "minContains": "must have at least {} of the items that it must contain",
    "maxContains": "must have at most {} of the items that it must contain",
    "anyOf": "meets none of anyOf",
    "oneOf": "must meet one of oneOf, and no more",
    "not": "meets what it must not",
}

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def what_is_wrong(error: ValidationError, root: str = "payload") -> str:
    """The path, from ``root`` on, and what is not met there, in one line."""
    path = _path(error.absolute_path)
    if len(path) > MAX_PATH:
        path = f"…{path[1 - MAX_PATH :]}"
    name = "one of its names " if "propertyNames" in error.absolute_schema_path else ""
    return f"{root}{path}: {name}{_not_met(error)}"


def _not_met(error: ValidationError) -> str:
    keyword: Any = error.validator
    value: Any = error.validator_value
    instance: Any = error.instance
    match keyword:
        case None:
            return "has what is not allowed"
        case "additionalProperties":
            return "is not allowed"
        case "required":
            return f"lacks {_value(next(each for each in value if each not in instance))}"
        case "dependentRequired":
            return f"lacks a key that another needs: {_value(value)}"
        case "type":
            return f"must be of type {value if isinstance(value, str) else ' or '.join(value)}"
    return _WORDS.get(keyword, f"does not meet {keyword}").format(_value(value))


def _value(value: Any) -> str:
    """A value of the schema, of which the beginning is enough."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def _path(steps: Iterable[str | int]) -> str:
    return "".join(
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if _PLAIN.fullmatch(step)
        else f"[{json.dumps(step)}]"
        for step in steps
    )
