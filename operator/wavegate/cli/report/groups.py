"""What has a row of its own, and what is drawn together.

| nodes | waves | drawn |
| --- | --- | --- |
| up to 60 | any | a row each |
| more | a canary wave of up to 12 | a row each |
| more | others, up to 24 | a band each, and rows for the first nodes that are not well |
| more | others, more than 24 | neighbours share a band, so that there are 24 |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wavegate.cli.report.model import UNKNOWN_WAVE, Report, Row, Wave
from wavegate.cli.report.scale import nodes, span
from wavegate.cli.sight import OUTSIDE

MOST_ROWS: Final = 60
_MOST_CANARIES: Final = 12
_MOST_BANDS: Final = 24
_MOST_UNWELL: Final = 6
"""Rows of nodes that are not well, beside a band."""


@dataclass(frozen=True)
class Group:
    """Rows and a band under one heading. ``told``: to the right of it. Nodes without a row of
    their own: ``more_unwell`` beside a band, and ``not_kept``, of which no execution is left."""

    name: str
    told: str
    rows: Sequence[Row]
    band: Sequence[Row] = ()
    more_unwell: int = 0
    not_kept: int = 0


def is_aggregated(report: Report) -> bool:
    return len(report.rows) > MOST_ROWS


def groups_of(report: Report) -> list[Group]:
    """In the order of the waves."""
    if not is_aggregated(report):
        return [_whole(wave) for wave in report.waves]
    alone = [each for each in report.waves if each.is_canary and len(each.rows) <= _MOST_CANARIES]
    others = [each for each in report.waves if each not in alone]
    each_has = -(-len(others) // _MOST_BANDS)
    shared = [others[at : at + each_has] for at in range(0, len(others), each_has)]
    return [*(_whole(wave) for wave in alone), *(_band(waves) for waves in shared)]


def _whole(wave: Wave) -> Group:
    return Group(_name([wave]), _told(wave.rows), wave.rows, not_kept=wave.not_kept)


def _band(waves: Sequence[Wave]) -> Group:
    rows = [row for wave in waves for row in wave.rows]
    unwell = [row for row in rows if not row.is_well]
    return Group(
        _name(waves),
        _told(rows),
        unwell[:_MOST_UNWELL],
        rows,
        more_unwell=len(unwell[_MOST_UNWELL:]),
        not_kept=sum(wave.not_kept for wave in waves),
    )


def _name(waves: Sequence[Wave]) -> str:
    numbers = [wave.number for wave in waves]
    total = sum(len(wave.rows) + wave.not_kept for wave in waves)
    if numbers[0] == numbers[-1]:
        name = {OUTSIDE: "Outside waves", UNKNOWN_WAVE: "Wave not kept"}.get(
            numbers[0], f"Wave {numbers[0]}"
        )
    else:
        inside = [number for number in numbers if number > 0]
        name = f"Waves {min(inside)} to {max(inside)}"
    return f"{name}{' · canary' if waves[0].is_canary else ''} · {nodes(total)}"


def _told(rows: Sequence[Row]) -> str:
    """How long it took, from the first claim to the last verdict."""
    begun = [part.since for row in rows for part in row.segments if part.state == "Pending"]
    verdicts = [life.verdict for row in rows for life in row.lives[-1:] if life.verdict]
    unwell = sum(not row.is_well for row in rows)
    words = [f"{unwell:,} not well"] if unwell else []
    if begun and verdicts and len(verdicts) == len(rows) and max(verdicts) >= min(begun):
        words.append(f"took {span(max(verdicts) - min(begun))}")
    return ", ".join(words)
