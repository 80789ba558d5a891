"""From the body of a metrics page to two numbers: errors and total.

A counter is asked for by name and summed over its labels. A page that has a total but lacks a
counter of errors has had none yet: libraries show a labelled counter from its first event on. A
page without any total says nothing, and is unreadable rather than idle, or a misspelled name would
pass for a healthy process without traffic.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading

MAX_SERIES_CHARACTERS: Final = 256 * 1024
"""Of a page in Prometheus text, most characters in lines about the counters asked for."""

_TOTAL: Final = "_total"


class UnreadableError(ValueError):
    """A page from which no reading can be made, and why."""


def parse_counters(body: bytes, content_type: str, source: CounterSource) -> Reading:
    """The counters of ``source`` in a page of its format; ``content_type`` serves messages.

    In Prometheus text a name matches with and without the suffix ``_total``, the given spelling
    first. Raises UnreadableError for a page of another form, without any of the totals, or with a
    value that is not a finite number from 0.
    """
    try:
        text = body.decode()
        if source.format == "JSON":
            sums = _sums_of_json(text, {*source.errors, *source.total})
        else:
            sums = _sums_of_text(text, {*source.errors, *source.total})
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        form = "JSON" if source.format == "JSON" else "Prometheus text"
        raise UnreadableError(
            f"is not {form} but {content_type or 'of no type'}: {error}"
        ) from error
    total = _sum(source.total, sums)
    if total is None:
        names = ", ".join(source.total)
        raise UnreadableError(f"has no counter {names} ({content_type or 'no content type'})")
    return Reading(errors=_sum(source.errors, sums) or 0.0, total=total)


def _sum(names: Iterable[str], sums: Mapping[str, float]) -> float | None:
    """None where none of the names is there."""
    found = {spelled for name in names if (spelled := _spelling(name, sums)) is not None}
    if not found:
        return None
    return checked_count(", ".join(sorted(found)), sum(sums[name] for name in found))


def _spelling(name: str, sums: Mapping[str, float]) -> str | None:
    other = name.removesuffix(_TOTAL) if name.endswith(_TOTAL) else name + _TOTAL
    return next((each for each in (name, other) if each in sums), None)


def _sums_of_json(text: str, wanted: set[str]) -> dict[str, float]:
    """Keys are ``name`` or ``name{label="value",…}``; a distribution is an object, no counter."""
    page = json.loads(text)
    if not isinstance(page, dict):
        raise UnreadableError("is not one JSON object")
    sums: dict[str, float] = {}
    for key, value in page.items():
        name = key.partition("{")[0]
        if name in wanted and not isinstance(value, dict):
            sums[name] = sums.get(name, 0.0) + checked_count(key, value)
    return sums


def _sums_of_text(text: str, wanted: set[str]) -> dict[str, float]:
    stems = {name.removesuffix(_TOTAL) for name in wanted}
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(_lines_about(stems, text)):
        if family.type == "counter" and family.name in stems:
            sums.setdefault(family.name + _TOTAL, 0.0)
        for sample in family.samples:
            if sample.name.removesuffix(_TOTAL) in stems:
                value = checked_count(sample.name, sample.value)
                sums[sample.name] = sums.get(sample.name, 0.0) + value
    return sums


def _lines_about(stems: Iterable[str], text: str) -> str:
    """The lines that name a stem: the parser is slow, and most of a page is about other things."""
    lines: dict[int, str] = {}
    size = 0
    for stem in stems:
        found = text.find(stem)
        while found >= 0:
            begin = text.rfind("\n", 0, found) + 1
            end = text.find("\n", found) + 1 or len(text)
            if begin not in lines:
                lines[begin] = text[begin:end]
                size += len(lines[begin])
            if size > MAX_SERIES_CHARACTERS:
                raise UnreadableError("has too many series of its counters")
            found = text.find(stem, end)
    return "".join(lines[begin] for begin in sorted(lines))


def checked_count(name: str, value: Any) -> float:
    """The value as a count; UnreadableError if it is not a finite number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableError(f"{name} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0:
        raise UnreadableError(f"{name} is {number:g}, no count")
    return number
