"""Conditions: their types, the reasons they give, and how a new set follows an old one.

Ready and Available are always there; Reconciling and Stalled exist only while they are true, as
kstatus wants it, so that a tool that knows nothing of this project can say whether an object is
current, in progress or failed. So does WebhookHeld, which says nothing of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
AVAILABLE: Final = "Available"
WEBHOOK_HELD: Final = "WebhookHeld"
"""Of an HTTPJob: its webhook is told of nothing."""

ONLY_WHILE_TRUE: Final = frozenset({RECONCILING, STALLED, WEBHOOK_HELD})
OWNED: Final = (READY, RECONCILING, STALLED, AVAILABLE)
"""Types of every job that the operator writes, in the order in which they are listed."""

MAX_MESSAGE: Final = 32768

ConditionStatus = Literal["True", "False", "Unknown"]


class Reasons:
    """Reasons that conditions give, and Deployments and events with them."""

    # progress
    PENDING: Final = "Pending"
    DEPLOYING: Final = "Deploying"
    PROGRESSING: Final = "Progressing"
    RUNNING: Final = "Running"
    COMPLETED: Final = "Completed"
    COMPLETED_WITH_FAILURES: Final = "CompletedWithFailures"
    DEGRADED: Final = "Degraded"
    SUSPENDED: Final = "Suspended"
    NO_MATCHING_NODES: Final = "NoMatchingNodes"
    ROLLED_BACK: Final = "RolledBack"
    ROLLING_BACK: Final = "RollingBack"
    CATCHING_UP: Final = "CatchingUp"
    STABLE: Final = "Stable"

    # waiting for somebody or something
    AWAITING_PROMOTION: Final = "AwaitingPromotion"
    PAUSED: Final = "Paused"
    NO_TARGETS: Final = "NoTargets"
    QUEUED: Final = "Queued"
    NO_CANARY: Final = "NoCanary"
    HELD: Final = "Held"
    METRICS_UNREADABLE: Final = "MetricsUnreadable"
    WAITING_FOR_ROLLBACK: Final = "WaitingForRollback"
    NAME_TAKEN: Final = "NameTaken"
    STRANGER: Final = "Stranger"

    # what cannot go on as it is
    INVALID_SPEC: Final = "InvalidSpec"
    TEMPLATE_REFUSED: Final = "TemplateRefused"
    CORDON_FORBIDDEN: Final = "CordonForbidden"
    VERSION_MISSING: Final = "VersionMissing"
    FAILED_WORKLOAD: Final = "FailedWorkload"
    CONFIG_TOO_LARGE: Final = "ConfigTooLarge"
    REFUSED: Final = "Refused"

    # how a rollout ended
    CANARY_FAILED: Final = "CanaryFailed"
    BUDGET_EXCEEDED: Final = "BudgetExceeded"
    ROLLOUT_FAILED: Final = "RolloutFailed"
    ROLLBACK_FAILED: Final = "RollbackFailed"
    SUPERSEDED: Final = "Superseded"
    ASKED_ONLY: Final = "AskedOnly"
    RUN_CANCELED: Final = "RunCanceled"
    JOB_REPLACED: Final = "JobReplaced"
    CANCELED: Final = "Canceled"
    QUEUE_TIMEOUT: Final = "QueueTimeout"
    TOTAL_TIMEOUT: Final = "TotalTimeout"

    # how an execution failed
    DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
    ERROR_RATE_EXCEEDED: Final = "ErrorRateExceeded"
    UNHEALTHY: Final = "Unhealthy"
    EXITED: Final = "Exited"
    EXECUTION_TIMEOUT: Final = "ExecutionTimeout"
    NOT_RUNNING: Final = "NotRunning"
    LOST: Final = "Lost"
    WITHDRAWN: Final = "Withdrawn"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is wanted; when it became so is for set_conditions to know."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""


def set_conditions(
    old: Iterable[Mapping[str, Any]],
    wanted: Iterable[Condition],
    now_iso: str,
    generation: int,
) -> list[dict[str, Any]]:
    """The conditions to store, in a fixed order: the wanted ones and what else stays.

    ``lastTransitionTime`` is kept while the status is the same. Those of ONLY_WHILE_TRUE that are
    not wanted, or not wanted true, are dropped; Ready and Available that are not mentioned stay as
    they were, as do types that the operator does not write. With nothing new to say the result
    equals ``old``. ``now_iso`` is RFC 3339 in UTC. Changes no argument.
    """
    before = {str(condition["type"]): condition for condition in old}
    after: dict[str, dict[str, Any]] = {}
    for condition in wanted:
        if condition.type in ONLY_WHILE_TRUE and condition.status != "True":
            continue
        previous = before.get(condition.type)
        since = now_iso
        if previous is not None and previous.get("status") == condition.status:
            since = str(previous.get("lastTransitionTime", now_iso))
        after[condition.type] = {
            "type": condition.type,
            "status": condition.status,
            "reason": condition.reason,
            "message": condition.message[:MAX_MESSAGE],
            "lastTransitionTime": since,
            "observedGeneration": generation,
        }
    for name, previous in before.items():
        if name not in after and name not in ONLY_WHILE_TRUE:
            after[name] = dict(previous)
    order = {name: place for place, name in enumerate(OWNED)}
    return sorted(after.values(), key=lambda c: (order.get(c["type"], len(order)), c["type"]))
