"""From the answer to an instant query to one count a node.

The answer is a vector, a sample for each set of labels. Of those with the label ``node`` each node
has one, a finite number from 0. What is wrong with one node's says nothing of another's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wavegate.health.parse import Body, UnreadableError, checked_count, read_json

NODE: Final = "node"

MAX_VALUES: Final = 90_000
"""Most values in an answer: those of some 15,000 nodes."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Values as they were sent, by node."""

    samples: Mapping[str, Sequence[Any]]
    unlabelled: int
    """Samples that have no label ``node``."""

    def count(self, node: str) -> float:
        """The node's count; raises UnreadableError where it has not exactly one."""
        values = self.samples.get(node, ())
        if not values:
            more = f", but {self.unlabelled} without the label {NODE}" if self.unlabelled else ""
            raise UnreadableError(
                f"has no sample of the window for node {node}{more}; a target has to be scraped at"
                " least once in healthCheck.interval"
            )
        if len(values) > 1:
            raise UnreadableError(f"has {len(values)} samples for node {node}, not one")
        return checked_count(f"the sample for node {node}", _number(values[0]))


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def parse_vector(body: Body) -> Vector:
    """The vector that a Prometheus has answered; raises UnreadableError for anything else."""
    try:
        answer = read_json(body, MAX_VALUES)
        warnings, kind = answer.get("warnings"), answer["data"]["resultType"]
        samples, unlabelled = _by_node(answer["data"]["result"]) if kind == "vector" else ({}, 0)
    except UnreadableError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableError(f"is not answered as a Prometheus does: {error!r}") from error
    if kind != "vector":
        raise UnreadableError(f"gives a {kind}, not a vector")
    if warnings:
        # Some of the data was not asked, and a sum of the rest would look like a restart.
        raise UnreadableError(f"is answered with a warning: {warnings}")
    return Vector(samples, unlabelled)


def _by_node(result: list[Any]) -> tuple[dict[str, list[Any]], int]:
    samples: dict[str, list[Any]] = defaultdict(list)
    unlabelled = 0
    for sample in result:
        node = sample["metric"].get(NODE)
        if not node:
            unlabelled += 1
            continue
        # A native histogram has no value.
        _, value = sample.get("value") or (0, None)
        samples[node].append(value)
    return samples, unlabelled
