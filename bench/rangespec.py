"""What a fleet may cost: reads rangespec.yaml, and says what is not within it.

| range | requests of an act of 60 s on 100 nodes that keep to it |
| --- | --- |
| {per_node: 3} | 300, no more and no fewer |
| {once: 2} | 2 |
| {per_node: 1, once: 2} | 102 |
| {per_second: 1} | 1 to 61 |
| not named | 0 |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).with_name("rangespec.yaml")


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
class Spec:
    """The whole file."""

    nodes: int
    acts: Mapping[str, Mapping[str, Range]]
    """Ranges by act and request, such as ``create pods``."""


def load(file: Path = FILE) -> Spec:
    """Read the file; an unknown word in it is an error."""
    counts = yaml.safe_load(file.read_text())["counts"]
    return Spec(
        counts["nodes"],
        {
            act: {request: Range(**given) for request, given in ranges.items()}
            for act, ranges in counts["acts"].items()
        },
    )


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
