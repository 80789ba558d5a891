"""Items of a batch: how lines are read, and what is wrong with items.

A line is an item as in spec.items, as JSON. Its payload may be any other JSON value than a text:
then that is the body. A line without a key has its number as one: ``line-00007``. What is wrong is
told with the number of the line, and quotes no values: a payload may hold secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from wavegate.api.fleetjob import field_problems
from wavegate.api.runbatch import MAX_BYTES, MAX_ITEMS, BatchItem
from wavegate.runs import strict_json
from wavegate.runs.batch_observed import Problem
from wavegate.runs.payload import problems

EMPTY: Final = "{}"
"""Body of a call without a payload."""

Line = tuple[int, BatchItem | Problem]


def read_lines(text: str) -> Iterator[Line]:
    """By number of the line, from 1, its item or what is wrong with it; blank lines are none."""
    # Not by splitlines: what it takes for the end of a line may stand in a text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, read_line(number, line)
        except ValueError as error:
            yield number, Problem(f"line {number}", "ItemInvalid", str(error))


def read_line(number: int, line: str) -> BatchItem:
    """The item that is a line. Raises ValueError with what is wrong, naming the field."""
    try:
        document = strict_json.read(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError('is no JSON object: write {"payload": …}')  # noqa: TRY004
    if "payload" in document and not isinstance(document["payload"], str):
        text = json.dumps(document["payload"], separators=(",", ":"), ensure_ascii=False)
        document["payload"] = text
    try:
        return BatchItem.model_validate({"key": f"line-{number:05d}", **document})
    except ValidationError as error:
        raise ValueError("; ".join(_told(error))) from None


def problem_of(item: BatchItem, schema: Mapping[str, Any] | None) -> Problem | None:
    """What is wrong with an item by itself; None: nothing. ``schema``: the job's payloadSchema."""
    words = problems(item.payload if item.payload is not None else EMPTY, schema)
    return Problem(item.key, "PayloadInvalid", words) if words else None


def problems_together(items: Sequence[BatchItem]) -> Iterator[Problem]:
    """What is wrong with items beside each other: keys that come twice, too many, too much."""
    if not items:
        yield Problem("", "NoItems", "there are no items")
    if len(items) > MAX_ITEMS:
        words = f"{len(items)} items, and {MAX_ITEMS} are allowed; make several batches"
        yield Problem("", "TooManyItems", words)
    size = sum(size_of(item) for item in items)
    if size > MAX_BYTES:
        words = f"payloads of {size} bytes, and {MAX_BYTES} are allowed; make several batches"
        yield Problem("", "TooLarge", words)
    for place, words in twice(items):
        yield Problem(items[place].key, "KeyTwice", words)


def size_of(item: BatchItem) -> int:
    """Bytes of its payload."""
    return len((item.payload or "").encode(errors="surrogatepass"))


def run_spec(item: BatchItem, job: str) -> dict[str, Any]:
    """spec of the run that an item asks for."""
    fields = {name: value for name, value in item.to_dict().items() if value not in ({}, [])}
    return {"jobName": job, **{name: value for name, value in fields.items() if name != "key"}}


def twice(items: Iterable[BatchItem]) -> Iterator[tuple[int, str]]:
    """Places of items that have a key of one before them, and words for it."""
    keys, by_key = set[str](), dict[str, str]()
    for place, item in enumerate(items):
        if item.key in keys:
            yield place, "key: is that of an item before it"
        keys.add(item.key)
        if item.idempotency_key is None:
            continue
        first = by_key.setdefault(item.idempotency_key, item.key)
        if first != item.key:
            yield place, f"idempotencyKey: is that of an item before it, {first}"


def _told(error: ValidationError) -> list[str]:
    found = [words.removeprefix("item.") for words in field_problems(error, "item")]
    unknown = any(words.endswith("is not known to this release") for words in found)
    return [*found, "the body of the call belongs into payload"] if unknown else found
