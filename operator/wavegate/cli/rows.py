"""Rows of tables: a job, a deployment, an event."""

from __future__ import annotations

from typing import Final

from wavegate.cli.output import ago
from wavegate.cli.sight import Document, at, deployment_summary, is_asked, summary
from wavegate.domain.times import parse_time

JOB_HEAD: Final = ("NAME", "STATE", "VERSION", "STABLE", "NODES", "FAILED", "WAVE", "SINCE")
JOB_HEAD_WIDE: Final = (*JOB_HEAD, "MESSAGE")
HISTORY_HEAD: Final = ("VERSION", "DEPLOYMENT", "TYPE", "ENDED", "NODES", "FAILED", "TOOK", "WHEN")
HISTORY_HEAD_WIDE: Final = (*HISTORY_HEAD, "MESSAGE")
EVENT_HEAD: Final = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")


def job_row(job: Document, now: float, *, everywhere: bool, wide: bool) -> list[str]:
    """Cells for JOB_HEAD, with the namespace before them and the message behind."""
    told = summary(job)
    nodes, state = told["nodes"], told["state"] or "NotSeen"
    is_open, rolls_out = state in ("Deploying", "RolloutPaused"), not is_asked(job)
    row = [
        told["name"],
        state if told["reason"] in ("", state) else f"{state} ({told['reason']})",
        f"v{told['version']}" if told["version"] else "-",
        f"v{told['stableVersion']}" if told["stableVersion"] else "-",
        f"{nodes['updated']}/{nodes['desired']}" if rolls_out else "-",
        str(nodes["failed"]) if rolls_out else "-",
        f"{told['wave']}/{told['waves']}" if is_open and told["waves"] else "-",
        age(told["since"], now),
    ]
    before = [told["namespace"]] if everywhere else []
    return [*before, *row, *([_line(told["message"])] if wide else [])]


def history_row(deployment: Document, now: float, *, wide: bool) -> list[str]:
    """Cells for HISTORY_HEAD, with the message behind them."""
    told = deployment_summary(deployment)
    state, reason = told["state"] or "NotSeen", told["reason"]
    ended, started = parse_time(told["completedAt"]), parse_time(told["startedAt"])
    took = ended - started if ended is not None and started is not None else None
    row = [
        f"v{told['toVersion']}" if told["toVersion"] else "-",
        told["name"],
        told["type"],
        state if reason in ("", state, "Progressing") else f"{state} ({reason})",
        f"{told['updatedNodes']}/{told['totalNodes']}",
        str(told["failedNodes"]),
        ago(took) if took is not None else "-",
        age(told["completedAt"] or told["startedAt"], now),
    ]
    return [*row, *([_line(told["message"])] if wide else [])]


def event_document(event: Document) -> Document:
    """An event for programs: ``events -o json`` has a list of these."""
    return {
        "time": event_time(event),
        "type": event.get("type", ""),
        "reason": event.get("reason", ""),
        "object": f"{at(event, 'regarding', 'kind')}/{at(event, 'regarding', 'name')}",
        "message": event.get("note", ""),
        "count": at(event, "series", "count") or 1,
    }


def event_row(event: Document, now: float) -> list[str]:
    """Cells for EVENT_HEAD."""
    told = event_document(event)
    message = _line(told["message"])
    return [age(told["time"], now), told["type"], told["reason"], told["object"], message]


def event_time(event: Document) -> str:
    """When it happened last; times of one length, so that they sort as texts."""
    found = (
        at(event, "series", "lastObservedTime"),
        event.get("eventTime"),
        event.get("deprecatedLastTimestamp"),
        at(event, "metadata", "creationTimestamp"),
    )
    return str(next((each for each in found if each), ""))


def age(moment: str, now: float) -> str:
    """How long ago a time was; ``-`` where it is not known."""
    seconds = parse_time(moment)
    return "-" if seconds is None else ago(now - seconds)


def _line(message: str) -> str:
    return " ".join(message.split())
