"""Statuses as rules may read them: each field is of the type that its model says, or not there.

The operator alone writes statuses, and its CRDs hold them to their types. But one may have been
stored under another schema, and rules ask nothing twice. A field of another type is left out, so
that the next write of the status puts it right. What only a newer release knows, a word or a whole
field, stays: it is written back as it was.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from wavegate.api.nesting import holds_more
from wavegate.cache.fields import Raw, mapping

_MOST_VALUES: Final = 10_000
"""In one field; no field that the operator writes has half of them."""
_MOST_ITEMS: Final = 200
"""Of a list or of keys, up to which a status is plainly as it should be."""

Check = Callable[[Any], bool]


def readable(model: type[BaseModel], status: Any) -> Raw:
    """The status without what does not fit its model."""
    found = mapping(status)
    # Nearly all are: to let the model say so takes three times as long as all else of decoding.
    if not found or _of_model(model)(found):
        return found
    try:
        model.__pydantic_validator__.validate_python(found)
    except ValidationError:
        return {name: value for name, value in found.items() if _fits(model, name, value)}
    return found


@cache
def _of_model(model: type[BaseModel]) -> Check:
    """Whether a value is plainly one of the model's; where it is not, the model is asked."""
    fields = {
        field.alias or name: _of_type(field.annotation)
        for name, field in model.model_fields.items()
    }
    required = {
        field.alias or name for name, field in model.model_fields.items() if field.is_required()
    }

    def check(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        return all(name in fields and fields[name](each) for name, each in value.items())

    return check


def _of_type(annotation: Any) -> Check:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _of_type(inner[0])
    if origin is typing.Literal:
        words = frozenset(inner)
        return lambda value: type(value) is str and value in words
    if origin in (typing.Union, types.UnionType):
        checks = [_of_type(each) for each in inner if each is not types.NoneType]
        return checks[0] if len(checks) == 1 else _never
    if origin is list:
        return _of_items(_of_type(inner[0]))
    if origin is dict:
        return _of_values(_of_type(inner[1]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _of_model(annotation)
    return _SIMPLE.get(annotation, _never)


def _of_items(item: Check) -> Check:
    return lambda value: type(value) is list and len(value) <= _MOST_ITEMS and all(map(item, value))


def _of_values(item: Check) -> Check:
    return lambda value: (
        type(value) is dict and len(value) <= _MOST_ITEMS and all(map(item, value.values()))
    )


def _is_text(value: Any) -> bool:
    return type(value) is str


def _never(_: Any) -> bool:
    return False


_SIMPLE: Final[Mapping[Any, Check]] = {
    str: _is_text,
    bool: lambda value: type(value) is bool,
    int: lambda value: type(value) is int,
    float: lambda value: type(value) in (int, float),
}


def _fits(model: type[BaseModel], name: str, value: Any) -> bool:
    if value is None or holds_more(value, _MOST_VALUES):
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
