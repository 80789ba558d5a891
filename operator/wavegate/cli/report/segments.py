"""What is on record of one execution, as stretches of time with a state each.

An Execution has these times: when it was made, when it became stable, when it was written last (of
one that has ended: when it ended), when its condition Ready last changed, and when the next one of
its node was made. Its windows are told with its verdict and were an interval long each. Its pod,
while it is there, has when it became ready. Between those nothing is kept, and nothing is made up:
a stretch whose states cannot be told apart has the first of them and is not exact.

| on record | stretches |
| --- | --- |
| made 0, stable 12, two windows of 5 s | Pending 0 to 2, Validating 2 to 12, Running from 12 |
| made 0, stable 12, no windows kept, its pod gone | Pending 0 to 12, not exact; Running from 12 |
| made 0, failed 17 with three windows of 5 s | Pending 0 to 2, Validating 2 to 17, Failed from 17 |
| as that, the next one made 17 | Pending 0 to 2, Validating 2 to 17, Failed at 17 |
| made 0, stable 12, Degraded, not Ready since 60 | as the first to 60, Degraded from 60 |
| made 0, stable 12, Running, Ready since 90 | Running from 12, not exact to 90: it was away in it |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wavegate.cli.sight import Document, at, condition, execution_message, execution_state
from wavegate.domain.evidence import WINDOWS
from wavegate.domain.health import MOST_RECENT
from wavegate.domain.times import parse_time

NOT_KEPT: Final = "NotKept"
"""The state of a stretch in which something ran of which no record is left."""

_TERMINAL: Final = ("Completed", "Failed", "Stopped")
_AWAY: Final = ("Degraded", "Lost")


@dataclass(frozen=True)
class Segment:
    """A stretch of an execution's life. ``since``, ``until``: epoch seconds.

    ``exact``: whether the state held all the time; else the next ones are in it too, and when they
    began is not kept. ``version`` is 0 where it is not kept.
    """

    execution: str
    version: int
    state: str
    since: float
    until: float
    exact: bool = True
    message: str = ""


@dataclass(frozen=True)
class Window:
    """A closed window. Without counters ``errors`` and ``total`` are None."""

    execution: str
    verdict: str
    """good, bad or unreadable."""
    since: float
    until: float
    errors: float | None
    total: float | None
    limit: float

    @property
    def rate(self) -> float | None:
        if self.errors is None or self.total is None:
            return None
        return self.errors / self.total if self.total else 0.0


@dataclass(frozen=True)
class Life:
    """An execution with what is around it. ``until``: when the next was made, or what is shown
    ends; ``interval``, ``limit``: of its windows, 0 where none are kept; ``pod``: its own."""

    execution: Document
    until: float
    interval: float = 0.0
    limit: float = 0.0
    pod: Document | None = None

    @property
    def state(self) -> str:
        return execution_state(self.execution)

    @property
    def made(self) -> float:
        return _time(self.execution, "metadata", "creationTimestamp") or 0.0

    @property
    def stable(self) -> float | None:
        return _time(self.execution, "status", "stableAt")

    @property
    def ended(self) -> float | None:
        return self.written if self.state in _TERMINAL else None

    @property
    def written(self) -> float | None:
        return _time(self.execution, "status", "updatedAt")

    @property
    def verdict(self) -> float | None:
        """When it was judged: stable, or failed before it was."""
        return self.stable or (self.ended if self.state == "Failed" else None)


def windows_of(life: Life) -> list[Window]:
    """The windows on record, oldest first; each is an interval long, back from the verdict."""
    told = str(at(life.execution, "status", "details", WINDOWS) or "")
    verdict = life.verdict
    if not told or verdict is None or not life.interval:
        return []
    each = told.split(", ")
    begin = verdict - len(each) * life.interval
    name = str(life.execution["metadata"]["name"])
    found = []
    for number, text in enumerate(each):
        word, _, counted = text.partition(" ")
        errors, _, total = counted.partition("/")
        since = begin + number * life.interval
        found.append(
            Window(
                execution=name,
                verdict=word,
                since=since,
                until=since + life.interval,
                errors=float(errors) if total else None,
                total=float(total) if total else None,
                limit=life.limit,
            )
        )
    return found


def segments_of(life: Life) -> list[Segment]:
    """All stretches, in order, each longer than nothing; the last one ends with ``life.until``.

    A failure is told even where the next execution was made in the same second, which is as exact
    as times are kept: it is what is looked for.
    """
    name = str(life.execution["metadata"]["name"])
    version = int(life.execution["spec"]["jobVersion"])
    steps = [*_before_the_verdict(life), *_after_it(life)]
    # Without windows it ran before it was stable, and goes on to.
    steps = [step for at_, step in enumerate(steps) if at_ == 0 or step[1:] != steps[at_ - 1][1:]]
    ends = [*(since for since, _, _ in steps[1:]), life.until]
    words = execution_message(life.execution)
    found = []
    for (since, state, exact), end in zip(steps, ends, strict=True):
        until = min(end, life.until)
        if until > since or (state == "Failed" and until == since):
            said = words if state == life.state else ""
            found.append(Segment(name, version, state, since, until, exact, said))
    return found


_Step = tuple[float, str, bool]
"""When a state began, the state, and whether it then held until the next step."""


def _before_the_verdict(life: Life) -> list[_Step]:
    judged = _judged_since(life)
    if life.state == "Starting" and life.stable is None and life.written:
        return [(life.made, "Pending", True), (max(life.made, life.written), "Starting", True)]
    if judged is not None:
        doing = "Validating" if life.interval else "Running"
        return [(life.made, "Pending", True), (max(life.made, judged), doing, True)]
    is_waiting = life.state == "Pending"
    return [(life.made, "Pending", is_waiting)]


def _judged_since(life: Life) -> float | None:
    """Since when its pod was ready before the verdict; None where that is not kept."""
    shown = windows_of(life)
    if shown and len(shown) < MOST_RECENT:
        return shown[0].since
    ready = _time(condition(life.pod, "Ready"), "lastTransitionTime") if life.pod else None
    is_ready = life.pod is not None and condition(life.pod, "Ready").get("status") == "True"
    if is_ready and ready and (life.verdict is None or ready <= life.verdict):
        return ready
    if life.state in ("Validating", "Running") and life.stable is None:
        return life.written
    return None


def _after_it(life: Life) -> list[_Step]:
    found: list[_Step] = []
    if life.stable is not None and life.state != "Completed":
        found.append((max(life.made, life.stable), "Running", True))
        moved = _time(condition(life.execution, "Ready"), "lastTransitionTime")
        if moved and moved > life.stable:
            found += _moved(life, moved)
    if life.ended is not None:
        found.append((max([life.ended, *(since for since, _, _ in found)]), life.state, True))
    return found


def _moved(life: Life, moved: float) -> list[_Step]:
    """Its readiness has changed since it was stable."""
    stable = max(life.made, life.stable or 0.0)
    if life.state == "Running":
        return [(stable, "Running", False), (moved, "Running", True)]
    if life.state in _AWAY:
        lost = life.written or moved
        lost_later = life.state == "Lost" and lost > moved
        return (
            [(moved, "Degraded", True), (lost, "Lost", True)]
            if lost_later
            else [(moved, life.state, True)]
        )
    # It was not well before it ended.
    return [(moved, "Degraded", True)] if life.ended and moved < life.ended else []


def _time(document: Document, *path: str) -> float | None:
    return parse_time(at(document, *path))
