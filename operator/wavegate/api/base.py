"""What all models of the API share: spelling, strictness, and the types that need bounds.

The models are the single source of the CRDs (see ``crds.py``), so whatever the API server is to
check is written here beside the Python type: keys of ``json_schema_extra`` that begin with
``x-kubernetes-`` reach the CRD as they are.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.types import StrictInt, StrictStr

INT32_MAX: Final = 2**31 - 1
MAX_NODE_NAME: Final = 253
MAX_MESSAGE: Final = 1024

SHARE_PATTERN: Final = r"^(100|[1-9][0-9]?)%$"
_SHARE = re.compile(SHARE_PATTERN)


class Model(BaseModel):
    """Base of every stored object: frozen, camelCase outside, unknown fields refused.

    A null means "not set", as on the API server.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def to_dict(self) -> dict[str, Any]:
        """The object as the API server spells it, fields that are not set left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def cel(
    rule: str, message: str, *, field_path: str | None = None, reason: str = "FieldValueInvalid"
) -> dict[str, str]:
    """One CEL rule of a CRD; ``message`` must begin with the path of the field it is about."""
    entry = {"rule": rule, "message": message, "reason": reason}
    if field_path is not None:
        entry["fieldPath"] = field_path
    return entry


def rules(*entries: dict[str, str], **extra: Any) -> dict[str, Any]:
    """``json_schema_extra`` with these CEL rules and any further schema keys."""
    return {"x-kubernetes-validations": list(entries), **extra}


def between(path: str, least: str, most: str) -> dict[str, Any]:
    """``json_schema_extra`` of a duration that lies between two, both allowed."""
    rule = f"self >= duration('{least}') && self <= duration('{most}')"
    return rules(cel(rule, f"{path}: must be between {least} and {most}"))


def matching(path: str, pattern: str, words: str, *, least: int, most: int) -> Any:
    """Field of a text of ``least`` to ``most`` characters that matches; else ``words`` are told."""
    rule = cel(f"self.matches(r'{pattern}')", f"{path}: {words}")
    return Field(min_length=least, max_length=most, json_schema_extra=rules(rule))


def like(pattern: str, words: str) -> AfterValidator:
    """The same check in Python."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.search(text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


def listing(list_type: str, *keys: str) -> dict[str, Any]:
    """``json_schema_extra`` that says how server-side apply merges a list."""
    extra: dict[str, Any] = {"x-kubernetes-list-type": list_type}
    if keys:
        extra["x-kubernetes-list-map-keys"] = list(keys)
    return extra


def _count_or_share(value: int | str) -> int | str:
    if isinstance(value, int):
        if not 1 <= value <= INT32_MAX:
            raise ValueError("must be at least 1, or a share from 1% to 100%")
    elif not _SHARE.fullmatch(value):
        raise ValueError("must be a number of nodes such as 5, or a share from 1% to 100%")
    return value


CountOrShare = Annotated[
    StrictInt | StrictStr,
    AfterValidator(_count_or_share),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 1,
            "maximum": INT32_MAX,
            "maxLength": 4,
            "pattern": SHARE_PATTERN,
        }
    ),
]
"""A number of nodes, or a share of the targets such as ``10%``."""

Int32 = Annotated[int, Field(ge=0, le=INT32_MAX, json_schema_extra={"format": "int32"})]
"""A count: not negative, 32 bits."""

Int64 = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
"""A counter that may outgrow 32 bits."""

Generation = Annotated[int, Field(ge=-1, json_schema_extra={"format": "int64"})]
"""metadata.generation as last observed; -1 before the first look."""

Timestamp = Annotated[
    str, Field(max_length=64, json_schema_extra={"format": "date-time"}, strict=True)
]
"""RFC 3339 with a zone, as the API server spells times."""

NodeName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NODE_NAME)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
JobName = Annotated[str, StringConstraints(min_length=1, max_length=40)]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Uid = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Message = Annotated[str, StringConstraints(max_length=MAX_MESSAGE)]
MetaValue = Annotated[str, StringConstraints(max_length=1024)]
Reason = Annotated[str, StringConstraints(max_length=128)]
WorkloadHash = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Fact = Annotated[str, StringConstraints(max_length=2048)]

AnyObject = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""A document kept as it is, unknown fields included."""
