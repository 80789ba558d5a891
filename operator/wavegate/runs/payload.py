"""Payload: whether it is a JSON document that meets the job's payloadSchema.

A document is strict: no NaN or Infinity, no key twice in an object (who reads it next may take the
other), no half of a surrogate pair, no number beyond a double, at most 32 levels. What is wrong is
told with the path and the words of the schema: a payload may hold secrets, so its values are not
quoted, and of its keys at most a hundred characters.

Of the schema's keywords those are refused whose work cannot be told in steps: unevaluatedItems,
unevaluatedProperties and $dynamicRef. ``format`` says nothing, as in the draft.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from wavegate.api.nesting import nested_beyond
from wavegate.runs import strict_json
from wavegate.runs.json_schema import (
    TooMuch,
    checker,
    compiled_pattern,
    first_error,
    text_of,
)
from wavegate.runs.payload_words import what_is_wrong

MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 300
MAX_SCHEMA_DEPTH: Final = 64
MAX_SCHEMA_BYTES: Final = 32 * 1024

MAX_PARTS: Final = 2500
"""Objects and booleans in a schema: checking that each is a schema takes some 0.1 ms."""
MAX_PROGRAM: Final = 4000
"""Size of a compiled pattern; on 8 KiB it takes up to 25 ns for each unit of it and KiB."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFUSED: Final = ("unevaluatedItems", "unevaluatedProperties", "$dynamicRef")


def problems(payload: str, schema: Mapping[str, Any] | None) -> str:
    """What is wrong with a payload, in one line; empty: nothing.

    Without a schema it need only be a JSON document. Where the schema is unusable, that is wrong.
    """
    try:
        document = _read(payload)
    except ValueError as error:
        return f"payload: {error}"
    if schema is None:
        return ""
    validator, unusable = _compiled(text_of(schema))
    if validator is None:
        return f"runs.payloadSchema: {unusable}"
    try:
        wrong = first_error(validator, document)
    except TooMuch:
        return "payload: takes too long to check; make it or runs.payloadSchema simpler"
    return what_is_wrong(wrong) if wrong else ""


def schema_problems(schema: Mapping[str, Any]) -> str:
    """What makes a payloadSchema unusable, in one line; empty: nothing."""
    try:
        return _compiled(text_of(schema))[1]
    except RecursionError:
        return f"is nested more than {MAX_SCHEMA_DEPTH} levels deep"


def digest(payload: str) -> str:
    """``sha256:`` and 64 hex digits of a payload as it is."""
    return f"sha256:{hashlib.sha256(payload.encode()).hexdigest()}"


@lru_cache(maxsize=256)
def _compiled(text: str) -> tuple[Draft202012Validator | None, str]:
    """What checks documents by a schema, given as text; or None, and why there is nothing."""
    try:
        schema = _usable(text)
    except ValueError as error:
        return None, str(error)
    validator = checker(schema)
    try:
        first_error(validator, {})
    except TooMuch:
        return None, "refers to itself without end, or too often"
    return validator, ""


def _usable(text: str) -> dict[str, Any]:
    """The schema, without its $schema and $id, which say nothing more then.

    Raises ValueError with what makes it unusable.
    """
    if len(text.encode()) > MAX_SCHEMA_BYTES:
        raise ValueError(f"has more than {MAX_SCHEMA_BYTES // 1024} KiB as JSON")
    schema = _read(text, MAX_SCHEMA_DEPTH)
    assert isinstance(schema, dict)
    dialect = schema.pop("$schema", _DIALECT)
    if dialect not in (_DIALECT, f"{_DIALECT}#"):
        raise ValueError(f"$schema: must be {_DIALECT}, or be left out")
    schema.pop("$id", None)
    _meets_dialect(schema)
    parts = list(_parts(schema))
    for part in parts:
        _check_part(part)
    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    places = {id(part) for part in parts}
    for ref in (part["$ref"] for part in parts if "$ref" in part):
        try:
            target = resolver.lookup(ref).contents
        except Unresolvable:
            target = None
        if not isinstance(target, bool) and id(target) not in places:
            raise ValueError(f"$ref {ref[:100]!r}: is no schema within the schema")
    return schema


def _meets_dialect(schema: dict[str, Any]) -> None:
    parts = sum(isinstance(each, dict | bool) for level in _levels(schema) for each in level)
    if parts > MAX_PARTS:
        raise ValueError(f"has more than {MAX_PARTS} objects; make it simpler")
    wrong = next(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema), None)
    if wrong:
        raise ValueError(f"is not valid: {what_is_wrong(wrong, 'schema')}")


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and every schema within it that is an object."""
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(
                each.contents for each in DRAFT202012.create_resource(part).subresources()
            )


def _check_part(part: dict[str, Any]) -> None:
    """Raises ValueError for what one schema says that is not taken here."""
    for keyword in _REFUSED:
        if keyword in part:
            raise ValueError(f"{keyword}: is not supported")
    if "$id" in part or "$schema" in part:
        # The library would go on with what belongs to that $schema, and count no steps.
        raise ValueError("$id and $schema: belong to the whole schema alone")
    if not part.get("$ref", "#").startswith("#"):
        raise ValueError(f"$ref {part['$ref'][:100]!r}: must begin with #, within the schema")
    patterns = [
        *part.get("patternProperties", ()),
        *([part["pattern"]] if "pattern" in part else ()),
    ]
    for pattern in patterns:
        try:
            size = compiled_pattern(pattern).programsize
        except re2.error as error:
            words = error.args[0].decode(errors="replace")
            raise ValueError(f"pattern {pattern[:100]!r}: {words} (RE2 syntax)") from None
        if size > MAX_PROGRAM:
            raise ValueError(f"pattern {pattern[:100]!r}: repeats too much; use maxLength for that")


def _read(text: str, most: int = MAX_DEPTH) -> Any:
    """The document that is a text. Raises ValueError, quoting nothing of it.

    A number that is whole is an int, however it is written: to JSON Schema they are the same.
    """
    try:
        document = strict_json.read(text, _number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"is not JSON: {error.msg} ({where})") from None
    except RecursionError:
        raise ValueError(f"is nested more than {most} levels deep") from None
    if nested_beyond(document, most):
        raise ValueError(f"is nested more than {most} levels deep")
    try:
        text_of(document).encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a surrogate pair, which is no character") from None
    return document


def _number(text: str) -> float | int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"has a number of more than {MAX_DIGITS} digits")
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("has a number that is too large")
    return int(number) if number.is_integer() else number


def _levels(document: Any) -> Iterator[list[Any]]:
    """The values of a document, those within an array or object after it."""
    level = [document]
    while level:
        yield level
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
