"""Rules of the CRD for job types that run to completion; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from integration.api_rules import DEADLINE, Object, Rule, job, without
from integration.runs_rules import runs_rules
from integration.trigger_rules import trigger_rules
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


def _asked_rules() -> Iterator[Rule]:
    def asked(**spec: Any) -> Object:
        return job(type="query", **spec)

    for section in ("runs", "trigger"):
        says = f"spec.{section}: is only for query, update and config"
        yield Rule(f"{section} of a pipeline", asked(**{section: {}}), job(**{section: {}}), says)
    for section, field in (("runs", "payloadSchema"), ("runs", "webhook")):
        says = f'unknown field "spec.{section}.{field}"'
        bad = asked(**{section: {field: {}}})
        yield Rule(f"{section} {field}", asked(**{section: {}}), bad, says)
    yield from runs_rules(asked)
    yield from trigger_rules(asked)


ONE_SHOT_RULES: Final[tuple[Rule, ...]] = (
    *(rule for kind in ONE_SHOT_TYPES for rule in _rules(kind)),
    *_asked_rules(),
)
