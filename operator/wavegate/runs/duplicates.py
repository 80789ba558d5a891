"""A run in whose place another stands already: the same key, or the same payload within a window.

The first of them counts, unless it ended badly: then the next may be tried. One that is Canceled
stood in nobody's place. The first is one that is on record already, since creation times are whole
seconds, within which one may have ended; and among new ones the one that was asked for first, then
by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wavegate.runs.observed import RunView
from wavegate.runs.states import ENDED_BADLY

KEY_LIVES: Final = 24 * 3600.0
"""Seconds for which an idempotency key stands, from when its run was asked for."""

_Call = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """``first`` is the run that stands in its place."""

    reason: str
    message: str
    first: str


class Standing:
    """The runs of a job in whose place no other may be executed, by key and by payload."""

    def __init__(self, runs: Iterable[RunView]) -> None:
        self._by_key: defaultdict[str, list[RunView]] = defaultdict(list)
        self._by_call: defaultdict[_Call, list[RunView]] = defaultdict(list)
        for run in runs:
            if run.phase == "Canceled" or run.phase in ENDED_BADLY:
                continue
            if run.idempotency_key:
                self._by_key[run.idempotency_key].append(run)
            if run.payload_digest:
                self._by_call[_call(run)].append(run)

    def duplicated_by(self, run: RunView, window: float) -> Duplicate | None:
        """What stands against a run of which nothing is on record yet.

        ``window``: seconds for which a payload stands.
        """
        if run.idempotency_key:
            first = _first(self._by_key[run.idempotency_key], run, KEY_LIVES)
            if first is not None and run.payload_digest != first.payload_digest:
                words = f"its key was used by {first.name} with another payload"
                return Duplicate("KeyReused", words, first.name)
            if first is not None:
                return Duplicate("DuplicateKey", f"{first.name} has the same key", first.name)
        if window and run.payload_digest:
            first = _first(self._by_call[_call(run)], run, window)
            if first is not None:
                age = run.created - first.created
                words = f"{first.name} has the same payload and was asked for {age:.0f} s before"
                return Duplicate("Duplicate", words, first.name)
        return None


def key_lives(run: RunView, now: float) -> bool:
    """Whether the run's key still stands, so that the run has to be kept."""
    return bool(run.idempotency_key) and now < run.created + KEY_LIVES


def _first(runs: Iterable[RunView], run: RunView, window: float) -> RunView | None:
    earlier = (
        each for each in runs if _order(each) < _order(run) and run.created - each.created < window
    )
    return min(earlier, key=_order, default=None)


def _call(run: RunView) -> _Call:
    return run.payload_digest, run.concurrency_key, run.idempotency_key


def _order(run: RunView) -> tuple[bool, float, str]:
    is_new = not (run.ended or run.attempt or run.status.get("reason"))
    return is_new, run.created, run.name
