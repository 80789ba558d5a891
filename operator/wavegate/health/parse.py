"""From the body of a metrics page to two numbers: errors and total.

A counter is asked for by name and summed over its labels. A page that has a total but lacks a
counter of errors has had none yet: libraries show a labelled counter from its first event on. A
page without any total says nothing, and is unreadable rather than idle, or a misspelled name would
pass for a healthy process without traffic.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from pydantic_core import from_json

from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading

MAX_SERIES_BYTES: Final = 192 * 1024
"""Of a page in Prometheus text, most bytes in lines about the counters asked for."""

MAX_SERIES: Final = 2_500
"""Most such lines: to parse one takes some 20 µs."""

MAX_LABELS: Final = 6_000
"""Most labels in them, by their equals signs: each takes some 7 µs."""

MAX_OTHERS: Final = 10_000
"""Most lines about other things in which a counter's name stands: each is looked at."""

MAX_LINE: Final = 4 * 1024
"""Most bytes of one: the parser takes time by the square of a line's length."""

MAX_ESCAPES: Final = 2_000
"""Most backslashes in such lines: the parser looks at each by itself."""

MAX_JSON: Final = 1024 * 1024
"""Most bytes of a page in JSON."""

MAX_VALUES: Final = 30_000
"""Most values in it: each becomes an object of up to 200 bytes."""

_PIECE: Final = 64 * 1024
_SAMPLE: Final = (
    rb"""[ \t]*+(?:\#[ \t]*+(?:TYPE|HELP|UNIT)[ \t]++)?"?(?:%s)(?:_total)?(?![a-zA-Z0-9_:])"""
)
_NONSENSE: Final = rb"[ \t]*+[^ \t#a-zA-Z_:]"
"""How a line begins that is no comment and no sample of a plain name, as `{"name"} 1` does."""

_NEWLINE: Final = ord("\n")

_TOTAL: Final = "_total"


class UnreadableError(ValueError):
    """A page from which no reading can be made, and why."""


Body = bytes | bytearray


def parse_counters(body: Body, content_type: str, source: CounterSource, *, whole: bool) -> Reading:
    """The counters of ``source`` in a page of its format; ``content_type`` serves messages.

    ``whole``: whether it is certain that nothing is missing at its end. Then the last line counts
    also without a newline, which many a page that was written by hand lacks.
    In Prometheus text a name matches with and without the suffix ``_total``, the given spelling
    first. Raises UnreadableError for a page of another form, without any of the totals, or with a
    value that is not a finite number from 0.
    """
    try:
        if source.format == "JSON":
            sums = _sums_of_json(body, {*source.errors, *source.total})
        else:
            sums = _sums_of_text(body, {*source.errors, *source.total}, whole)
    except UnreadableError:
        raise
    except ValueError as error:
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


def read_json(body: Body, most: int) -> Any:
    """The document; ValueError where it is none, or holds more than about ``most`` values."""
    if sum(map(body.count, (b",", b"[", b"{"))) > most:
        raise UnreadableError(f"has more than {most} values")
    return from_json(body)


def _sums_of_json(body: Body, wanted: set[str]) -> dict[str, float]:
    """Keys are ``name`` or ``name{label="value",…}``; a distribution is an object, no counter."""
    if len(body) > MAX_JSON:
        raise UnreadableError(f"is longer than {MAX_JSON} bytes")
    page = read_json(body, MAX_VALUES)
    if not isinstance(page, dict):
        raise UnreadableError("is not one JSON object")
    sums: dict[str, float] = {}
    for key, value in page.items():
        name = key.partition("{")[0]
        if name in wanted and not isinstance(value, dict):
            sums[name] = sums.get(name, 0.0) + checked_count(key, value)
    return sums


def _sums_of_text(body: Body, wanted: set[str], whole: bool) -> dict[str, float]:
    _check_is_text(body)
    stems = {name.removesuffix(_TOTAL) for name in wanted}
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(_lines_about(stems, body, whole)):
        if family.type == "counter" and family.name in stems:
            sums.setdefault(family.name + _TOTAL, 0.0)
        for sample in family.samples:
            if sample.name.removesuffix(_TOTAL) in stems:
                value = checked_count(sample.name, sample.value)
                sums[sample.name] = sums.get(sample.name, 0.0) + value
    return sums


def _check_is_text(body: Body) -> None:
    """Raises UnicodeDecodeError. As a whole the text could take four times the bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(body), _PIECE):
        decoder.decode(body[start : start + _PIECE])
    decoder.decode(b"", final=True)


def _lines_about(stems: Iterable[str], body: Body, whole: bool) -> str:
    """The lines about a stem: the parser is slow, and most of a page is about other things.

    They begin with its name as a whole, or with TYPE, HELP or UNIT and the name. What names a stem
    and begins as no line may is left to the parser as well, which knows why not.
    """
    names = [stem.encode() for stem in stems]
    about = re.compile(_SAMPLE % b"|".join(map(re.escape, names)) + b"|" + _NONSENSE)
    lines: dict[int, Body] = {}
    size = others = 0
    for stem in names:
        found = body.find(stem)
        while found >= 0:
            begin = body.rfind(b"\n", 0, found) + 1
            end = body.find(b"\n", found) + 1 or len(body)
            if not whole and body[end - 1] != _NEWLINE:
                raise UnreadableError("breaks off: the last line, about its counters, has no end")
            if about.match(body, begin) is None:
                others += 1
                if others > MAX_OTHERS:
                    raise UnreadableError(
                        f"names its counters in more than {MAX_OTHERS} lines about other things"
                    )
                found = body.find(stem, end)
                continue
            if end - begin > MAX_LINE:
                raise UnreadableError(
                    f"has a line about its counters of more than {MAX_LINE} bytes"
                )
            if begin not in lines:
                lines[begin] = body[begin:end]
                size += end - begin
            if size > MAX_SERIES_BYTES or len(lines) > MAX_SERIES:
                raise UnreadableError("has too many series of its counters")
            found = body.find(stem, end)
    found_lines = b"".join(lines[begin] for begin in sorted(lines))
    if found_lines.count(b"=") > MAX_LABELS:
        raise UnreadableError(f"has more than {MAX_LABELS} labels in lines of its counters")
    if found_lines.count(b"\\") > MAX_ESCAPES:
        raise UnreadableError(f"has more than {MAX_ESCAPES} backslashes in lines of its counters")
    return found_lines.decode()


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
