"""HTTPJobs and their runs in a few words: the dictionaries that ``-o json`` prints, and lines.

Their keys stay; times are as the API server writes them, empty where there is none.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final

from wavegate.cli.output import ago
from wavegate.cli.rows import age
from wavegate.cli.sight import Document, at
from wavegate.domain.times import format_time, parse_time

RUN_HEAD: Final = ("NAME", "JOB", "PHASE", "ATTEMPT", "BY", "AGE", "TOOK")
RUN_HEAD_WIDE: Final = (*RUN_HEAD, "MESSAGE")
DEAD_HEAD: Final = ("NAME", "JOB", "ATTEMPTS", "ENDED", "LAST ERROR")
HTTP_JOB_HEAD: Final = ("NAME", "STATE", "VERSION", "SCHEDULE", "NEXT", "QUEUED", "EXECUTING")
HTTP_JOB_HEAD_WIDE: Final = (*HTTP_JOB_HEAD, "MESSAGE")

_TIMES: Final = (
    "scheduledTime",
    "startTime",
    "nextRetryTime",
    "expirationTime",
    "completionTime",
)


def run_summary(run: Document) -> Document:
    """A run: ``runs list -o json`` has a list of these."""
    metadata, spec, status = run["metadata"], run["spec"], run.get("status") or {}
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "jobKind": job_kind(run),
        "job": spec["jobName"],
        "phase": status.get("phase") or "Queued",
        "reason": status.get("reason", ""),
        "message": status.get("message", ""),
        "attempt": status.get("attempt", 0),
        "version": status.get("version", 0),
        "triggeredBy": status.get("triggeredBy", ""),
        "priority": spec.get("priority", 0),
        "concurrencyKey": spec.get("concurrencyKey", ""),
        "idempotencyKey": spec.get("idempotencyKey", ""),
        "creationTime": metadata.get("creationTimestamp", ""),
        "notBefore": spec.get("notBefore", ""),
        **{time: status.get(time, "") for time in _TIMES},
        "lastError": {
            "class": at(status, "lastError", "class") or "",
            "httpStatus": at(status, "lastError", "httpStatus") or 0,
            "message": at(status, "lastError", "message") or "",
        },
    }


def job_kind(run: Document) -> str:
    """Kind of a run's job: an HTTPJob where nothing is said."""
    return str(run["spec"].get("jobKind") or "HTTPJob")


def _job(told: Document) -> str:
    """A run's job as commands take it."""
    return f"fj/{told['job']}" if told["jobKind"] == "FleetJob" else str(told["job"])


def run_details(run: Document) -> Document:
    """All that is known of a run: what ``runs get -o json`` prints."""
    spec, status = run["spec"], run.get("status") or {}
    return {
        **run_summary(run),
        "replayOf": spec.get("replayOf", ""),
        "parentRun": spec.get("parentRun", ""),
        "continuationOf": spec.get("continuationOf", ""),
        "lineageDepth": status.get("lineageDepth", 0),
        "duplicateOf": status.get("duplicateOf", ""),
        "canceled": bool(spec.get("canceled")),
        "holder": status.get("holder", ""),
        "callback": {
            name: at(status, "callback", name) or ""
            for name in ("acceptedTime", "heartbeatTime", "deadline", "outcome")
        },
        "metadata": status.get("metadata") or spec.get("metadata") or {},
        "payload": spec.get("payload", ""),
        "trace": status.get("trace") or {},
        "nodes": status.get("nodes") or {},
        "failures": status.get("failures") or [],
        "result": status.get("result", ""),
        "resultSize": status.get("resultSize", 0),
        "resultHash": status.get("resultHash", ""),
        "debug": status.get("debug") or {},
        "webhook": status.get("webhook") or {},
    }


def http_job_summary(job: Document) -> Document:
    """An HTTPJob: an item of httpJobs in ``list -o json``."""
    metadata, status = job["metadata"], job.get("status") or {}
    counts = status.get("runs") or {}
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "state": status.get("state", ""),
        "message": status.get("message", ""),
        "version": status.get("version", 0),
        "schedule": at(job, "spec", "trigger", "schedule", "cron") or "",
        "timeZone": at(job, "spec", "trigger", "timeZone") or "UTC",
        "nextTickTime": at(status, "schedule", "nextTickTime") or "",
        "webhook": status.get("webhook") or {},
        "runs": {
            phase: counts.get(phase, 0) for phase in ("delayed", "queued", "waiting", "executing")
        },
    }


def standing(run: Document) -> str:
    """``Queued (RateLimited): 10 calls may begin within 10 s``."""
    told = run_summary(run)
    words = told["phase"]
    if told["reason"] not in ("", told["phase"]):
        words += f" ({told['reason']})"
    return f"{words}: {told['message']}" if told["message"] else words


def run_row(run: Document, now: float, *, everywhere: bool, wide: bool) -> list[str]:
    """Cells for RUN_HEAD, with the namespace before them and the message behind."""
    told = run_summary(run)
    phase, reason = told["phase"], told["reason"]
    began, ended = parse_time(told["startTime"]), parse_time(told["completionTime"])
    row = [
        told["name"],
        _job(told),
        phase if reason in ("", phase) else f"{phase} ({reason})",
        str(told["attempt"] or "-"),
        told["triggeredBy"] or "-",
        age(told["creationTime"], now),
        ago(round(ended - began)) if began is not None and ended is not None else "-",
    ]
    before = [told["namespace"]] if everywhere else []
    return [*before, *row, *([one_line(told["message"])] if wide else [])]


def dead_row(run: Document, now: float, *, everywhere: bool) -> list[str]:
    """Cells for DEAD_HEAD, with the namespace before them."""
    told = run_summary(run)
    error = told["lastError"]
    row = [
        told["name"],
        _job(told),
        str(told["attempt"]),
        age(told["completionTime"], now),
        one_line(f"{error['class']}: {error['message']}"),
    ]
    return [*([told["namespace"]] if everywhere else []), *row]


def http_job_row(job: Document, now: float, *, everywhere: bool, wide: bool) -> list[str]:
    """Cells for HTTP_JOB_HEAD, with the namespace before them and the message behind."""
    told = http_job_summary(job)
    following = parse_time(told["nextTickTime"])
    row = [
        told["name"],
        told["state"] or "NotSeen",
        f"v{told['version']}" if told["version"] else "-",
        told["schedule"] or "-",
        f"in {ago(following - now)}" if following is not None and following > now else "-",
        str(told["runs"]["delayed"] + told["runs"]["queued"] + told["runs"]["waiting"]),
        str(told["runs"]["executing"]),
    ]
    before = [told["namespace"]] if everywhere else []
    return [*before, *row, *([one_line(told["message"])] if wide else [])]


def moment(text: str, now: float, zone: tzinfo | None = None) -> str:
    """A time in UTC, as a clock in ``zone`` shows it (None: one here), and how far it is.

    ``2026-11-27T02:00:00Z (03:00:00 CET, in 5h)``; with the day where it is another one there.
    """
    seconds = parse_time(text)
    if seconds is None:
        return "not known"
    whole = format_time(seconds)
    far = f"in {ago(seconds - now)}" if seconds > now else f"{ago(now - seconds)} ago"
    local = datetime.fromtimestamp(seconds // 1, UTC).astimezone(zone)
    if not local.utcoffset():
        return f"{whole} ({far})"
    form = "%H:%M:%S %Z" if f"{local:%Y-%m-%d}" == whole[:10] else "%Y-%m-%d %H:%M:%S %Z"
    return f"{whole} ({local.strftime(form)}, {far})"


def one_line(message: str) -> str:
    return " ".join(message.split())
