"""Schemas in words: what a value is, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from wavegate.api.base import SHARE_PATTERN
from wavegate.api.durations import DURATION_MAX_LENGTH, DURATION_PATTERN
from wavegate.api.template import LABEL_VALUE
from wavegate.reference.fields import Schema

PRESERVES: Final = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
LIST_TYPE: Final = "x-kubernetes-list-type"
LIST_KEYS: Final = "x-kubernetes-list-map-keys"

_PATTERNS: Final = {
    SHARE_PATTERN: "text other than a share from `1%` to `100%`",
    DURATION_PATTERN: "anything but numbers with a unit (`ms`, `s`, `m`, `h`), such as `90s`, `5m`"
    " or `1h30m`",
    LABEL_VALUE: "anything but a label value (up to 63 letters, digits, `-`, `_` and `.`, a letter"
    " or digit at both ends)",
    r"^/[^\s]*$": "anything that does not begin with a slash or has a space in it",
}
"""What a pattern refuses. One that is not here is quoted, which is exact and not as readable."""

_LARGEST: Final = (2**31 - 1, 2**63 - 1)
"""Bounds of the number's own type; nobody runs into them by mistake."""


def type_of(schema: Schema) -> str:
    """The type in Kubernetes' words, lists and maps with what they hold."""
    if "enum" in schema:
        return _alternatives(schema["enum"])
    if INT_OR_STRING in schema:
        return "integer or share"
    match schema.get("type"):
        case "array":
            return f"list of {type_of(schema['items'])}"
        case "object" if "additionalProperties" in schema:
            return f"map of {type_of(schema['additionalProperties'])}"
        case "object" if PRESERVES in schema and "properties" not in schema:
            return "any object"
        case "string" if schema.get("format") == "duration":
            return "duration"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case str(name):
            return name
    raise ValueError(f"a type without a name: {schema}")


def value(given: Any) -> str:
    """A value as somebody would write it in YAML, on one line."""
    if isinstance(given, str):
        return f"`{given}`"
    if isinstance(given, dict):
        inside = ", ".join(f"{key}: {each}" for key, each in given.items())
        return f"`{{{inside}}}`"
    return f"`{json.dumps(given)}`"


def refusals(schema: Schema) -> Iterator[str]:
    """What the schema alone refuses, one phrase each; a value of another type goes without saying.

    Bounds of a map's values and of a list's items are told with the map or list.
    """
    if "enum" in schema:
        yield f"anything but {_alternatives(schema['enum'])}"
    elif schema.get("format") == "date-time":
        yield "anything but a time of RFC 3339, such as `2026-01-31T12:00:00Z`"
    else:
        yield from _of_numbers(schema)
        yield from _of_texts(schema)
    yield from _of_collections(schema)
    for key, name in (("items", "as an item"), ("additionalProperties", "as a value")):
        inside = schema.get(key)
        if inside and "properties" not in inside:
            yield from (f"{name} {phrase}" for phrase in refusals(inside))


def _of_numbers(schema: Schema) -> Iterator[str]:
    if schema.get("type") not in ("integer", "number") and INT_OR_STRING not in schema:
        return
    least, most = schema.get("minimum"), schema.get("maximum")
    if most in _LARGEST:
        most = None
    if least is not None and most is not None:
        yield f"a number below {least} or above {most}"
    elif least is not None:
        yield f"a number below {least}"
    elif most is not None:
        yield f"a number above {most}"


def _of_texts(schema: Schema) -> Iterator[str]:
    pattern = schema.get("pattern")
    if pattern is not None:
        yield _PATTERNS.get(pattern, f"anything that does not match `{pattern}`")
    elif schema.get("minLength"):
        yield "an empty text"
    longest = schema.get("maxLength")
    told = pattern in (SHARE_PATTERN, LABEL_VALUE) or longest == DURATION_MAX_LENGTH
    if longest is not None and not told:
        yield f"more than {longest} characters"


def _of_collections(schema: Schema) -> Iterator[str]:
    if schema.get("minItems"):
        yield "an empty list"
    if "maxItems" in schema:
        yield f"more than {schema['maxItems']} items"
    if schema.get(LIST_TYPE) == "set":
        yield "the same item twice"
    if schema.get(LIST_TYPE) == "map":
        yield f"two items of the same {' and '.join(schema[LIST_KEYS])}"
    if "maxProperties" in schema:
        yield f"more than {schema['maxProperties']} keys"


def _alternatives(values: list[Any]) -> str:
    *rest, last = [value(each) for each in values]
    return f"{', '.join(rest)} or {last}" if rest else last
