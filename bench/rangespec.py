"""What a fleet may cost: rangespec.yaml, and what of an act's requests is not within it.

| range | requests of an act of 60 s on 100 nodes that keep to it |
| --- | --- |
| {per_node: 3} | 300, no more and no fewer |
| {once: 2} | 2 |
| {per_node: 1, once: 2} | 102 |
| {per_second: 1} | 1 to 61 |
| not named | 0 |
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).with_name("rangespec.yaml")
_RATIOS: Final = "\nratios:\n"


@dataclass(frozen=True)
class Range:
    """How many requests of a kind an act has."""

    per_node: int = 0
    once: int = 0
    per_second: int = 0

    def limits(self, nodes: int, seconds: float) -> tuple[int, int]:
        """The fewest and the most."""
        fixed = self.per_node * nodes + self.once
        paced = self.per_second * (ceil(seconds) + 1)
        return (fixed or min(1, paced), fixed + paced)


@dataclass(frozen=True)
class Ratio:
    """How great a ratio was in several runs, and how great it may be."""

    median: float
    least: float
    greatest: float
    most: float


@dataclass(frozen=True)
class Ratios:
    """What `check` holds, and from which runs its limits come."""

    nodes: int
    runs: int
    command: str
    commit: str
    limits: Mapping[str, Ratio]


@dataclass(frozen=True)
class Spec:
    """The whole file."""

    nodes: int
    acts: Mapping[str, Mapping[str, Range]]
    """Ranges by act and request, such as ``create pods``."""
    ratios: Ratios


def load(file: Path = FILE) -> Spec:
    """Read the file; an unknown word in it is an error."""
    document = yaml.safe_load(file.read_text())
    counts, ratios = document["counts"], document["ratios"]
    limits = {name: Ratio(**given) for name, given in ratios.pop("limits").items()}
    return Spec(
        counts["nodes"],
        {
            act: {request: Range(**given) for request, given in ranges.items()}
            for act, ranges in counts["acts"].items()
        },
        Ratios(**ratios, limits=limits),
    )


def write_ratios(ratios: Ratios, file: Path = FILE) -> None:
    """Replace the ratios, which are the file's end; all before them stays as it is."""
    kept = file.read_text().partition(_RATIOS)[0]
    about = {key: value for key, value in asdict(ratios).items() if key != "limits"}
    lines = [f"  {key}: {json.dumps(value)}" for key, value in about.items()]
    lines.append("  limits:")
    for name, limit in ratios.limits.items():
        given = ", ".join(f"{key}: {value}" for key, value in asdict(limit).items())
        lines.append(f"    {json.dumps(name)}: {{{given}}}")
    file.write_text(kept + _RATIOS + "\n".join([*lines, ""]))


def count(
    events: Iterable[Mapping[str, Any]], user: str, since: float, namespace: str | None
) -> Counter[str]:
    """A user's requests since then (epoch seconds), from audit events.

    Those about objects of the namespace; None: those about all namespaces or none. Leases, watches
    and what is about no object are left out; a dry run is named so.
    """
    counted: Counter[str] = Counter()
    for event in events:
        about = event.get("objectRef", {})
        at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        if event.get("user", {}).get("username") != user or at < since:
            continue
        if event["verb"] == "watch" or about.get("resource") in (None, "leases"):
            continue
        if about.get("namespace") == namespace:
            kind = "/".join(filter(None, (about["resource"], about.get("subresource"))))
            dry = "dry-run " if "dryRun=All" in event["requestURI"] else ""
            counted[f"{dry}{event['verb']} {kind}"] += 1
    return counted


def outside(
    ranges: Mapping[str, Range], counted: Mapping[str, int], nodes: int, seconds: float
) -> list[str]:
    """What of an act is not within its ranges, a line each; empty where all is."""
    found = []
    for request in sorted({*ranges, *counted}):
        fewest, most = ranges.get(request, Range()).limits(nodes, seconds)
        number = counted.get(request, 0)
        if not fewest <= number <= most:
            wanted = str(most) if fewest == most else f"{fewest} to {most}"
            found.append(f"{request}: {number}, not {wanted}")
    return found
