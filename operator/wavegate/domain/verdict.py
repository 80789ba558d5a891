"""Verdict: what an execution's pod, health record and deadline say of it.

Judging goes on whatever becomes of the rollout. Each rule in turn, the first that says something
decides; a verdict that rests on the deadline is given on a live read of the pod.

| claim without a verdict | outcome |
| --- | --- |
| its node is gone | Stopped (NodeGone), not counted |
| pod ended, exit 0 | Completed |
| pod ended by its own activeDeadlineSeconds | Failed (ExecutionTimeout) |
| pod ended otherwise | Failed (Exited) |
| health record says healthy | Running, stable |
| health record says unhealthy | Failed |
| deadline over, it has no pod and its node is no target | Stopped (Withdrawn), not counted |
| one-shot type, withdrawn, its node NotReady for lostAfter | Stopped (Withdrawn), not counted |
| deadline over, not held | Failed, with the scheduler's, kubelet's or window's words |
| pod ready | Validating (Running where no windows are kept) |
| something keeps it from starting | Starting, with the words |

A stable one is Running or Degraded, and Failed once its pod has ended in failure. A type that runs
to completion becomes stable by its good end alone; while it runs it has no deadline but that of its
health check, if any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wavegate.api.durations import format_duration
from wavegate.domain import evidence
from wavegate.domain.blame import ended_by_itself, withdrawal
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import Criteria, HealthRecord
from wavegate.domain.observed import ExecutionView, NodeView, PodView
from wavegate.domain.one_shot import result, time_to_end
from wavegate.domain.overdue import stop_overdue
from wavegate.domain.times import format_time

NOT_A_TARGET = "its node cannot be used for now"
WITHDRAWN_FOR_GOOD: Final = {"reason": "Withdrawn", "withdrawn": "NotATarget"}
"""It has no pod and its node can have none: it ends, and its node is taken again later."""

_NOTICEABLE = 2.0
"""Seconds below which a state need not be written."""

_POD_TIMED_OUT = "DeadlineExceeded"
"""status.reason of a pod that the kubelet ended by its activeDeadlineSeconds."""

_HOLDS_BEFORE_THE_END = 3
"""Deadlines after which an open rollout that nobody can read is given up."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be on record of an execution."""

    observed: str
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    stable_at: float | None = None
    needs_proof: bool = False
    """Rests on the deadline: the pod is read live before it is written."""
    wake_at: float | None = None
    """When time alone may change it."""
    result: Mapping[str, Any] | None = None
    """status.result, of a type that runs to completion."""


def judge(fleet: Fleet, chain: Chain, execution: ExecutionView, held: bool) -> Judgement:
    """The judgement of a node's current claim, which has not ended."""
    node = fleet.node_of(execution)
    if node is None:
        message = f"node {execution.node} is gone"
        return Judgement("Stopped", message, {"reason": "NodeGone", "withdrawn": "NodeGone"})
    if execution.stable_at:
        return _judge_stable(fleet, execution, node, chain.own_pod)
    return _judge_new(fleet, chain, execution, node, held)


def _judge_stable(
    fleet: Fleet, execution: ExecutionView, node: NodeView, pod: PodView | None
) -> Judgement:
    stable_at = execution.stable_at
    if not node.ready:
        lost_at = node.ready_changed + fleet.settings.lost_after
        return _lost(fleet, execution) or Judgement(
            execution.observed, _message(execution), execution.details, stable_at, wake_at=lost_at
        )
    if pod is None or pod.disruption or pod.deletion is not None or _was_ended(pod):
        # it is made again by the same execution
        return Judgement(execution.observed, _message(execution), execution.details, stable_at)
    if pod.terminal:
        return _ended(fleet, execution, pod, stable_at)
    if not pod.ready and pod.deletion is None:
        noticed_at = (pod.ready_changed or pod.created) + _NOTICEABLE
        if fleet.now < noticed_at:
            return Judgement(
                execution.observed,
                _message(execution),
                execution.details,
                stable_at,
                wake_at=noticed_at,
            )
        return Judgement("Degraded", evidence.of_pod(pod), stable_at=stable_at)
    if execution.observed in ("Degraded", "Lost"):
        return Judgement("Running", "ready again", stable_at=stable_at)
    return Judgement(execution.observed, _message(execution), execution.details, stable_at)


def _judge_new(
    fleet: Fleet, chain: Chain, execution: ExecutionView, node: NodeView, held: bool
) -> Judgement:
    version = fleet.versions.get(execution.version)
    pod = chain.own_pod
    marks: dict[str, str] = {}
    if execution.withdrawn:
        marks["withdrawn"] = execution.details["withdrawn"]
    elif execution.wave > 0:
        belongs = version is None or fleet.belongs(version, node)
        overdue = stop_overdue(fleet, chain) is not None
        if why := withdrawal(execution, pod, node, belongs, overdue):
            marks["withdrawn"] = why
    counts = execution.withdrawn or "withdrawn" not in marks
    if pod is not None and ended_by_itself(pod) and counts:
        return _ended(fleet, execution, pod, None)
    if version is None:
        return Judgement(execution.observed, _message(execution), marks)
    criteria = fleet.judging(execution).criteria
    record = fleet.observed.health.get(pod.uid) if pod is not None else None
    if pod is None or fleet.one_shot or _is_told_to_stop(pod):
        outcome = None  # what it shows from now on says nothing of its version
    elif criteria is None:
        outcome = _without_windows(fleet, execution, pod)
    else:
        outcome = _by_windows(record, criteria, pod, fleet.now)
    if outcome is None:
        outcome = _by_deadline(fleet, chain, execution, record, held)
    if outcome is None:
        outcome = _on_the_way(fleet, chain, execution, criteria)
    if outcome.observed == "Failed" and not node.ready:
        words = f"{outcome.message}; its node is NotReady since {format_time(node.ready_changed)}"
        return replace(outcome, message=words, details={"hint": "NodeNotReady", **outcome.details})
    if outcome.observed in ("Failed", "Stopped"):
        return outcome
    return Judgement(
        outcome.observed,
        outcome.message,
        {**outcome.details, **marks},
        outcome.stable_at,
        outcome.needs_proof,
        outcome.wake_at,
    )


def _was_ended(pod: PodView) -> bool:
    return pod.terminal and not ended_by_itself(pod)


def _ended(
    fleet: Fleet, execution: ExecutionView, pod: PodView, stable_at: float | None
) -> Judgement:
    said = result(pod.main) if fleet.one_shot else None
    if pod.phase == "Succeeded":
        return Judgement(
            "Completed",
            "ended with exit code 0",
            {"reason": "Completed"},
            stable_at or fleet.now,
            result=said,
        )
    if pod.reason == _POD_TIMED_OUT:
        why = f"ran longer than spec.timeouts.execution{_limit(fleet, execution)}"
        details = evidence.details("ExecutionTimeout", pod)
    else:
        why, details = evidence.of_pod(pod), evidence.details("Exited", pod)
    return Judgement("Failed", why, details, stable_at, result=said)


def _limit(fleet: Fleet, execution: ExecutionView) -> str:
    version = fleet.versions.get(execution.version)
    limit = version.spec.timeouts.execution if version is not None and version.spec else 0.0
    return f" ({format_duration(limit)})" if limit else ""


def _by_windows(
    record: HealthRecord | None, criteria: Criteria, pod: PodView, now: float
) -> Judgement | None:
    if record is None or record.last is None:
        return None
    if record.healthy:
        count = f"{record.good} good window{'s' if record.good != 1 else ''}"
        message = f"healthy after {count}: {record.last.why}"
        return Judgement("Running", message, evidence.of_windows(record), stable_at=now)
    if record.unhealthy:
        reason = "Unhealthy" if record.last.rate is None else "ErrorRateExceeded"
        why = evidence.of_bad_window(record.last, pod)
        message = f"{record.bad} bad windows in a row: {why}"
        facts = {**evidence.details(reason, pod), **evidence.of_windows(record)}
        window = evidence.of_window(reason, record.last, criteria)
        return Judgement("Failed", message, {**facts, **window})
    return None


def _without_windows(fleet: Fleet, execution: ExecutionView, pod: PodView) -> Judgement | None:
    if not pod.ready:
        return None
    since = execution.updated if execution.observed == "Running" else fleet.now
    wake_at = since + fleet.settings.stable_after
    return Judgement("Running", "its pod is ready", wake_at=wake_at)


def _by_deadline(
    fleet: Fleet, chain: Chain, execution: ExecutionView, record: HealthRecord | None, held: bool
) -> Judgement | None:
    ends = deadline(fleet, chain, execution, record)
    if ends is None or held or fleet.now < ends:
        return None
    pod = chain.own_pod
    if _is_blameless(chain, execution):
        return _lost(fleet, execution)
    if pod is None and not fleet.is_target(fleet.versions[execution.version], chain.node):
        return Judgement("Stopped", NOT_A_TARGET, WITHDRAWN_FOR_GOOD, needs_proof=True)
    if record is not None and record.last is not None:
        why = evidence.of_bad_window(record.last, pod)
    elif fleet.one_shot and pod is not None and pod.ready:
        why = "it still runs"
    elif pod is not None:
        why = evidence.of_pod(pod)
    else:
        why = "it has no pod"
    message = f"not {'ended' if fleet.one_shot else 'healthy'} by its deadline: {why}"
    details = {**evidence.details("DeadlineExceeded", pod), "deadline": format_time(ends)}
    if record is not None and record.last is not None:
        details |= evidence.of_windows(record)
        criteria = fleet.judging(execution).criteria
        if criteria is not None:
            details |= evidence.of_window("DeadlineExceeded", record.last, criteria)
    return Judgement("Failed", message, details, needs_proof=True)


def _is_blameless(chain: Chain, execution: ExecutionView) -> bool:
    """Whether nothing of it runs by somebody else's doing: then no deadline says anything."""
    pod = chain.own_pod
    if pod is None:
        return execution.withdrawn or bool(chain.foreign_pods)
    return _is_told_to_stop(pod)


def _is_told_to_stop(pod: PodView) -> bool:
    return pod.deletion is not None or bool(pod.disruption)


def _lost(fleet: Fleet, execution: ExecutionView) -> Judgement | None:
    """That its node has been NotReady for lostAfter; None while it is waited for.

    What runs to completion is no longer waited for then: it gives its turn to the next node.
    """
    node = fleet.node_of(execution)
    if node is None or node.ready or fleet.now < node.ready_changed + fleet.settings.lost_after:
        return None
    since = format_time(node.ready_changed)
    if fleet.one_shot:
        message = f"its node is NotReady since {since}; it is made anew when the node is back"
        details = {**WITHDRAWN_FOR_GOOD, **execution.details, "reason": "Withdrawn"}
        return Judgement("Stopped", message, details, needs_proof=True)
    message = f"its node is NotReady since {since}; it goes on when the node is back"
    return Judgement("Lost", message, {"reason": "Lost"}, execution.stable_at)


def _on_the_way(
    fleet: Fleet, chain: Chain, execution: ExecutionView, criteria: Criteria | None
) -> Judgement:
    pod = chain.own_pod
    if pod is None and chain.foreign_pods:
        return _behind(fleet, chain, execution)
    if pod is not None and pod.ready and fleet.one_shot:
        return Judgement("Running", "its pod runs; it is judged by how it ends")
    if pod is not None and pod.ready and criteria is not None:
        return Judgement("Validating", f"judged by windows of {criteria.interval:g}s")
    if pod is not None and (problem := evidence.hindrance(pod)):
        noticed_at = pod.created + _NOTICEABLE
        if fleet.now >= noticed_at:
            return Judgement("Starting", problem)
        return Judgement(execution.observed, _message(execution), wake_at=noticed_at)
    return Judgement(execution.observed, _message(execution))


def _behind(fleet: Fleet, chain: Chain, execution: ExecutionView) -> Judgement:
    """It waits for another pod to stop: worth a word once that takes too long."""
    pod = stop_overdue(fleet, chain)
    if pod is None:
        return Judgement(execution.observed, _message(execution))
    by = f" by {format_time(pod.deletion)}" if pod.deletion else ""
    message = (
        f"its node is occupied: pod {pod.name} was to stop{by} and is never deleted by force;"
        " look at the node's kubelet"
    )
    return Judgement("Starting", message)


def deadline(
    fleet: Fleet, chain: Chain, execution: ExecutionView, record: HealthRecord | None
) -> float | None:
    """When an execution without a verdict fails; None where its version is missing.

    It counts from the creation plus the replaced pod's grace period, whatever the pods do, and
    never ends before a healthy pod could have shown it since this process began to look (a pod that
    is made only since then has all of the time), since the windows began of a pod that was ready in
    time, but of which news came late, or since its numbers can be read again. Numbers that come and
    go do not put it off for ever: it ends at the next window that cannot be read. A pod that is
    made later than that, because its node was occupied or somebody ended the one before, has all of
    the time.
    """
    version = fleet.versions.get(execution.version)
    if version is None:
        return None
    begin = execution.created + _grace_before(fleet, chain, execution)
    if (pod := chain.own_pod) is not None:
        begin = max(begin, pod.created)
    criteria, limited = fleet.judging(execution).criteria, time_to_end(version)
    if criteria is None and limited is None:
        runs = fleet.one_shot and pod is not None and pod.ready
        return None if runs else begin + fleet.settings.start_deadline
    allowed = limited or _allowed(fleet, execution)
    needed = criteria.shortest + criteria.interval if criteria is not None else 0.0
    started = fleet.observed.operator_started
    made_late = execution.created < started and (pod is None or pod.created >= started)
    ends = max(begin + allowed, started + (allowed if made_late else needed))
    if criteria is not None and pod is not None and pod.ready:
        ends = max(ends, _could_show(fleet, pod, record, ends, needed))
    if record is not None and record.readable_since is not None:
        since = record.readable_since
        if since > record.first_window:
            ends = max(ends, since + needed)
    return ends


def _could_show(
    fleet: Fleet, pod: PodView, record: HealthRecord | None, ends: float, needed: float
) -> float:
    """When a pod that was ready in time will have shown it; 0 where it was ready too late."""
    if (pod.ready_changed or pod.created) + needed > ends:
        return 0.0
    return (record.first_window if record is not None else fleet.now) + needed


def hold_ends(fleet: Fleet, chain: Chain, execution: ExecutionView) -> float | None:
    """When three deadlines have passed: an open rollout that is held is given up then."""
    if execution.version not in fleet.versions:
        return None
    begin = execution.created + _grace_before(fleet, chain, execution)
    return begin + _HOLDS_BEFORE_THE_END * _allowed(fleet, execution)


def _allowed(fleet: Fleet, execution: ExecutionView) -> float:
    return fleet.judging(execution).deadline or fleet.settings.start_deadline


def _grace_before(fleet: Fleet, chain: Chain, execution: ExecutionView) -> float:
    replaced = chain.before(execution)
    if replaced is None or replaced.details.get("reason") not in (None, "Replaced"):
        return 0.0
    return fleet.grace(fleet.versions.get(replaced.version))


def _message(execution: ExecutionView) -> str:
    state: Mapping[str, Any] = execution.status.get("observedState") or {}
    return str(state.get("message") or "")
