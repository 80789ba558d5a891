"""The decisions of a rollout, each with when it was made and how that is known.

| mark | when it was, by |
| --- | --- |
| Started, RollbackStarted | startedAt of the deployment |
| CanaryStable | the last canary's stableAt |
| CanaryFailed | completedAt of a deployment that the gate refused |
| Promoted | who set spec.promoted and when, by managedFields |
| GateOpened | the first execution of wave 2, where the gate is on record as passed |
| Paused, AwaitingPromotion | waitingSince while it lasts; else the event, for an hour |
| Resumed | the event, for an hour |
| Completed, Failed, Canceled, RolledBack | completedAt of the deployment |
| NodeFailed, FellBack | the execution's end, the next one's creation; with the node's name |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from wavegate.cli.output import ago
from wavegate.cli.ownership import set_by
from wavegate.cli.report.history import Chosen
from wavegate.cli.report.model import Mark, Report, Row
from wavegate.cli.rows import event_time
from wavegate.cli.sight import Document, at
from wavegate.domain.times import parse_time

_SAME: Final = 2.0
"""Seconds within which an event and a status tell of the same."""


def with_marks(report: Report, chosen: Chosen, events: Iterable[Document]) -> Report:
    """The report with its decisions. ``events``: of any object; those of others are left out."""
    marks = marks_of(report, chosen, events)
    return replace(report, marks=marks, not_kept=(*report.not_kept, *not_placed(chosen, marks)))


def marks_of(report: Report, chosen: Chosen, events: Iterable[Document]) -> list[Mark]:
    """All that is known, oldest first; what was decided first is told first."""
    found = [*_of_main(report, chosen), *_of_rollback(chosen)]
    found += _of_waiting(chosen, events, found)
    for row in report.rows:
        found += _of_row(row)
    return sorted(found, key=lambda mark: mark.at)


def not_placed(chosen: Chosen, marks: Sequence[Mark]) -> list[str]:
    """What was decided and of which it is not kept when, in sentences."""
    told = []
    for each in chosen.deployments:
        status, name = each.get("status") or {}, each["metadata"]["name"]
        waited = int(status.get("waitedSeconds") or 0)
        if waited and not any(mark.kind in ("Paused", "AwaitingPromotion") for mark in marks):
            told.append(f"{name} waited {ago(waited)} for a person; when is not kept")
        is_promoted = at(each, "spec", "promoted") is True
        if is_promoted and not any(mark.kind == "Promoted" for mark in marks):
            told.append(f"{name} was promoted; by whom and when is not kept")
    return told


def _of_main(report: Report, chosen: Chosen) -> list[Mark]:
    main = chosen.main
    status = main.get("status") or {}
    found = []
    if (started := parse_time(status.get("startedAt"))) is not None:
        found.append(Mark(started, "Started", f"v{report.version} starts"))
    found += _of_gate(report, status)
    by = set_by(main, "promoted") if at(main, "spec", "promoted") else None
    if by is not None and (moment := parse_time(by[1])) is not None:
        found.append(Mark(moment, "Promoted", "promoted", f"by {by[0]}"))
    ended = parse_time(status.get("completedAt"))
    if ended is None:
        return found
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    match status.get("state"):
        case "Completed":
            text = "completed" if reason in ("", "Completed") else f"completed: {reason}"
            found.append(Mark(ended, "Completed", text, message))
        case "Failed" if reason == "CanaryFailed":
            found.append(Mark(ended, "CanaryFailed", "canary refused", message))
        case "Failed":
            found.append(Mark(ended, "Failed", f"failed: {reason}", message))
        case "Canceled":
            text = "canceled" if reason in ("", "Canceled") else f"canceled: {reason}"
            found.append(Mark(ended, "Canceled", text, message))
    return found


def _of_gate(report: Report, status: Document) -> list[Mark]:
    canaries = [row for wave in report.waves if wave.is_canary for row in wave.rows]
    if not canaries:
        return []
    found = []
    stable = [_stable(row, report.version) for row in canaries]
    known = [each for each in stable if each is not None]
    # A canary that was withdrawn has no verdict, and the gate needs none of it.
    if known and (status.get("canaryPromoted") or len(known) == len(canaries)):
        text = "canary stable" if len(known) == 1 else f"{len(known)} canaries stable"
        found.append(Mark(max(known), "CanaryStable", text))
    later = [
        part.since
        for wave in report.waves
        if wave.number > 1
        for row in wave.rows
        for part in row.segments
        if part.state == "Pending" and part.version == report.version
    ]
    if status.get("canaryPromoted") and later:
        found.append(Mark(min(later), "GateOpened", "gate opened"))
    return found


def _stable(row: Row, version: int) -> float | None:
    for life in row.lives:
        if life.execution["spec"]["jobVersion"] == version and life.stable is not None:
            return life.stable
    return None


def _of_rollback(chosen: Chosen) -> list[Mark]:
    if chosen.rollback is None:
        return []
    status = chosen.rollback.get("status") or {}
    goes_to = f"v{at(status, 'resolved', 'toVersion') or '?'}"
    found = []
    if (started := parse_time(status.get("startedAt"))) is not None:
        found.append(Mark(started, "RollbackStarted", f"rollback to {goes_to}"))
    if (ended := parse_time(status.get("completedAt"))) is not None:
        is_back = status.get("state") == "Completed"
        text = f"back on {goes_to}" if is_back else f"rollback {str(status.get('state')).lower()}"
        kind = "RolledBack" if is_back else str(status.get("state"))
        found.append(Mark(ended, kind, text, str(status.get("message") or "")))
    return found


def _of_waiting(chosen: Chosen, events: Iterable[Document], others: Sequence[Mark]) -> list[Mark]:
    found = []
    for each in chosen.deployments:
        status = each.get("status") or {}
        since = parse_time(status.get("waitingSince"))
        if since is not None:
            found.append(_pause(since, str(status.get("message") or "")))
    names = {each["metadata"]["name"] for each in chosen.deployments}
    promoted = [mark.at for mark in others if mark.kind == "Promoted"]
    for event in events:
        moment, reason = parse_time(event_time(event)), event.get("reason")
        if at(event, "regarding", "name") not in names or moment is None:
            continue
        words = str(event.get("note") or "").partition(": ")[2]
        known = [mark.at for mark in found]
        if reason == "RolloutPaused" and not _is_near(moment, known):
            found.append(_pause(moment, words))
        elif reason == "RolloutResumed" and not _is_near(moment, promoted):
            found.append(Mark(moment, "Resumed", "goes on", words))
    return found


def _pause(moment: float, words: str) -> Mark:
    if "promoted" in words:
        return Mark(moment, "AwaitingPromotion", "waits for promotion", words)
    return Mark(moment, "Paused", "paused", words)


def _is_near(moment: float, others: Sequence[float]) -> bool:
    return any(abs(moment - each) <= _SAME for each in others)


def _of_row(row: Row) -> list[Mark]:
    found = []
    for number, life in enumerate(row.lives):
        later = row.lives[number + 1] if number + 1 < len(row.lives) else None
        if life.state != "Failed" or life.ended is None:
            continue
        name = f"v{life.execution['spec']['jobVersion']}"
        words = str(at(life.execution, "status", "observedState", "message") or "")
        found.append(Mark(life.ended, "NodeFailed", f"{name} failed", words, row.node))
        if later is not None:
            back = f"v{later.execution['spec']['jobVersion']}"
            if back != name:
                found.append(Mark(later.made, "FellBack", f"fell back to {back}", "", row.node))
    if not row.lives:
        for part in row.segments:
            if part.state == "Failed":
                text = f"v{part.version} failed"
                found.append(Mark(part.since, "NodeFailed", text, part.message, row.node))
    return found
