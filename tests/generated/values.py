"""What to put in place of a value: for each level of a schema the values that lie at its limits.

| level | absent, null, and |
| --- | --- |
| boolean | both, a text, a number |
| number | least, most, one beyond each, a text, a fraction, a boolean |
| text | each word of an enum and another; shortest, longest, beyond both; not of its pattern |
| duration | the ends of every range that a rule names, signs, units and forms that are none |
| number or share | the ends of both, and what is neither |
| list | empty, one, most, beyond, twice the same, a list with a null, something else |
| map | empty, one, most, beyond, keys that are none, reserved keys, something else |
| object | empty, one more field, something else |

Worked examples (also test rows): an integer from 0 to 100 gives 0, 100, -1 and 101; a list of at
most 2 gives lists of 0, 1, 2 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wavegate.api.names import RESERVED_PREFIX

Schema = Mapping[str, Any]
Value = tuple[str, Any]
"""A label, unique at its level, and what it stands for."""

ABSENT: Final = object()
"""In place of a value: the field is not given."""

DURATIONS: Final = (
    *("0s", "1ms", "500ms", "1s", "1h", "1.5h", "24h", "8760h", "1m30s"),
    *("24h1ms", "1h1ms", "8760h1s", "999ms", "9999999999999h"),
    *("-5s", "+5s", "1d", "P1D", "5", "s", "1 s", "5S", "", "1h 1m", "1m1h", "\u0663s"),
)
_SHARES: Final = ("1%", "100%", "0%", "101%", "%", "10", "1.5%", "-1%", " 5%", "10 %")
_TEXTS: Final = ("x", "/x", "k=x", "h1:x", "a[$window]")
"""Beginnings of texts, of which some fit every pattern and rule that there is."""
_FORMS: Final[Mapping[str, str]] = {
    "blank": " ",
    "umlaut": "\u00e4",
    "dashes": "-x-",
    "two words": "x y",
    "line end": "x\n",
    "slash": "/",
    "dot": ".",
    "capital": "A_b",
    "equals": "x=y=z",
    "command": "$(x)",
    "of 64": "x" * 64,
}
_INT64: Final = 2**63 - 1
_HUGE: Final = 4096
"""Length of a text and size of a list where the schema knows no bound."""


def values(schema: Schema) -> Iterator[Value]:
    """All values for a level, those that are fine and those that are not."""
    yield "absent", ABSENT
    yield "null", None
    if schema.get("x-kubernetes-int-or-string"):
        yield from _numbers(schema)
        yield from ((f"share {each}", each) for each in _SHARES)
        yield from _others("fraction", "boolean", "list", "object")
        return
    match schema.get("type"):
        case "boolean":
            yield from (("true", True), ("false", False))
            yield from _others("text", "number", "list", "object")
        case "integer":
            yield from _numbers(schema)
            yield from _others("text", "digits", "fraction", "boolean", "list", "object")
        case "number":
            yield from _rates(schema)
            yield from _others("text", "digits", "boolean", "list", "object")
        case "string":
            yield from _texts(schema)
            yield from _others("number", "boolean", "list", "object")
        case "array":
            yield from _lists(schema)
            yield from _others("text", "number", "object")
        case "object":
            yield from _objects(schema)
            yield from _others("text", "number", "list")


_WRONG: Final[Mapping[str, Any]] = {
    "text": "x",
    "digits": "1",
    "number": 1,
    "fraction": 1.5,
    "boolean": True,
    "list": ["x"],
    "object": {"x": "y"},
}


def _others(*kinds: str) -> Iterator[Value]:
    yield from ((f"a {kind}", _WRONG[kind]) for kind in kinds)


def _numbers(schema: Schema) -> Iterator[Value]:
    least, most = schema.get("minimum", -_INT64), schema.get("maximum", _INT64)
    yield from (("least", least), ("most", most), ("between", (least + most) // 2))
    yield "below", least - 1
    yield "beyond", most + 1
    yield "a whole float", float(least + 1)


def _rates(schema: Schema) -> Iterator[Value]:
    least, most = schema.get("minimum", 0), schema.get("maximum", 1)
    yield from (("least", least), ("most", most), ("between", (least + most) / 2))
    yield from (("tiny", 1e-300), ("below", -0.0001), ("beyond", most + 0.0001))


def _texts(schema: Schema) -> Iterator[Value]:
    if "enum" in schema:
        yield from ((f"word {each}", each) for each in schema["enum"])
        yield from (("another word", "Another"), ("lower", str(schema["enum"][0]).swapcase()))
        yield from (("nothing", ""), ("blank before", f" {schema['enum'][0]}"))
        return
    if schema.get("format") == "duration":
        yield from ((f"duration {each}", each) for each in DURATIONS)
        return
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", _HUGE))
    yield "shortest", text(schema, least)
    yield "short", text(schema, least + 1)
    yield "longest", text(schema, most)
    yield "beyond", text(schema, most + 1)
    yield "longest in bytes", "\u00e4" * most
    if least:
        yield "below", text(schema, least - 1)
    yield from ((f"form {name}", each) for name, each in _FORMS.items())


def text(schema: Schema, length: int) -> str:
    """A text of that length, where one can be of the schema's pattern and rules that is."""
    made = [f"{each}{'x' * (length - len(each))}" for each in _TEXTS if len(each) <= length]
    return next((each for each in made if _fits(schema, each)), "x" * length)


def _fits(schema: Schema, value: str) -> bool:
    wanted = [schema["pattern"]] if "pattern" in schema else []
    wanted += re.findall(r"self\.matches\(r'(.*)'\)", _rules(schema))
    contained = re.findall(r"self\.contains\('(.*)'\)", _rules(schema))
    return all(re.search(each, value) for each in wanted) and all(e in value for e in contained)


def _rules(schema: Schema) -> str:
    return "\n".join(each["rule"] for each in schema.get("x-kubernetes-validations", ()))


def _lists(schema: Schema) -> Iterator[Value]:
    most = schema.get("maxItems", 100)
    for label, number in (("empty", 0), ("one", 1), ("most", most), ("beyond", most + 1)):
        yield label, [sample(schema["items"], index) for index in range(number)]
    yield "twice the same", [sample(schema["items"], 0)] * 2
    yield "with a null", [sample(schema["items"], 0), None]
    yield "of something else", [[]]


def _objects(schema: Schema) -> Iterator[Value]:
    more = schema.get("additionalProperties")
    if not isinstance(more, Mapping):
        yield from (("empty", {}), ("any", {"x": {"y": [1, None, "z"]}}))
        return
    most = schema.get("maxProperties", 64)
    for label, number in (("empty", 0), ("one", 1), ("most", most), ("beyond", most + 1)):
        yield label, {f"k{index}": sample(more, index) for index in range(number)}
    keys = {
        "dotted": "example.com/k",
        "empty": "",
        "blank": "a b",
        "long": "k" * 64,
        "longer": "k" * 318,
        "reserved": f"{RESERVED_PREFIX}k",
        "slashes": "a/b/c",
        "umlaut": "schl\u00fcssel",
    }
    yield from ((f"key {label}", {key: sample(more, 0)}) for label, key in keys.items())
    yield from (("with a null", {"k": None}), ("of something else", {"k": []}))


def sample(schema: Schema, index: int) -> Any:
    """A valid value; another one for another index."""
    match schema.get("type"):
        case "string":
            made = text(schema, max(int(schema.get("minLength", 0)), 12))
            return f"{made[: len(made) - len(str(index))]}{index}"
        case "integer":
            return int(schema.get("minimum", 0)) + index
        case "object":
            known = schema.get("properties", {})
            return {name: sample(known[name], index) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [sample(schema["items"], each) for each in range(int(schema.get("minItems", 0)))]
    return index % 2 == 0
