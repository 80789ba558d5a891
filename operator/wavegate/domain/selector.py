"""Which nodes a selector matches: exact labels, expressions and names, all of which must hold.

The forms of an expression: ``k=v``, ``k==v``, ``k!=v``, ``k in (a,b)``, ``k notin (a,b)``, ``k``
and ``!k``; ``!=`` and ``notin`` also match nodes without the key, as kubectl's ``-l`` does.

| expression | zone=a | zone=b | no zone |
| --- | --- | --- | --- |
| ``zone=a`` | yes | no | no |
| ``zone!=a`` | no | yes | yes |
| ``zone in (a,c)`` | yes | no | no |
| ``zone notin (a,c)`` | no | yes | yes |
| ``zone`` | yes | yes | no |
| ``!zone`` | no | no | yes |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from wavegate.api.fleetjob import Selector
from wavegate.domain.observed import NodeView

_SET = re.compile(r"^\s*(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s=!]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!]*)\s*$")
_KEY = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[^\s=!(),]+)\s*$")


@dataclass(frozen=True, slots=True)
class Requirement:
    """``key`` must (or must not) have one of ``values``; None: any value."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        found = value is not None and (self.values is None or value in self.values)
        return found is not self.negated


@lru_cache(maxsize=4096)
def parse(expression: str) -> Requirement:
    """The requirement an expression states; ValueError where it has none of the forms."""
    if match := _SET.match(expression):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(match["key"], values, match["op"] == "notin")
    if match := _EQUAL.match(expression):
        return Requirement(match["key"], frozenset([match["value"]]), match["op"] == "!=")
    if match := _KEY.match(expression):
        return Requirement(match["key"], None, match["not"] == "!")
    raise ValueError(f"{expression!r} is none of: k=v, k!=v, k in (a,b), k notin (a,b), k, !k")


def matches(selector: Selector, node: NodeView) -> bool:
    """Whether all of the selector holds for the node; an empty selector matches every node."""
    if selector.match_ids and node.name not in selector.match_ids:
        return False
    if any(node.labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(parse(text).holds(node.labels) for text in selector.match_expressions)
