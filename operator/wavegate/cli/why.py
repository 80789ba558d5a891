"""Why: what a job, deployment or execution waits for, since when, by what evidence, who can help.

Everything is taken from what the operator has on record: its own words with their numbers, the
conditions, the failures, who set which field (managedFields); and when it acts next from the same
rules that it follows (`core`). Pure: documents in, an answer out.

| question | answered by |
| --- | --- |
| what it waits for | status.state.message, status.message, status.observedState |
| since when | who set the field that it waits on; the last progress; the condition |
| what runs meanwhile | the newest execution of each node |
| evidence | numbers of the rollout against its limits, failures, nodes that cannot be used |
| who can unblock it, how | the reason (see ways_out) |
| when it acts next | the first time to come in those words, else the rules' own next look |
| what if it does not come | the rollout's settings (see outlook) |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wavegate.cli.outlook import if_not, most_failed, runs_now
from wavegate.cli.ownership import set_by
from wavegate.cli.sight import (
    ENDED,
    Document,
    Sight,
    at,
    condition,
    execution_message,
    execution_state,
    is_asked,
    of_run,
    sequence,
)
from wavegate.cli.ways_out import (
    ADMINISTRATOR,
    ITSELF,
    NOBODY,
    NOT_BY_ITSELF,
    UNKNOWN,
    WAYS_OUT,
    WayOut,
)
from wavegate.domain.times import format_time, parse_time

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MOST_FAILURES: Final = 3
AWAY: Final = "repair it, or delete its Node"
"""Words of the operator by which what can be done is told apart; the tests play them."""
LEASE_OLD: Final = 30.0
"""Seconds after which a Lease that nobody renewed says that no operator runs: twice its length."""


@dataclass(frozen=True)
class Answer:
    """What ``why -o json`` prints. Times as the API server writes them, empty where unknown."""

    kind: str
    namespace: str
    name: str
    state: str
    reason: str
    runs_now: str
    """What the job's nodes have at the moment; of a job and its deployments."""
    waits_for: str
    """Empty where it waits for nothing."""
    says: str
    """The operator's words."""
    since: str
    evidence: Sequence[str]
    who: str
    how: Sequence[str]
    next_at: str
    next: str
    """When it acts next in words; ``next_at`` is the time, where time alone decides."""
    if_not: str
    """What happens then if what it waits for has not come; empty where nothing does by itself."""


@dataclass(frozen=True)
class Facts:
    """What is known beside the objects themselves."""

    now: float
    acts_at: float | None = None
    """When the rules look again by themselves, where that could be told."""
    absences: Mapping[str, int] = field(default_factory=dict)
    """Nodes that belong to the job and cannot be used, counted by the reason."""
    operator: str = ""
    """What is wrong with the operator; empty where it runs, or is not known to be ill."""


def why_job(sight: Sight, facts: Facts) -> Answer:
    """Of a job: of its open rollout, if there is one."""
    metadata = sight.job["metadata"]
    newest = sight.newest
    evidence = [facts.operator] if facts.operator else []
    reason = sight.reason if sight.is_seen else "Pending"
    # Of a spec that it does not understand the operator speaks in the conditions alone.
    says = str(sight.condition("Ready").get("message") or sight.message)
    if not sight.is_seen:
        if says:
            evidence.append(f"its last word was of the spec before: {says}")
        says = f"the operator, which has not seen generation {metadata.get('generation')} yet"
    by_hand = _is_taken_back_by_hand(sight)
    failed = None if by_hand else _failed(sight, reason)
    for each in (failed, newest):
        evidence += _of_rollout(each) if each is not None else []
    evidence += _of_absences(facts.absences)
    way = _way_of(sight, "WentBackByHand" if by_hand and reason == "RolledBack" else reason)
    since = _since_job(sight, reason, newest)
    answer = _answer(
        sight.job, sight.state or "NotSeen", reason, says, since, evidence, way, facts, sight
    )
    return _with_outlook(answer, sight, newest)


_AFTER_A_FAILURE: Final = ("RolledBack", "RollingBack", "RollbackFailed", "FailedWorkload")


def _way_of(sight: Sight, reason: str) -> WayOut:
    if reason == "Paused" and at(sight.job, "spec", "rollout", "paused"):
        return WAYS_OUT["PausedByTheJob"]
    return WAYS_OUT.get(reason, UNKNOWN)


def _is_taken_back_by_hand(sight: Sight) -> bool:
    """Whether a person takes the job back: then no version that failed before is the reason."""
    last = at(sight.job, "status", "lastAccepted") or {}
    return last.get("type") == "Rollback" and bool(last.get("byUser"))


def _failed(sight: Sight, reason: str) -> Document | None:
    """The rollout that failed, where that is why another one is the newest; None elsewhere."""
    if reason not in _AFTER_A_FAILURE:
        return None
    version = at(sight.job, "status", "failedVersion")
    failed = [
        each
        for each in sight.deployments
        if at(each, "status", "state") == "Failed"
        and at(each, "status", "resolved", "toVersion") == version
        and each["spec"]["type"] in ("Create", "Update", "Restart")
    ]
    return max(failed, key=sequence, default=None)


def why_deployment(sight: Sight, deployment: Document, facts: Facts) -> Answer:
    """Of one deployment."""
    status = deployment.get("status") or {}
    state, reason = status.get("state") or "NotSeen", status.get("reason") or "Pending"
    way = _way_of(sight, reason)
    if state in ENDED and not way.ends:
        # A deployment that was refused for it does not wait for the version to come.
        way = WAYS_OUT["NeverStable" if reason == "VersionMissing" else state]
    evidence = [facts.operator] if facts.operator else []
    evidence += _of_rollout(deployment)
    if state not in ENDED:
        evidence += _of_absences(facts.absences)
    since = _since_deployment(deployment, reason)
    says = str(status.get("message") or "")
    answer = _answer(deployment, state, reason, says, since, evidence, way, facts, sight)
    return _with_outlook(answer, sight, deployment)


def _with_outlook(answer: Answer, sight: Sight, deployment: Document | None) -> Answer:
    happens = if_not(sight, deployment, answer.reason) if answer.next_at else ""
    return replace(answer, runs_now=runs_now(sight), if_not=happens)


def why_execution(sight: Sight, execution: Document, facts: Facts) -> Answer:
    """Of one execution."""
    state, message = execution_state(execution), execution_message(execution)
    details = at(execution, "status", "details") or {}
    reason = str(details.get("reason") or state)
    evidence = [facts.operator] if facts.operator else []
    evidence += _of_details(details)
    owner = execution["metadata"]["uid"]
    pods = [each for each in sight.pods if _is_of(each, owner)]
    evidence += [_of_pod(each) for each in pods]
    if not pods and state == "Pending":
        evidence.append("its pod has not been made: the one before it may still be stopping")
    made_by = execution["spec"].get("deploymentName", "")
    judged = state in ("Pending", "Starting", "Validating")
    deadline = sight.deployment(made_by).get("healthCheckDeadline") if judged else None
    way = _way_of_execution(execution, state, judged, bool(deadline))
    since = at(execution, "status", "updatedAt") or execution["metadata"]["creationTimestamp"]
    told = facts if judged else Facts(facts.now, operator=facts.operator)
    says = message or ("nothing is known of its pod yet" if state == "Pending" else state)
    if deadline:
        says = f"{says}; must be healthy by {deadline}"
    return _answer(execution, state, reason, says, since, evidence, way, told, sight)


def _way_of_execution(execution: Document, state: str, judged: bool, bounded: bool) -> WayOut:
    if judged:
        then = "with its verdict, at its deadline at the latest" if bounded else "with its verdict"
        return WayOut(ITSELF, (), then)
    if state == "Lost":
        return WAYS_OUT["Lost"]
    following = at(execution, "status", "nextExecution")
    if following:
        node = execution["spec"]["nodeName"]
        return WayOut(NOBODY, (f"{following} is what {node} has now",), "never", ends=True)
    if state == "Failed":
        return WAYS_OUT["Failed"]
    return WAYS_OUT["Degraded" if state == "Degraded" else "Running"]


def _answer(
    document: Document,
    state: str,
    reason: str,
    says: str,
    since: str,
    evidence: Sequence[str],
    way: WayOut,
    facts: Facts,
    sight: Sight,
) -> Answer:
    if way.ends or reason in _RESTARTED:
        way = _asked_way(sight.job) or way
    filled = {
        "job": sight.name,
        "version": at(document, "status", "failedVersion")
        or at(document, "status", "resolved", "toVersion")
        or at(document, "status", "version")
        or "N",
    }
    coming = None if way.ends else _next_time(says, facts)
    if AWAY in says and way.who == ITSELF:
        way = WAYS_OUT["NodeAway"]
    return answered(
        document, state, reason, says, since, evidence, way, facts.operator, filled, coming
    )


_RESTARTED: Final = ("Stopped", "Held", "FailedWorkload")
"""Reasons of what would go on with a Restart, or with another spec."""


def _asked_way(job: Document) -> WayOut | None:
    """What is done where nothing is going on, of a job for which only runs do anything."""
    if of_run(job):
        return WAYS_OUT["OfRun"]
    return WAYS_OUT["AskedOnly"] if is_asked(job) else None


def answered(
    document: Document,
    state: str,
    reason: str,
    says: str,
    since: str,
    evidence: Sequence[str],
    way: WayOut,
    operator: str,
    filled: Mapping[str, object],
    coming: float | None,
) -> Answer:
    """The parts put together. ``operator``: what is wrong with it; ``filled``: names for the way
    out; ``coming``: when it acts next, where time alone decides."""
    metadata = document["metadata"]
    namespace = metadata.get("namespace", "")
    how = [text.format(n=f"-n {namespace}", **filled) for text in way.how]
    who, then = way.who, way.then
    if operator and not way.ends:
        how.insert(0, "make the operator run: nothing goes on without it")
        who, then, coming = ADMINISTRATOR, "once the operator runs", None
    if coming is not None:
        then = then.removeprefix(f"{NOT_BY_ITSELF}: ")
    return Answer(
        kind=document["kind"],
        namespace=namespace,
        name=metadata["name"],
        state=state,
        reason=reason,
        runs_now="",
        waits_for="" if way.ends else says or "the operator, which has not seen it yet",
        says=says,
        since=since,
        evidence=tuple(evidence),
        who=who,
        how=tuple(how),
        next_at=format_time(coming) if coming is not None else "",
        next=then,
        if_not="",
    )


def _next_time(says: str, facts: Facts) -> float | None:
    """The first time to come that the operator itself has named, else the rules' next look."""
    named = [parse_time(text) for text in _TIME.findall(says)]
    coming = [each for each in named if each is not None and each > facts.now]
    return min(coming, default=facts.acts_at)


def _since_job(sight: Sight, reason: str, newest: Document | None) -> str:
    if reason in ("Suspended", "Stopping"):
        by = set_by(sight.job, "suspend")
        if by:
            return by[1]
    if reason == "Paused" and (by := set_by(sight.job, "rollout", "paused")):
        return by[1]
    ready = sight.condition("Ready")
    is_open = newest is not None and at(newest, "status", "state") not in ENDED
    if newest is not None and is_open and sight.is_seen:
        return _since_deployment(newest, reason) or str(ready.get("lastTransitionTime") or "")
    stalled = sight.condition("Stalled").get("lastTransitionTime")
    return str(stalled or ready.get("lastTransitionTime") or "")


def _since_deployment(deployment: Document, reason: str) -> str:
    """Since when it waits for that: the last thing that happened to it."""
    status = deployment.get("status") or {}
    if status.get("state") in ENDED:
        return str(status.get("completedAt") or "")
    if reason == "Paused" and (by := set_by(deployment, "paused")):
        return by[1]
    if reason in ("NoTargets", "NoCanary", "MetricsUnreadable", "SourceNotConfigured", "Pending"):
        kind = "Stalled" if condition(deployment, "Stalled") else "Ready"
        moved = condition(deployment, kind).get("lastTransitionTime")
        if reason == "MetricsUnreadable":
            moved = status.get("lastProgressTime") or status.get("startedAt") or moved
        return str(moved or deployment["metadata"].get("creationTimestamp") or "")
    last = status.get("lastProgressTime") or status.get("startedAt") or status.get("acceptedAt")
    return str(last or deployment["metadata"].get("creationTimestamp") or "")


def _of_rollout(deployment: Document) -> list[str]:
    """The numbers of a rollout against its limits, and what failed."""
    status, name = deployment.get("status") or {}, deployment["metadata"]["name"]
    told = []
    total = int(status.get("totalNodes") or 0)
    if total:
        told.append(_numbers(deployment, total))
    if at(deployment, "spec", "paused") and (by := set_by(deployment, "paused")):
        told.append(f"spec.paused of {name} was set by {by[0]} at {by[1]}")
    failures = status.get("failures") or ()
    told += [failure_words(each) for each in failures[:_MOST_FAILURES]]
    if len(failures) > _MOST_FAILURES:
        told.append(f"and {len(failures) - _MOST_FAILURES} more failures")
    for each in status.get("withdrawn") or ():
        told.append(f"{each['nodes']} withdrawn without counting: {each['reason']}")
    held = status.get("reason") == "MetricsUnreadable"  # that has a later end of its own
    if status.get("healthyDeadline") and status.get("state") not in ENDED and not held:
        told.append(f"the wave in progress must be healthy by {status['healthyDeadline']}")
    return told


def _numbers(deployment: Document, total: int) -> str:
    status, name = deployment.get("status") or {}, deployment["metadata"]["name"]
    rollout: Mapping[str, Any] = at(status, "resolved", "rollout") or {}
    updated, failed = int(status.get("updatedNodes") or 0), int(status.get("failedNodes") or 0)
    words = f"{name}: {updated} of {total} nodes updated, {failed} failed"
    allowed = most_failed(status)
    if allowed is None or deployment["spec"]["type"] == "Stop":
        return words
    if not failed and status.get("state") in ENDED:
        return words
    share = f"maxFailedNodesPercent {rollout['maxFailedNodesPercent']} of {total} nodes"
    return f"{words}; {allowed or 'none'} may (maxFailedNodes {rollout['maxFailedNodes']}, {share})"


def failure_words(failure: Mapping[str, Any]) -> str:
    """A node that failed, as a status has it, in words."""
    words = f"{failure.get('node')}: {failure.get('message') or failure.get('reason')}"
    window = failure.get("window") or {}
    if "rate" in window and f"{window['rate']:.1%}" not in words:
        words += f"; error rate {window['rate']:.1%}, limit {window.get('limit', 0):.1%}"
    line = failure.get("lastLogLine")
    if line and line not in words:
        words += f"; last log line: {line}"
    return f"{words}, at {failure['at']}" if failure.get("at") else words


def _of_details(details: Mapping[str, str]) -> list[str]:
    told = []
    if "rate" in details and "limit" in details:
        numbers = f"{details.get('errors')} of {details.get('total')}"
        rate, limit = float(details["rate"]), float(details["limit"])
        told.append(f"error rate {rate:.1%} ({numbers}), limit {limit:.1%}")
    if "exitCode" in details:
        told.append(f"container {details.get('component')} ended with {details['exitCode']}")
    for key, words in (("lastLogLine", "last log line"), ("withdrawn", "withdrawn")):
        if key in details:
            told.append(f"{words}: {details[key]}")
    return told


def _of_absences(absences: Mapping[str, int]) -> list[str]:
    if not absences:
        return []
    counted = ", ".join(f"{number} {reason}" for reason, number in sorted(absences.items()))
    return [f"nodes that match and cannot be used: {counted}"]


def _of_pod(pod: Document) -> str:
    name, phase = pod["metadata"]["name"], at(pod, "status", "phase") or "Pending"
    words = f"pod {name} is {phase}"
    if deletion := pod["metadata"].get("deletionTimestamp"):
        words += f", being deleted, until {deletion}"
    ready = condition(pod, "Ready")
    if ready:
        words += f", Ready is {ready.get('status')}"
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        words += f", not scheduled: {scheduled.get('message')}"
    for each in at(pod, "status", "containerStatuses") or ():
        waiting = at(each, "state", "waiting") or {}
        if waiting.get("reason"):
            said = f": {waiting['message']}" if waiting.get("message") else ""
            words += f", container {each['name']} waits ({waiting['reason']}{said})"
        if each.get("restartCount"):
            words += f", {each['restartCount']} restarts"
    return words


def _is_of(pod: Document, uid: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(each.get("uid") == uid for each in owners)


def operator_trouble(leases: Sequence[Document], now: float) -> str:
    """What the operator's Leases say is wrong; empty where one is fresh, or none can be read."""
    found = []
    for lease in leases:
        renewed = parse_time(at(lease, "spec", "renewTime"))
        if renewed is None:
            continue
        if at(lease, "spec", "holderIdentity") and now - renewed < LEASE_OLD:
            return ""
        found.append((renewed, lease["metadata"]["namespace"], lease["metadata"]["name"]))
    if not found:
        return ""
    renewed, namespace, name = max(found)
    return (
        f"no operator runs: nobody renews the Lease {namespace}/{name} since"
        f" {format_time(renewed)}; look at its pods (kubectl get pods -n {namespace})"
    )
