"""Batches of runs: what they are made of, and how far several of them have come. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wavegate.api.fleetjob import expression
from wavegate.api.names import API_VERSION
from wavegate.api.runbatch import MAX_BYTES, MAX_ERRORS, MAX_ITEMS, BatchItem
from wavegate.cli.asking import payload_problem
from wavegate.cli.errors import CliError
from wavegate.cli.sight import Document, at
from wavegate.kube.resources import RUN_BATCHES
from wavegate.runs.batch_items import read_lines, size_of, twice
from wavegate.runs.batch_states import ENDED

_BETWEEN: Final = re.compile(r",(?![^(]*\))")
"""A comma that is in no parentheses."""
_TOLD: Final = (
    ("completed", "completed"),
    ("failed", "failed"),
    ("canceled", "canceled"),
    ("duplicates", "stood already"),
    ("deleted", "deleted"),
    ("pending", "not made yet"),
)


def items_of(text: str, path: str) -> list[tuple[int, BatchItem]]:
    """By number of its line, each item of a file. Raises CliError with what is wrong with it."""
    items, wrong = list[tuple[int, BatchItem]](), list[tuple[int, str]]()
    for number, each in read_lines(text):
        if isinstance(each, BatchItem):
            items.append((number, each))
        else:
            wrong.append((number, each.message))
    for place, words in twice([item for _, item in items]):
        wrong.append((items[place][0], words))
    _refuse(wrong, path)
    if not items:
        raise CliError(f"{path}: has no items: write one a line, as JSON")
    return items


def judge(job: Document, items: Iterable[tuple[int, BatchItem]], path: str) -> None:
    """Raises CliError where payloads do not meet the schema of the job."""
    told = ((number, payload_problem(job, item.payload)) for number, item in items)
    _refuse([(number, words) for number, words in told if words], path)


def portions(items: Iterable[tuple[int, BatchItem]]) -> Iterator[list[Document]]:
    """Items as documents, as many together as a batch may have."""
    portion, size = list[Document](), 0
    for _, item in items:
        more = size_of(item)
        if portion and (len(portion) == MAX_ITEMS or size + more > MAX_BYTES):
            yield portion
            portion, size = [], 0
        fields = {name: value for name, value in item.to_dict().items() if value != {}}
        portion.append(fields)
        size += more
    if portion:
        yield portion


def batch_document(namespace: str, name: str, spec: Document) -> Document:
    """A RunBatch."""
    return {
        "apiVersion": API_VERSION,
        "kind": RUN_BATCHES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in spec.items() if value not in (None, {})},
    }


def names_of(base: str, number: int) -> list[str]:
    """Names of so many batches: the base itself, or ``BASE-01``, ``BASE-02``."""
    if number == 1:
        return [base]
    digits = max(2, len(str(number)))
    return [f"{base}-{each:0{digits}d}" for each in range(1, number + 1)]


def expressions_of(selector: str) -> list[str]:
    """What a selector as kubectl's ``-l`` consists of. Raises CliError."""
    parts = [part.strip() for part in _BETWEEN.split(selector) if part.strip()]
    try:
        return [expression(part) for part in parts]
    except ValueError as error:
        raise CliError(f"--selector: {error}") from error


def progress(batches: Sequence[Document]) -> str:
    """``620 of 1,000 runs have ended: 618 completed, 2 failed, 380 not made yet``."""
    counts = [at(each, "status", "counts") or {} for each in batches]
    total, still = _sum(counts, "total"), _sum(counts, "open") + _sum(counts, "pending")
    if not total:
        return "nothing is made yet"
    parts = [f"{_sum(counts, name):,} {words}" for name, words in _TOLD if _sum(counts, name)]
    words = f"{total - still:,} of {total:,} runs have ended"
    return f"{words}: {', '.join(parts)}" if parts else words


def have_ended(batches: Sequence[Document]) -> bool:
    return all(at(each, "status", "state") in ENDED for each in batches)


def is_good(batch: Document) -> bool:
    return bool(at(batch, "status", "state") == "Completed")


def outcome(batch: Document) -> Iterator[str]:
    """What became of one batch, and its first errors."""
    status = batch.get("status") or {}
    yield f"{batch['metadata']['name']}: {status.get('state')}: {status.get('message', '')}"
    for each in status.get("errors") or ():
        run = f" (run {each['run']})" if each.get("run") else ""
        yield f"  {each['key']}{run}: {each['message']}"


def _sum(counts: Iterable[Document], name: str) -> int:
    return sum(int(each.get(name) or 0) for each in counts)


def _refuse(wrong: Sequence[tuple[int, str]], path: str) -> None:
    if not wrong:
        return
    lines = [f"{path}, line {number}: {words}" for number, words in sorted(wrong)[:MAX_ERRORS]]
    more = len(wrong) - len(lines)
    lines += [f"and {more} more"] if more > 0 else []
    raise CliError("\n".join(["nothing was sent:", *lines]))
