"""Left out: why a node is none of a version's targets, in the words of the field that says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain import selector
from wavegate.domain.observed import NodeView
from wavegate.domain.targets import CORDONED, NOT_READY, TAINTED, UNDER_PRESSURE, Placement

_TEMPLATE = "spec.template: its nodeSelector or required node affinity does not match"


def left_out(
    spec: FleetJobSpec, placement: Placement, nodes: Iterable[NodeView]
) -> Mapping[str, list[str]]:
    """Names of nodes that are no targets, by the reason."""
    found: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        if why := reason(spec, placement, node):
            found[why].append(node.name)
    return {why: sorted(found[why]) for why in sorted(found)}


def reason(spec: FleetJobSpec, placement: Placement, node: NodeView) -> str:
    """Why the node is no target; empty where it is one."""
    if not placement.belongs(node):
        return _unmatched(spec, node) or _TEMPLATE
    match placement.absence(node):
        case "":
            return ""
        case absence if absence == NOT_READY:
            return "NotReady"
        case absence if absence == CORDONED:
            return "Cordoned"
        case absence if absence == UNDER_PRESSURE:
            return f"UnderPressure: {', '.join(node.pressure)}"
        case absence if absence == TAINTED:
            taints = ", ".join(f"{each.key}:{each.effect}" for each in node.taints)
            return f"Tainted: {taints} is not tolerated"
        case other:
            return other


def _unmatched(spec: FleetJobSpec, node: NodeView) -> str:
    wanted = spec.selector
    if wanted.match_ids and node.name not in wanted.match_ids:
        return "spec.selector.matchIds does not name it"
    for key, value in wanted.match_labels.items():
        if node.labels.get(key) != value:
            has = f"it has {node.labels[key]}" if key in node.labels else "it has no such label"
            return f"spec.selector.matchLabels: {key} is to be {value}, {has}"
    for text in wanted.match_expressions:
        if not selector.parse(text).holds(node.labels):
            return f"spec.selector.matchExpressions: {text} does not hold"
    return ""
