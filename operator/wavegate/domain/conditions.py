"""Conditions: what a job's status says, from the state of its rollouts and executions.

| state | Ready | Reconciling | Stalled |
| --- | --- | --- | --- |
| Pending (also while a change has no rollout yet), Queued, Deploying | False | True | |
| RolloutPaused | False: AwaitingPromotion, Paused | True | |
| Running, Completed | True | | |
| Completed, some nodes failed | True: CompletedWithFailures | | |
| Running without a target | True: NoMatchingNodes | | |
| Running, executed when asked | True: AskedOnly | | |
| Degraded | True: Degraded | | |
| Stopped | True: Suspended, Stopped | | |
| Running after a rollback | False: RolledBack | | True |
| RolloutFailed, Failed, canceled, time-outs | False: the reason | | True |
| any: TemplateRefused, VersionMissing, NoCanary, a stranger's pod | False: the reason | | True |
| any: SourceNotConfigured | False | | True |

Available: at least one node runs an execution that passed its validation, of whichever version: in
the last wave of a rollout the stable version may run nowhere, and what took its place serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wavegate.api.base import MAX_MESSAGE
from wavegate.api.conditions import (
    AVAILABLE,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    Reasons,
    set_conditions,
)
from wavegate.domain import milestones
from wavegate.domain.actions import Note, SetStatus, Step, Urgency
from wavegate.domain.asked import WHEN_ASKED
from wavegate.domain.counts import nodes, other_absences, versions
from wavegate.domain.deployments import canaries
from wavegate.domain.fallback import next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, Observed, VersionView
from wavegate.domain.one_shot import results
from wavegate.domain.records import pruned, stamped
from wavegate.domain.remembered import to_remember
from wavegate.domain.rollback import needs_rollback
from wavegate.domain.rollout import STALLING, Outlook
from wavegate.domain.stopping import RUN_CANCELED, STOPPED, stop_reason, stopped_by
from wavegate.domain.timeouts import QUEUE_TIMEOUT, TOTAL_TIMEOUT, is_over
from wavegate.domain.times import format_time
from wavegate.domain.versions import new_deployment
from wavegate.domain.wanted import newest_failed, overtaken_by, repeats_failure
from wavegate.domain.waves import Progress

_MOST_ILL = 5
_OF_RUNS = ("runs", "schedule", "dependencies", "rateClock")
"""What of a job's status its runs tell: here it stays as it is."""
_TRY_AGAIN = "change the spec to try again"


@dataclass(frozen=True, slots=True)
class State:
    """A job's state with its reason, and how conditions show it."""

    state: str
    reason: str
    message: str
    ready: bool = False
    stalled: bool = False

    @property
    def reconciling(self) -> bool:
        return not self.ready and not self.stalled


def invalid(observed: Observed) -> list[Step]:
    """A stored spec that this release does not understand: say so, and touch nothing."""
    job = observed.job
    wanted = [
        Condition(READY, "False", "InvalidSpec", job.invalid),
        Condition(STALLED, "True", "InvalidSpec", job.invalid),
    ]
    document = {
        **job.status,
        "conditions": set_conditions(
            job.status.get("conditions") or (), wanted, format_time(observed.now), job.generation
        ),
    }
    for counted in ("revision", "updatedAt", "observedGeneration"):
        document.pop(counted, None)
    status = stamped(document, job.status, job.generation, observed.now)
    if status is None:
        return []
    notes: tuple[Note, ...] = ()
    if not any(each.get("reason") == "InvalidSpec" for each in job.status.get("conditions") or ()):
        notes = (Note("InvalidSpec", job.invalid, warning=True),)
    action = SetStatus("FleetJob", job.name, job.uid, job.resource_version, status, notes=notes)
    return [Step(f"FleetJob/{job.name}", Urgency.RECORD, (action,))]


def job_state(
    fleet: Fleet, run: Progress | None, outlook: Outlook | None, doing: str, blocker: State | None
) -> State:
    """The state in which a job is; a ``blocker`` stands over what the rollout says."""
    if stopped := stop_reason(fleet):
        return _stopped(fleet, stopped)
    state = _by_rollout(fleet, run, outlook, doing)
    if blocker is None:
        return state
    return State(state.state, blocker.reason, blocker.message, stalled=blocker.stalled)


def _stopped(fleet: Fleet, reason: str) -> State:
    by, again = "spec.suspend", "turn it off to start again"
    if reason == RUN_CANCELED:
        by, again = f"run {fleet.job.run}, which was canceled or is gone", "make another JobRun"
    if (stop := stopped_by(fleet)) is not None and reason == STOPPED:
        by = f"FleetDeployment {stop.name}"
        again = "a Restart, or a change of the workload or the rollout section, starts it again"
    if stopping := _still_stopping(fleet):
        return State("Stopped", "Stopping", f"stopped by {by}{stopping}")
    return State("Stopped", reason, f"stopped by {by}; {again}", ready=True)


def _still_stopping(fleet: Fleet) -> str:
    """Which pods are still to stop, and until when; empty where nothing runs."""
    pods = sorted(
        (pod for chain in fleet.chains.values() for pod in chain.pods if not pod.terminal),
        key=lambda pod: pod.node,
    )
    if not pods:
        return ""
    last = max((pod.deletion for pod in pods if pod.deletion), default=None)
    more = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
    by = f", by {format_time(last)}" if last is not None else ""
    return f"; {pods[0].node}{more} still stop{by}"


def _all_ended(fleet: Fleet) -> bool:
    """Whether every execution has come to an end of its own after which no other is made."""
    ends = ("Completed", "Failed") if fleet.one_shot else ("Completed",)
    return bool(fleet.census) and all(kind.observed in ends for kind in fleet.census)


def _by_rollout(fleet: Fleet, run: Progress | None, outlook: Outlook | None, doing: str) -> State:
    if run is not None and outlook is not None and not _ends(outlook):
        if outlook.state == "Pending" and outlook.reason not in STALLING:
            return _without_a_target(run, outlook)
        if outlook.state == "Paused":
            return State("RolloutPaused", outlook.reason, outlook.message)
        kind = "RollingBack" if run.is_rollback else outlook.reason
        message = f"{outlook.message}; {doing}" if doing else outlook.message
        asked = fleet.is_users(run.deployment)
        if run.is_rollback and not asked and (failed := newest_failed(fleet)):
            message = f"v{failed.to_version} failed ({_why(failed)}); {message}"
        return State("Deploying", kind, message, stalled=outlook.reason in STALLING)
    if run is not None and outlook is not None:
        return State("Deploying", outlook.reason, outlook.message)
    if fleet.spec.is_asked and fleet.is_current and fleet.newest_version is not None:
        words = f"v{fleet.newest_version.version} {WHEN_ASKED}"
        return State("Running", Reasons.ASKED_ONLY, words, ready=True)
    last = fleet.accepted[-1] if fleet.accepted else None
    if last is None or not last.terminal or last.reason == "Superseded":
        what = "first version" if last is None else "next rollout"
        return State("Pending", "Pending", f"its {what} is being made, which goes on by itself")
    if not needs_rollback(fleet, last) and _is_changed(fleet):
        return State(
            "Pending", "Pending", "its next version is being made, which goes on by itself"
        )
    return _settled(fleet, last)


def _is_changed(fleet: Fleet) -> bool:
    """Whether what the spec says has no version or no rollout yet, and is to have them.

    How the last rollout ended says nothing of it: who waits for the change would take it for done.
    """
    return not fleet.is_current or new_deployment(fleet) is not None


def _without_a_target(run: Progress, outlook: Outlook) -> State:
    """It waits for a first node: as one that is well, unless it is not to wait for ever."""
    message = (
        f"{outlook.message}; begins with the first that can be used: label, uncordon or repair a"
        " node, or change spec.selector"
    )
    if run.version.spec is not None and run.version.spec.timeouts.queue:
        return State("Queued", "Queued", message)
    return State("Running", "NoMatchingNodes", message, ready=True)


def _ends(outlook: Outlook) -> bool:
    return outlook.state in ("Completed", "Failed", "Canceled")


def _why(deployment: DeploymentView) -> str:
    return str(deployment.status.get("message") or deployment.reason)


def _settled(fleet: Fleet, last: DeploymentView) -> State:
    if last.state == "Canceled":
        return State("RolloutFailed", "Canceled", _why(last), stalled=True)
    if needs_rollback(fleet, last):
        return State("Deploying", "RollingBack", f"v{last.to_version} failed ({_why(last)})")
    if last.state == "Failed":
        strategy = (last.status.get("resolved", {}).get("rollout") or {}).get("strategy")
        timed_out = last.reason in (QUEUE_TIMEOUT, TOTAL_TIMEOUT)
        work_failed = strategy == "Immediate" or timed_out or fleet.one_shot
        name = "Failed" if work_failed else "RolloutFailed"
        message = f"{_why(last)}; {_TRY_AGAIN}"
        return State(name, last.reason or "RolloutFailed", message, stalled=True)
    if is_over(fleet, last.workload_hash) and not _all_ended(fleet):
        message = f"v{last.to_version} has had its time (spec.timeouts.total); {_TRY_AGAIN}"
        return State("Failed", TOTAL_TIMEOUT, f"{message}{_still_stopping(fleet)}", stalled=True)
    failed = newest_failed(fleet)
    if last.type == "Rollback" and fleet.is_users(last):
        message = f"FleetDeployment {last.name} went back to v{last.to_version}; {_UNTIL_CHANGED}"
        return State("Running", "RolledBack", message, stalled=True)
    if last.type == "Rollback" and failed is not None:
        message = (
            f"v{failed.to_version} failed ({_why(failed)}); back on v{last.to_version};"
            f" {_TRY_AGAIN}"
        )
        return State("Running", "RolledBack", message, stalled=True)
    newest = fleet.newest_version
    if newest is not None and not _is_stable(fleet, newest):
        if failed is not None and repeats_failure(fleet, newest):
            message = f"v{newest.version} is v{failed.to_version} again, which failed:"
            message = f"{message} {_why(failed)}; {_UNTIL_CHANGED}"
            return State("Running", "FailedWorkload", message, stalled=True)
        if holding := overtaken_by(fleet, newest):
            message = f"v{newest.version} is held by FleetDeployment {holding.name}"
            return State("Running", "Held", f"{message}; {_UNTIL_CHANGED}", stalled=True)
    return _ended(fleet, last) if fleet.one_shot else _running(fleet, last)


_UNTIL_CHANGED = (
    "that holds until the workload or the rollout section of the spec changes, or a Restart to"
    " another version is made"
)


def _is_stable(fleet: Fleet, version: VersionView) -> bool:
    return fleet.stable is not None and fleet.stable.workload_hash == version.workload_hash


def _ended(fleet: Fleet, last: DeploymentView) -> State:
    version = fleet.versions.get(last.to_version)
    if version is None:
        return State("Completed", last.reason, _why(last), ready=True)
    summary = results(fleet.chains.values(), version)
    good, bad = summary["succeeded"], summary["failed"]
    message = f"v{version.version} ended well on {good} of {good + bad} nodes"
    if bad:
        first = summary["failures"][0]
        message += f"; {first['node']}: {first.get('message', 'failed')}"
    if live := sorted(chain.node for chain in fleet.chains.values() if chain.live is not None):
        more = f" and {len(live) - 1} more" if len(live) > 1 else ""
        message += f"; catching up: {live[0]}{more}"
    reason = "CompletedWithFailures" if bad else "Completed"
    return State("Completed", reason, message, ready=True)


def _running(fleet: Fleet, last: DeploymentView) -> State:
    stable = fleet.stable
    ill = _ill(fleet)
    named = [str(each["node"]) for each in last.status.get("failures") or ()]
    current = [fleet.chains[name].current for name in named if name in fleet.chains]
    behind = [
        each
        for each in current
        if each is not None and stable is not None and each.workload_hash != stable.workload_hash
    ]
    if ill or behind:
        words = [_why(last)] if behind else []
        if back := {each.node: each.version for each in behind if not each.terminal}:
            node, more = min(back), f" and {len(back) - 1} more" if len(back) > 1 else ""
            words.append(f"{node}{more} back on v{back[node]}")
        if ill:
            words.append(_not_well(fleet, ill))
        return State("Degraded", "Degraded", "; ".join(words), ready=True)
    if fleet.census and all(kind.observed == "Completed" for kind in fleet.census):
        ended = sum(fleet.census.values())
        return State("Completed", "Completed", f"ended on {ended} nodes", ready=True)
    number = stable.version if stable is not None else last.to_version
    nodes = sum(count for kind, count in fleet.census.items() if kind.is_live)
    if nodes == 0:
        return State("Running", "NoMatchingNodes", "no node matches the selector", ready=True)
    return State("Running", "Running", f"v{number} runs on {nodes} nodes", ready=True)


def _ill(fleet: Fleet) -> list[str]:
    """Nodes that are not well."""
    states = ("Degraded", "Failed", "Lost")
    if not any(kind.observed in states for kind in fleet.census):
        return []
    current = (chain.current for chain in fleet.chains.values() if chain.current is not None)
    return sorted(each.node for each in current if each.observed in states)


def _not_well(fleet: Fleet, names: list[str]) -> str:
    """Who is not well, the first of them with its words and when it is tried again."""
    name, chain = names[0], fleet.chains[names[0]]
    assert chain.current is not None
    said = (chain.current.status.get("observedState") or {}).get("message") or ""
    node = fleet.nodes.get(name)
    following = next_version(fleet, chain, node) if node is not None and not chain.live else None
    if following is not None and following.not_before > fleet.now:
        said = f"{said}, tried again at {format_time(following.not_before)}"
    others = "".join(f", {other}" for other in names[1:_MOST_ILL])
    return f"not well: {name}{f' ({said})' if said else ''}{others}"


def job_status(fleet: Fleet, run: Progress | None, state: State) -> Step | None:
    """The step that writes the job's status; None where it says nothing new."""
    old = dict(fleet.job.status)
    newest = fleet.newest_version
    failed = newest_failed(fleet)
    number = newest.version if newest is not None else int(old.get("version") or 0)
    document: dict[str, Any] = {
        **{name: old.get(name) for name in _OF_RUNS if fleet.spec.is_asked},
        "version": number or None,
        "stableVersion": fleet.stable.version if fleet.stable is not None else None,
        "failedVersion": failed.to_version if failed is not None else None,
        "state": pruned(
            {
                "stateType": state.state,
                "message": state.message[:MAX_MESSAGE],
                "details": {"reason": state.reason, **other_absences(fleet, _wanted(fleet, run))},
            }
        ),
        "nodes": nodes(fleet, _wanted(fleet, run)),
        "versions": versions(fleet),
        "rollout": _rollout(fleet, run),
        "results": _results(fleet, run),
        "lastAccepted": to_remember(fleet.job, fleet.deployments, fleet.is_users),
        "conditions": _conditions(fleet, state),
    }
    status = stamped(document, old, fleet.job.generation, fleet.now)
    if status is None:
        return None
    status["revision"] = max(status["revision"], number)
    job = fleet.job
    notes = milestones.of_job(old, state.state, state.reason, state.message, state.stalled, number)
    action = SetStatus("FleetJob", job.name, job.uid, job.resource_version, status, notes=notes)
    return Step(f"FleetJob/{job.name}", Urgency.RECORD, (action,))


def _conditions(fleet: Fleet, state: State) -> list[dict[str, Any]]:
    available = any(
        kind.is_live and kind.is_stable and kind.observed == "Running" for kind in fleet.census
    )
    wanted = [
        Condition(READY, "True" if state.ready else "False", state.reason, state.message),
        Condition(
            RECONCILING, "True" if state.reconciling else "False", state.reason, state.message
        ),
        Condition(STALLED, "True" if state.stalled else "False", state.reason, state.message),
        Condition(
            AVAILABLE,
            "True" if available else "False",
            "Running" if available else "NotRunning",
            "at least one node runs what passed its validation"
            if available
            else "no node runs anything that passed its validation",
        ),
    ]
    old = fleet.job.status.get("conditions") or ()
    return set_conditions(old, wanted, format_time(fleet.now), fleet.job.generation)


def _wanted(fleet: Fleet, run: Progress | None) -> VersionView | None:
    return run.version if run is not None else fleet.stable or fleet.newest_version


def _results(fleet: Fleet, run: Progress | None) -> dict[str, Any] | None:
    version: VersionView | None = run.version if run is not None else None
    if version is None and fleet.accepted:
        version = fleet.versions.get(fleet.accepted[-1].to_version)
    if version is None or not fleet.one_shot:
        return None
    return results(fleet.chains.values(), version)


def _rollout(fleet: Fleet, run: Progress | None) -> dict[str, Any] | None:
    deployment = run.deployment if run is not None else None
    if deployment is None:
        deployment = fleet.accepted[-1] if fleet.accepted else None
    if deployment is None:
        return None
    stored = deployment.status
    copied = (
        "startedAt",
        "completedAt",
        "totalNodes",
        "updatedNodes",
        "failedNodes",
        "addedNodes",
        "currentWave",
        "totalWaves",
        "canaryNodes",
        "canaryPromoted",
    )
    document = {"type": deployment.type, **{key: stored.get(key) for key in copied}}
    stable = fleet.stable.version if fleet.stable is not None else 0
    back_to = deployment.from_version if deployment.type == "Rollback" else stable
    if run is not None:
        document |= {
            "totalNodes": run.sizes.total,
            "updatedNodes": len(run.updated),
            "failedNodes": len(run.failed),
            "addedNodes": run.added,
            "currentWave": run.shown_wave,
            "totalWaves": run.shown_waves,
            "canaryNodes": canaries(run),
        }
    return pruned({**document, "rollbackToVersion": back_to})
