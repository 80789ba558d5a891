"""Defaults that are applied in code, because in the schema they would contradict another field.

strategy and maxParallel depend on the job's type, successThreshold and minHealthyTime exclude each
other, canaryCount wins over canaryPercent, and rollbackParallel follows maxParallel. What they come
to is shown in the FleetDeployment's ``status.resolved.rollout``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from wavegate.api.fleetjob import ONE_SHOT_TYPES, FleetJobSpec
from wavegate.api.rollout import Rollout, RolloutSettings, Strategy

STRATEGY: Final[Strategy] = "Immediate"
STRATEGY_OF: Final[Mapping[str, Strategy]] = {"update": "Rolling"}
"""Strategies of types that have one of their own."""
MAX_PARALLEL: Final = "10%"
MAX_PARALLEL_OF: Final[Mapping[str, int | str]] = {"update": 1}
"""Wave sizes of types that have one of their own: an update takes one node at a time."""
CANARY_COUNT: Final = 1
SUCCESS_THRESHOLD: Final = 2

_SHARE: Final = re.compile(r"([0-9]+)%")

R = TypeVar("R", bound=RolloutSettings)


def effective_rollout(spec: FleetJobSpec) -> Rollout:
    """The job's rollout section with every default filled in."""
    return fill_rollout(spec.rollout, spec.type)


def fill_rollout(rollout: R, job_type: str) -> R:
    """A rollout section, a job's or a deployment's own, with every default filled in.

    A canary size is filled in for strategy Canary only, rollbackParallel only where there are
    rollbacks, and a health check is never invented.
    """
    fill: dict[str, Any] = {}
    if rollout.strategy is None:
        fill["strategy"] = STRATEGY_OF.get(job_type, STRATEGY)
    if rollout.max_parallel is None:
        fill["max_parallel"] = MAX_PARALLEL_OF.get(job_type, MAX_PARALLEL)
    if rollout.rollback_parallel is None and job_type not in ONE_SHOT_TYPES:
        fill["rollback_parallel"] = fill.get("max_parallel", rollout.max_parallel)
    if (
        rollout.strategy == "Canary"
        and rollout.canary_count is None
        and rollout.canary_percent is None
    ):
        fill["canary_count"] = CANARY_COUNT
    health = rollout.health_check
    if health and health.success_threshold is None and health.min_healthy_time is None:
        fill["health_check"] = health.model_copy(update={"success_threshold": SUCCESS_THRESHOLD})
    return rollout.model_copy(update=fill)


def override_rollout(base: RolloutSettings, own: RolloutSettings | None) -> RolloutSettings:
    """The version's settings with those that a deployment gave itself, without ``paused``.

    healthCheck is replaced as a whole. A canary size of its own, count or percent, replaces both.
    Fill in defaults afterwards, by ``fill_rollout``.
    """
    given = own.model_fields_set if own is not None else set()
    canary = {"canary_count", "canary_percent"}
    settings: dict[str, Any] = {}
    for name in RolloutSettings.model_fields:
        if own is not None and (name in given or (name in canary and given & canary)):
            settings[name] = getattr(own, name)
        else:
            settings[name] = getattr(base, name)
    return RolloutSettings.model_construct(**settings)


def strip_rollout(rollout: R, job_type: str) -> R:
    """The inverse: what only repeats a default of this module is taken out again.

    So that writing a default down is no change.
    """
    full = fill_rollout(rollout, job_type)
    strip: dict[str, Any] = {}
    if full.strategy == STRATEGY_OF.get(job_type, STRATEGY):
        strip["strategy"] = None
    if full.rollback_parallel == full.max_parallel:
        strip["rollback_parallel"] = None
    if full.max_parallel == MAX_PARALLEL_OF.get(job_type, MAX_PARALLEL):
        strip["max_parallel"] = None
    if (
        rollout.strategy == "Canary"
        and rollout.canary_percent is None
        and rollout.canary_count == CANARY_COUNT
    ):
        strip["canary_count"] = None
    health = rollout.health_check
    if health and health.min_healthy_time is None and health.success_threshold == SUCCESS_THRESHOLD:
        strip["health_check"] = health.model_copy(update={"success_threshold": None})
    return rollout.model_copy(update=strip)


def resolve_count(value: int | str, total: int) -> int:
    """Nodes of ``total``: the number given, or max(1, ceil(share x total)).

    Worked examples: 3 of 100 is 3; "10%" of 30 is 3, of 31 is 4, of 0 is 1; "100%" of 7 is 7.
    Whole numbers only, so that no share is rounded wrongly. Raises ValueError for anything else.
    """
    if isinstance(value, int):
        return value
    match = _SHARE.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is neither a number nor a share such as 10%")
    return max(1, -(-int(match[1]) * total // 100))
