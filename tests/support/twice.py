"""Plans made twice: with what is remembered of the passes before, and with nothing."""

from __future__ import annotations

from dataclasses import replace

from wavegate.domain.actions import Plan
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Observed
from wavegate.domain.plan import plan


def plan_twice(observed: Observed, memory: Memory) -> tuple[Plan, str]:
    """The plan, and how it differs from one without a memory; empty where it does not."""
    made, fresh = plan(observed, memory), Memory()
    anew = plan(replace(observed, changes=None), fresh)
    if made == anew:
        job = observed.job
        is_looked_at = job.spec is not None and not (job.deleting or observed.kind_gone)
        return made, _counted_otherwise(memory, fresh) if is_looked_at else ""
    return made, f"remembered: {_unlike(made, anew)}\nanew: {_unlike(anew, made)}"


def _counted_otherwise(one: Memory, other: Memory) -> str:
    """What is kept up to date and is not what it is when all is counted; empty where that is so."""
    kept = [
        ("places held", one.holding, other.holding),
        ("census", one.census, other.census),
        ("line-up", one.lineup.by_role, other.lineup.by_role),
    ]
    return "\n".join(f"{what}: {is_} is {should}" for what, is_, should in kept if is_ != should)


def _unlike(one: Plan, other: Plan) -> list[object]:
    """What one of two plans has and the other has not."""
    parts = [("steps", each) for each in one.steps if each not in other.steps]
    parts += [("probes", each) for each in one.probes if each not in other.probes]
    parts += [("looks", each) for each in one.looks if each not in other.looks]
    return [*parts, ("wake_at", one.wake_at), ("order", [step.key for step in one.steps])]
