"""Rules of the CRD for job types that run to completion; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from integration.api_rules import DEADLINE, Object, Rule, job, without
from wavegate.api.fleetjob import ONE_SHOT_TYPES


def _rules(kind: str) -> Iterator[Rule]:
    def of(**rollout: Any) -> Object:
        return job(type=kind, rollout=rollout)

    def rule(name: str, good: Object, bad: Object, says: str) -> Rule:
        return Rule(f"{kind} {name}", good, bad, f"spec.{says}")

    bare, never = job(type=kind), job(type=kind, restartPolicy="Never")
    always = job(type=kind, restartPolicy="Always")
    yield rule("restartPolicy", never, always, "restartPolicy: Always is not for a type that")
    yield rule("config", bare, without(bare, "config"), "config: is required for every type but")
    says = "rollout.rollbackParallel: is not for a type that runs to completion"
    yield rule("rollbackParallel", of(strategy="Rolling"), of(rollbackParallel=1), says)
    says = "rollout.healthCheck: only its deadline is for a type that runs to completion"
    good = of(strategy="Rolling", healthCheck=DEADLINE)
    for more in (
        {"successThreshold": 2},
        {"minHealthyTime": "1m"},
        {"interval": "11s"},
        {"maxErrorRate": 0.2},
        {"failureThreshold": 4},
        {"errorRate": {"podMetrics": {"port": 1, "errors": ["e"], "total": ["t"]}}},
    ):
        bad = of(strategy="Rolling", healthCheck={**DEADLINE, **more})
        yield rule(f"healthCheck {next(iter(more))}", good, bad, says)
    yield rule("healthCheck deadline", good, of(healthCheck={}), says)


ONE_SHOT_RULES: Final[tuple[Rule, ...]] = tuple(
    rule for kind in ONE_SHOT_TYPES for rule in _rules(kind)
)
