"""JSON as its standard has it: no NaN, no Infinity, and no key twice in an object."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def read(text: str, number: Callable[[str], Any] | None = None) -> Any:
    """The document that is a text. ``number``: what a number becomes, by how it is written.

    Raises ValueError, quoting nothing of the text (json.JSONDecodeError where it is no JSON), and
    RecursionError.
    """
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_no_constant,
        parse_float=number,
        parse_int=number,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("has an object with the same key twice")
    return found


def _no_constant(_: str) -> None:
    raise ValueError("is not JSON: NaN and Infinity are not")
