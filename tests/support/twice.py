"""Plans made twice: with what is remembered of the passes before, and with nothing."""

from __future__ import annotations

from dataclasses import replace

from wavegate.domain.actions import Plan
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Observed
from wavegate.domain.plan import plan


def plan_twice(observed: Observed, memory: Memory) -> tuple[Plan, str]:
    """The plan, and how it differs from one without a memory; empty where it does not."""
    made = plan(observed, memory)
    anew = plan(replace(observed, changes=None))
    if made == anew:
        return made, ""
    return made, f"remembered: {_unlike(made, anew)}\nanew: {_unlike(anew, made)}"


def _unlike(one: Plan, other: Plan) -> list[object]:
    """What one of two plans has and the other has not."""
    parts = [("steps", each) for each in one.steps if each not in other.steps]
    parts += [("probes", each) for each in one.probes if each not in other.probes]
    parts += [("looks", each) for each in one.looks if each not in other.looks]
    return [*parts, ("wake_at", one.wake_at), ("order", [step.key for step in one.steps])]
