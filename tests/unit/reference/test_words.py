"""Schemas in words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from wavegate.api.base import AnyObject, CountOrShare, Int32, Model, Timestamp, listing
from wavegate.api.durations import Seconds
from wavegate.api.fleetjob import LabelValue
from wavegate.api.rollout import Strategy
from wavegate.api.schema import spec_schema
from wavegate.reference.words import refusals, type_of, value


class Everything(Model):
    """One field of each sort."""

    share: CountOrShare = Field(description="Share.")
    time: Seconds = Field(description="Time.")
    at: Timestamp = Field(description="At.")
    word: Strategy = Field(description="Word.")
    count: Int32 = Field(description="Count.")
    rate: float = Field(ge=0, le=1, description="Rate.")
    text: str = Field(min_length=1, max_length=9, description="Text.")
    labels: dict[str, LabelValue] = Field(max_length=32, description="Labels.")
    names: list[str] = Field(
        min_length=1, max_length=20, description="Names.", json_schema_extra=listing("set")
    )
    odd: str = Field(max_length=5, pattern="^odd$", description="Odd.")
    document: AnyObject = Field(description="Document.")
    flag: bool = Field(description="Flag.")


SCHEMA = spec_schema(Everything)["properties"]
DURATION = "anything but numbers with a unit (`ms`, `s`, `m`, `h`), such as `90s`, `5m` or `1h30m`"
LABEL = (
    "as a value anything but a label value (up to 63 letters, digits, `-`, `_` and `.`, a letter or"
    " digit at both ends)"
)


@pytest.mark.parametrize(
    ("name", "kind", "refused"),
    [
        (
            "share",
            "integer or share",
            ["a number below 1", "text other than a share from `1%` to `100%`"],
        ),
        (
            "time",
            "duration",
            [DURATION],
        ),
        ("at", "time", ["anything but a time of RFC 3339, such as `2026-01-31T12:00:00Z`"]),
        (
            "word",
            "`Immediate`, `Rolling` or `Canary`",
            ["anything but `Immediate`, `Rolling` or `Canary`"],
        ),
        ("count", "integer", ["a number below 0"]),
        ("rate", "number", ["a number below 0 or above 1"]),
        ("text", "string", ["an empty text", "more than 9 characters"]),
        ("labels", "map of string", ["more than 32 keys", LABEL]),
        (
            "names",
            "list of string",
            ["an empty list", "more than 20 items", "the same item twice"],
        ),
        ("odd", "string", ["anything that does not match `^odd$`", "more than 5 characters"]),
        ("document", "any object", []),
        ("flag", "boolean", []),
    ],
)
def test_what_a_value_is_and_what_is_refused(name: str, kind: str, refused: list[str]) -> None:
    assert type_of(SCHEMA[name]) == kind
    assert list(refusals(SCHEMA[name])) == refused


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("10%", "`10%`"),
        (10, "`10`"),
        (False, "`false`"),
        (0.1, "`0.1`"),
        ({"strategy": "Immediate"}, "`{strategy: Immediate}`"),
    ],
)
def test_a_value_is_spelled_as_in_yaml(given: Any, text: str) -> None:
    assert value(given) == text
