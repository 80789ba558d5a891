"""Milestones: what of a rollout is told once, and how long it took without the time of a person.

A rollout waits for a person while it is Paused: somebody has paused it, or its gate waits to be
promoted. ``waitingSince`` and ``waitedSeconds`` are in its status, so that a process that begins
anew knows them: what is told rests on what is on record alone. What has not begun does not wait.

| state before | after | waitingSince, waitedSeconds |
| --- | --- | --- |
| InProgress | Paused | now, as before |
| Paused | Paused | as before |
| Paused | InProgress, Completed, Failed, Canceled | none, more by the time since waitingSince |
| Paused, not begun | InProgress | none, as before |

A wave ends when the next one begins, or the rollout does; it took from its first claim to its last
verdict, and one of which a node has none is not told. A gate took from the rollout's begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavegate.api.conditions import STALLED
from wavegate.domain.actions import GateEnd, Note, RolloutEnd, WaveEnd
from wavegate.domain.observed import DeploymentView, ExecutionView
from wavegate.domain.times import format_time, parse_time
from wavegate.domain.waves import Progress

_TERMINAL = ("Completed", "Failed", "Canceled")


def waiting(deployment: DeploymentView, state: str, now: float) -> dict[str, Any]:
    """The status fields that say for how long it has waited for a person."""
    waited, since = _waited(deployment.status), parse_time(deployment.status.get("waitingSince"))
    if state == "Paused" and deployment.started is not None:
        return {"waitingSince": format_time(now if since is None else since)}
    if since is None:
        return {}
    return {"waitingSince": None, "waitedSeconds": waited + max(0, int(now - since))}


def notes(
    deployment: DeploymentView, document: Mapping[str, Any], now: float, run: Progress | None
) -> tuple[Note, ...]:
    """What a write of the deployment's status says for the first time, oldest first."""
    found: list[Note | None] = []
    if run is not None:
        goes_on = document["state"] not in _TERMINAL
        waves = _ended_waves(deployment, document)
        found += [_wave(deployment, run, wave, goes_on) for wave in waves]
        found.append(_gate(deployment, document, now))
    found.append(_state(deployment, document, now))
    return tuple(note for note in found if note is not None)


def of_job(
    old: Mapping[str, Any], state: str, reason: str, message: str, stalled: bool, version: int
) -> tuple[Note, ...]:
    """That a job's state is another, by its own word or by what stands in its way.

    ``old``: the job's stored status; ``reason`` and ``stalled``: as its conditions say it now.
    """
    conditions = {each["type"]: each["reason"] for each in old.get("conditions") or ()}
    before = (old.get("state") or {}).get("stateType") or ""
    word = _word(state, reason if stalled else "")
    if word in _TOLD_BY_ROLLOUT or word == _word(before, conditions.get(STALLED, "")):
        return ()
    return (Note(word, message, stalled, {"version": version or None, "reason": reason}),)


_TOLD_BY_ROLLOUT = ("Pending", "Deploying", "RolloutPaused")
"""States of which the job's FleetDeployment tells."""


def _word(state: str, stalled: str) -> str:
    return state if state in ("RolloutFailed", "Failed") else stalled or state


def _state(deployment: DeploymentView, document: Mapping[str, Any], now: float) -> Note | None:
    state = str(document["state"])
    if state == deployment.state:
        return None
    reason = f"Rollout{state}"
    if state == "InProgress":
        reason = "RolloutResumed" if deployment.state == "Paused" else "RolloutStarted"
    text = f"{deployment.name}: {document.get('message') or ''}"
    facts = {
        **_about(deployment, document),
        "reason": document.get("reason"),
        **{key: document[key] for key in _NUMBERS if document.get(key) is not None},
    }
    ended = None
    if state in _TERMINAL and document.get("sequence"):
        active, waited = _times(document, parse_time(document.get("completedAt")) or now)
        ended = RolloutEnd(deployment.type, state, active, waited)
    return Note(reason, text, state == "Failed", facts, counted=ended)


_NUMBERS = ("totalNodes", "updatedNodes", "failedNodes", "waitedSeconds")


def _ended_waves(deployment: DeploymentView, document: Mapping[str, Any]) -> range:
    if deployment.started is None or deployment.terminal:
        return range(0)
    before = int(deployment.status.get("currentWave") or 1)
    now = int(document.get("currentWave") or 1)
    return range(before, now + (document["state"] in _TERMINAL))


def _wave(deployment: DeploymentView, run: Progress, wave: int, goes_on: bool) -> Note | None:
    members = run.members.get(wave, ())
    ends = [_verdict_at(each) for each in members]
    if not members or None in ends:
        return None
    seconds = max(0.0, max(end for end in ends if end) - min(each.created for each in members))
    canary = wave == 1 and run.sizes.canary > 0
    failed = sorted(each.node for each in members if each.node_key in run.failed)
    kind = " (canary)" if canary else ""
    text = f"{deployment.name}: wave {wave} of {run.shown_waves}{kind} took {seconds:.0f} s:"
    text += f" {len(members) - len(failed)} of {len(members)} nodes stable"
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        text += f", failed: {failed[0]}{more}"
    facts = {
        "version": run.version.version,
        "deployment": deployment.name,
        "wave": wave,
        "stable": len(members) - len(failed),
        "failed": len(failed),
        "seconds": round(seconds, 1),
    }
    reason = "WaveFailures" if failed else "WaveEnded"
    ended = WaveEnd(canary, seconds)
    # Of the last wave tells the end of its rollout.
    return Note(reason, text, bool(failed), facts, counted=ended, is_event=goes_on)


def _verdict_at(member: ExecutionView) -> float | None:
    if member.stable_at:
        return member.stable_at
    return member.updated if member.terminal else None


def _gate(deployment: DeploymentView, document: Mapping[str, Any], now: float) -> Note | None:
    passed = bool(document.get("canaryPromoted")) and not deployment.promoted_gate
    failed = document.get("reason") == "CanaryFailed" != deployment.reason
    if not (passed or failed):
        return None
    active, waited = _times(document, now)
    outcome = "Passed" if passed else "Failed"
    text = f"{deployment.name}: the canary gate {outcome.lower()}"
    active, waited = active or 0.0, waited or 0.0
    seconds = {"activeSeconds": round(active, 1), "waitedSeconds": round(waited, 1)}
    facts = {**_about(deployment, document), **seconds}
    ended = GateEnd(outcome, active, waited)
    # The wave that ends with it, or the rollout, is the event.
    return Note(f"Gate{outcome}", text, facts=facts, counted=ended, is_event=False)


def _about(deployment: DeploymentView, document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": deployment.to_version or None,
        "deployment": deployment.name,
        "wave": document.get("currentWave"),
    }


def _times(document: Mapping[str, Any], until: float) -> tuple[float | None, float | None]:
    """Seconds from the begin, without those for a person, and these; None before the begin."""
    started = parse_time(document.get("startedAt"))
    if started is None:
        return None, None
    waited = float(_waited(document))
    if since := parse_time(document.get("waitingSince")):
        waited += max(0.0, until - since)
    return max(0.0, until - started - waited), waited


def _waited(status: Mapping[str, Any]) -> int:
    return int(status.get("waitedSeconds") or 0)
