"""What is said of webhooks: of the delivery of a run, and of an HTTPJob's webhook that is held."""

from __future__ import annotations

from typing import Final

from wavegate.api.names import ANNOTATION_RESUME
from wavegate.cli.sight import Document, at
from wavegate.runs.webhooks import DELAYS

RESUME: Final = (
    "once the receiver wants to be told again: kubectl annotate httpjob {job} {n} --overwrite"
    f' {ANNOTATION_RESUME}="$(date -Is)"'
)
_LET_READ: Final = (
    "make the Secret readable that the message names, or an administrator allows to read Secrets"
)


def delivery(run: Document) -> str:
    """``Pending, attempt 3 of 8 at …: answered 503``; empty where nobody is to be told."""
    told = at(run, "status", "webhook") or {}
    phase, attempts = told.get("phase", ""), told.get("attempts", 0)
    words = str(phase)
    if phase == "Pending":
        words += f", attempt {attempts + 1} of {len(DELAYS) + 1} at {told.get('nextTime', '')}"
    elif phase:
        many = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        words += f" after {many} at {told.get('completionTime', '')}"
    error = at(told, "lastError", "message")
    return f"{words}: {error}" if error and phase != "Delivered" else words


def held(job: Document | None) -> str:
    """Why the job's webhook is told of nothing; empty: it is."""
    told = (job or {}).get("status", {}).get("webhook") or {}
    if not told:
        return ""
    return f"{told.get('phase')} since {told.get('since')}: {told.get('message')}"


def evidence(job: Document | None, run: Document | None = None) -> list[str]:
    """What of webhooks can be held against the operator's words."""
    found = [f"webhook: {words}" for words in [delivery(run) if run else ""] if words]
    waits = run is None or at(run, "status", "webhook", "phase") == "Pending"
    if waits and job is not None and (words := held(job)):
        found.append(f"the webhook of HTTPJob {job['metadata']['name']} is {words}")
    return found


def ways(job: Document | None, run: Document | None = None) -> tuple[str, ...]:
    """What can be done for one that is held, with the names to be filled in."""
    told = (job or {}).get("status", {}).get("webhook") or {}
    if not told or (run is not None and at(run, "status", "webhook", "phase") != "Pending"):
        return ()
    return (RESUME if told.get("phase") == "Paused" else _LET_READ,)
