"""JSON Schema (draft 2020-12) in a bounded number of steps, for schemas and documents of users.

A schema can refer to itself without end, or to the same thing a power of two times, and a pattern
can do the same with a text; and the check runs in between everything else. So each keyword that is
looked at costs steps, by what there is to look at, and patterns are of RE2, whose time grows with
the text alone. Values are compared by their text, which takes no longer for what cannot be sorted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

MAX_STEPS: Final = 50_000
"""Of some microseconds each, so that no check takes more than a few tenths of a second."""


class TooMuch(Exception):
    """The steps of a check are used up, or it is nested too deeply."""


_left: ContextVar[list[int]] = ContextVar("steps left")


def checker(schema: dict[str, Any]) -> Draft202012Validator:
    """What checks documents by a schema, which must have no $schema in it, for steps to count.

    Nothing that it refers to is fetched.
    """
    validator: Draft202012Validator = _Validator(schema, registry=Registry())
    return validator


def first_error(
    validator: Draft202012Validator, document: Any, steps: int = MAX_STEPS
) -> ValidationError | None:
    """The first thing in a document that does not meet the schema; None: there is nothing.

    Raises TooMuch.
    """
    _left.set([steps])
    try:
        return next(validator.iter_errors(document), None)
    except RecursionError:
        raise TooMuch from None


def text_of(value: Any) -> str:
    """One text for all spellings of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20


@lru_cache(maxsize=1024)
def compiled_pattern(pattern: str) -> Any:
    """A pattern of RE2. Raises re2.error."""
    return re2.compile(pattern, _OPTIONS)  # type: ignore[no-untyped-call]


def _found(pattern: str, text: str) -> bool:
    compiled = compiled_pattern(pattern)
    _spend(1 + compiled.programsize * len(text) // 1000)
    return compiled.search(text) is not None


def _spend(steps: int) -> None:
    left = _left.get()
    left[0] -= steps
    if left[0] < 0:
        raise TooMuch


_GOES_THROUGH: Final = frozenset(
    {"items", "contains", "propertyNames", "patternProperties", "additionalProperties"}
)
"""Keywords that look at all items or names of a value."""

_Errors = Iterable[ValidationError]
_Keyword = Callable[[Any, Any, Any, Any], _Errors]


def _pattern_holds(_validator: Any, value: str, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, str) and not _found(value, instance):
        yield ValidationError("")


def _pattern_properties(validator: Any, value: Any, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, dict):
        for pattern, inner in value.items():
            for name, each in instance.items():
                if _found(pattern, name):
                    yield from validator.descend(each, inner, path=name)


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, dict):
        patterns = schema.get("patternProperties", ())
        for name, each in instance.items():
            if name in schema.get("properties", ()) or any(_found(p, name) for p in patterns):
                continue
            if value is False:
                yield ValidationError("", path=[name])
            else:
                yield from validator.descend(each, value, path=name)


def _among(_validator: Any, value: Any, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, str):
        _spend(1 + len(value) // 50)
        met = instance in value
    else:
        met = _costly_text(instance) in {_costly_text(each) for each in value}
    if not met:
        yield ValidationError("")


def _const(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    return _among(validator, [value], instance, schema)


def _unique(_validator: Any, value: Any, instance: Any, _schema: Any) -> _Errors:
    if value and isinstance(instance, list):
        texts = {_costly_text(each) for each in instance}
        if len(texts) < len(instance):
            yield ValidationError("")


def _costly_text(value: Any) -> str:
    text = text_of(value)
    _spend(1 + len(text) // 100)
    return text


def _in_steps(name: str, keyword: _Keyword) -> _Keyword:
    goes_through = name in _GOES_THROUGH

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        _spend(1 + _size(value) + (_size(instance) if goes_through else 0))
        for error in keyword(validator, value, instance, schema) or ():
            _spend(1 + len(error.message) // 100)
            yield error

    return check


def _size(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


_Validator: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        **{
            name: _in_steps(name, keyword)
            for name, keyword in {
                **Draft202012Validator.VALIDATORS,
                "patternProperties": _pattern_properties,
                "additionalProperties": _additional_properties,
            }.items()
        },
        "pattern": _pattern_holds,
        "enum": _among,
        "const": _const,
        "uniqueItems": _unique,
    },
)
"""Draft 2020-12 in steps, with patterns of RE2, and values compared by their text."""
