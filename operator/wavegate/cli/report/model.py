"""What a report is made of. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wavegate.cli.report.segments import Life, Segment, Window
from wavegate.cli.sight import Document

UNKNOWN_WAVE: Final = -1
"""The number of the nodes of which it is not kept in which wave they were."""


@dataclass(frozen=True)
class Row:
    """A node. ``outcome``: what became of it, where that is more than well."""

    node: str
    segments: Sequence[Segment]
    windows: Sequence[Window]
    outcome: str = ""
    is_well: bool = True
    lives: Sequence[Life] = ()


@dataclass(frozen=True)
class Wave:
    """``not_kept``: nodes that were in it, of which no execution is left."""

    number: int
    is_canary: bool
    rows: Sequence[Row]
    not_kept: int = 0


@dataclass(frozen=True)
class Gate:
    """The settings by which it was judged: seconds, windows in a row, the highest error rate."""

    interval: float
    max_error_rate: float
    success_threshold: int
    failure_threshold: int
    min_healthy_time: float
    deadline: float


@dataclass(frozen=True)
class Mark:
    """``kind``: a CamelCase word of the table in marks; ``text``: for people, short; ``message``:
    more of it; ``node``: empty where it is of the whole rollout."""

    at: float
    kind: str
    text: str
    message: str = ""
    node: str = ""


@dataclass(frozen=True)
class Report:
    """Times are epoch seconds. ``since`` and ``until`` bound what is shown; ``is_open``: it goes on
    and ``until`` is now. ``untouched``: by version, nodes that it has not taken."""

    namespace: str
    job: str
    version: int
    from_version: int
    state: str
    reason: str
    message: str
    is_open: bool
    begin: float
    end: float
    since: float
    until: float
    rollouts: Sequence[Document]
    gate: Gate | None
    waves: Sequence[Wave]
    untouched: Mapping[int, int]
    not_kept: Sequence[str]
    """What a reader might look for and does not find, in sentences."""
    marks: Sequence[Mark] = ()

    @property
    def rows(self) -> list[Row]:
        return [row for wave in self.waves for row in wave.rows]
