"""A forecast for people, at 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wavegate.api.durations import format_duration
from wavegate.cli.planning.forecast import Forecast

_MOST_NAMES: Final = 6
_MOST_WAVES: Final = 10


def lines(told: Forecast, *, whole: bool) -> list[tuple[str, str]]:
    """What each line is about (empty: as the one before) and its words; ``whole``: all nodes."""
    found = [("", _headline(told))]
    if told.diff and told.exists:
        found += _labelled("diff", told.diff[2:])
    if not told.deployment:
        if told.says and told.changes:
            found.append(("then", told.says))
        return found
    if told.supersedes:
        found.append(("supersedes", f"{told.supersedes}, which is open"))
    found += _labelled("waves", _waves(told.waves, whole) or ["none: no node"])
    if not told.nodes_are_certain and told.waves:
        found.append(("", "which nodes come first is known once the job is there: sizes hold"))
    if told.up_to_date:
        found.append(("up to date", _names(told.up_to_date, whole)))
    left = [f"{each['reason']}: {_names(each['nodes'], whole)}" for each in told.left_out]
    found += _labelled("left out", left)
    found.append(("unavailable", _unavailable(told.unavailable)))
    found.append(("writes", _writes(told.writes)))
    found.append(("takes", _time(told.seconds)))
    found += _labelled("stops it", told.stops)
    found += _labelled("waits", told.waits)
    found += _labelled("assumes", told.assumes)
    return found


def _headline(told: Forecast) -> str:
    name = f"FleetJob {told.namespace}/{told.name}"
    if not told.changes:
        return f"{name}: nothing to do, the spec is the stored one"
    if not told.version and not told.deployment:
        return f"{name}: changes, but makes no version and restarts nothing"
    source = f" from v{told.from_version}" if told.from_version else ""
    version = f"makes v{told.version}" if told.version else "makes no version"
    if not told.deployment:
        return f"{name}: {version}, which is not rolled out"
    return f"{name}: {version}{source}, rolled out as {told.deployment} ({told.strategy})"


def _waves(waves: Sequence[Mapping[str, Any]], whole: bool) -> list[str]:
    """A line for each; of many, those in the middle together."""
    if whole or len(waves) <= _MOST_WAVES:
        return [_wave(each, whole) for each in waves]
    first, *middle, last = waves[_MOST_WAVES - 3 :]
    total = sum(len(each["nodes"]) for each in (first, *middle))
    numbers = f"waves {first['wave']} to {middle[-1]['wave']}, {_nodes(total)} (-o wide names them)"
    begin = [_wave(each, whole) for each in waves[: _MOST_WAVES - 3]]
    return [*begin, numbers, _wave(last, whole)]


def _wave(wave: Mapping[str, Any], whole: bool) -> str:
    number, nodes = wave["wave"], wave["nodes"]
    name = f"wave {number}" if number else "outside waves"
    canary = " (canary)" if wave["canary"] else ""
    return f"{name}{canary}, {_nodes(len(nodes))}: {_names(nodes, whole)}"


def _nodes(number: int) -> str:
    return f"{number} node{'s' if number != 1 else ''}"


def _names(names: Sequence[str], whole: bool) -> str:
    if whole or len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _unavailable(unavailable: Mapping[str, Any]) -> str:
    zones = ", ".join(f"{zone} {number}" for zone, number in unavailable["byZone"].items())
    words = f"at most {unavailable['most']} of {_nodes(unavailable['of'])} at a time"
    return f"{words}; by zone: {zones}" if zones else words


def _writes(writes: Mapping[str, int]) -> str:
    total = sum(writes.values())
    told = ", ".join(f"{number} {key}" for key, number in writes.items())
    return f"about {total}: {told}"


def _time(seconds: Mapping[str, float | int]) -> str:
    least = f"at least {format_duration(seconds['least'])}"
    past = seconds["rollouts"]
    if "from" not in seconds:
        return f"{least}; no past rollout says more"
    low, high = format_duration(seconds["from"]), format_duration(seconds["to"])
    span = low if low == high else f"{low} to {high}"
    return f"{span}, as its last {past} rollout{'s' if past != 1 else ''} did; {least}"


def _labelled(label: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if at else label, text) for at, text in enumerate(texts)]
