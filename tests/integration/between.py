"""Rows about a duration of a field that has a least and a most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.api_rules import Rule


def between(
    name: str, field: str, make: Any, good: tuple[str, str], bad: tuple[str, str]
) -> Iterator[Rule]:
    """A duration of the field ``name``; ``make`` makes an object with it."""
    for right, wrong in zip(good, bad, strict=True):
        says = f"{field}: must be between {good[0]} and {good[1]}"
        if wrong.startswith("-"):
            says = f"{field}: Invalid value"
        yield Rule(f"{field} {wrong}", make(**{name: right}), make(**{name: wrong}), says)
