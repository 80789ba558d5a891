"""Targets: the nodes that a version is to run on, decided as the DaemonSet controller does.

A node *belongs* when the version's selector, the template's nodeSelector and its required node
affinity match its labels. It is a *target* when it also is Ready, not cordoned, not under
pressure, and the pod tolerates its NoSchedule and NoExecute taints. A node that belongs without
being a target keeps what it runs and is counted by the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain import selector
from wavegate.domain.observed import NodeView, Taint

NOT_READY = "NotReady"
CORDONED = "Cordoned"
UNDER_PRESSURE = "UnderPressure"
TAINTED = "Tainted"
ABSENCES = (NOT_READY, CORDONED, UNDER_PRESSURE, TAINTED)
"""By what nodes that belong without being targets are counted."""

_TAINTS_THAT_KEEP_AWAY = ("NoSchedule", "NoExecute")


class Placement:
    """Where a version may run: its selector and what its pod template asks of a node."""

    def __init__(self, spec: FleetJobSpec, template: Mapping[str, Any]) -> None:
        pod = template.get("spec") or {}
        affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        self._selector = spec.selector
        self._node_selector: Mapping[str, str] = pod.get("nodeSelector") or {}
        self._terms: Sequence[Mapping[str, Any]] | None = required.get("nodeSelectorTerms")
        self._tolerations: Sequence[Mapping[str, Any]] = pod.get("tolerations") or ()

    def belongs(self, node: NodeView) -> bool:
        """Whether the node's name and labels are those that the version asks for."""
        if not selector.matches(self._selector, node):
            return False
        if any(node.labels.get(key) != value for key, value in self._node_selector.items()):
            return False
        return self._terms is None or any(_term_holds(term, node) for term in self._terms)

    def absence(self, node: NodeView) -> str:
        """Why a node that belongs is no target now, of ABSENCES; empty if it is one."""
        if not node.ready:
            return NOT_READY
        if node.unschedulable:
            return CORDONED
        if node.pressure:
            return UNDER_PRESSURE
        return "" if all(self._tolerates(taint) for taint in node.taints) else TAINTED

    def is_target(self, node: NodeView) -> bool:
        return self.belongs(node) and not self.absence(node)

    def _tolerates(self, taint: Taint) -> bool:
        if taint.effect not in _TAINTS_THAT_KEEP_AWAY:
            return True
        return any(_tolerated_by(toleration, taint) for toleration in self._tolerations)


def _tolerated_by(toleration: Mapping[str, Any], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key = toleration.get("key") or ""
    if toleration.get("operator") == "Exists":
        return key in ("", taint.key)
    return key == taint.key and (toleration.get("value") or "") == taint.value


def _term_holds(term: Mapping[str, Any], node: NodeView) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return False  # an empty term matches nothing, as in the scheduler
    names = {"metadata.name": node.name}
    return all(_expression_holds(each, node.labels) for each in expressions) and all(
        _expression_holds(each, names) for each in fields
    )


def _compare(sign: int) -> Callable[[str | None, Sequence[str]], bool]:
    def compare(value: str | None, values: Sequence[str]) -> bool:
        try:
            return value is not None and (int(value) - int(values[0])) * sign > 0
        except (ValueError, IndexError):
            return False

    return compare


_OPERATORS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": _compare(1),
    "Lt": _compare(-1),
}


def _expression_holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    operator = _OPERATORS.get(str(expression.get("operator")))
    value = labels.get(str(expression.get("key")))
    return operator is not None and operator(value, expression.get("values") or ())
