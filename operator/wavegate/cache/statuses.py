"""Statuses as rules may read them: each field is of the type that its model says, or not there.

The operator alone writes statuses, and its CRDs hold them to their types. But one may have been
stored under another schema, and rules ask nothing twice. A field of another type is left out, so
that the next write of the status puts it right. What only a newer release knows, a word or a whole
field, stays: it is written back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from wavegate.api.nesting import values_in
from wavegate.cache.fields import Raw, mapping

_MOST_VALUES: Final = 10_000
"""In one field; no field that the operator writes has half of them."""


def readable(model: type[BaseModel], status: Any) -> Raw:
    """The status without what does not fit its model."""
    found = mapping(status)
    try:
        model.__pydantic_validator__.validate_python(found)
    except ValidationError:
        return {name: value for name, value in found.items() if _fits(model, name, value)}
    return found


def _fits(model: type[BaseModel], name: str, value: Any) -> bool:
    if value is None or values_in(value) > _MOST_VALUES:
        return False
    try:
        model.__pydantic_validator__.validate_python({name: value})
    except ValidationError as error:
        return not any(map(_is_of_another_type, error.errors(include_url=False)))
    return True


def _is_of_another_type(mistake: Mapping[str, Any]) -> bool:
    """Of a list that is too long nothing more is known: its items were not looked at."""
    kind = str(mistake["type"])
    if kind == "literal_error":
        return not isinstance(mistake["input"], str)
    return kind in ("missing", "too_long") or kind.endswith("_type")
