"""The rules of canarySelector and spreadBy, which jobs and deployments share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from integration.api_rules import Object, Rule, deployment, job


def _rules(kind: str, make: Callable[..., Object]) -> Iterator[Rule]:
    def of(**rollout: Any) -> Object:
        return make(rollout=rollout)

    def canary(**labels: str) -> Object:
        return of(canarySelector={"matchLabels": labels})

    def rule(name: str, good: Object, bad: Object, says: str) -> Rule:
        return Rule(f"{kind} {name}", good, bad, f"spec.rollout.{says}")

    path = "canarySelector.matchLabels"
    good = canary(**{"example.com/tier": "canary", "empty": ""})
    yield rule("canary keys", good, canary(**{"a b": "x"}), f"{path}: each key must be a valid")
    yield rule("canary values", good, canary(tier="-"), f"{path}.tier: Invalid value")
    big = {f"k{number}": "v" for number in range(33)}
    yield rule("canary count", good, canary(**big), f"{path}: Too many")
    keys = ["topology.kubernetes.io/zone", "kubernetes.io/arch"]
    good = of(spreadBy=keys)
    says = "spreadBy: each item must be a valid label key"
    yield rule("spread keys", good, of(spreadBy=["topology.kubernetes.io/"]), says)
    yield rule("spread key length", good, of(spreadBy=[f"a/{'b' * 316}"]), "spreadBy[0]: Too long")
    yield rule("spread empty key", good, of(spreadBy=[""]), "spreadBy[0]: Invalid value")
    eight = of(spreadBy=[f"k{n}" for n in range(8)])
    yield rule("spread count", eight, of(spreadBy=[f"k{n}" for n in range(9)]), "spreadBy: Too")


CHOICE_RULES: Final = (*_rules("FleetJob", job), *_rules("FleetDeployment", deployment))
