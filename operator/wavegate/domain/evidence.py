"""Evidence: what is known of a failure, in words and as facts.

Text of third parties is bounded and cleaned of control characters before it is kept.
"""

from __future__ import annotations

import re
from typing import Final

from wavegate.domain.health import Criteria, HealthRecord, Window, WindowResult
from wavegate.domain.observed import Exit, PodView

LONGEST_LINE = 256

WINDOWS: Final = "windows"
"""The fact that has an execution's last windows."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ERROR = re.compile(r"\b(error|fatal|panic|exception)\b", re.IGNORECASE)
_QUIET_WAITS = ("", "ContainerCreating", "PodInitializing")


def clean(text: str, longest: int = LONGEST_LINE) -> str:
    """One line of at most ``longest`` characters, without control characters."""
    return _CONTROL.sub(" ", _ANSI.sub("", text)).strip()[:longest]


def last_line(message: str) -> str:
    """The last line that speaks of an error; the last one that says something where none does."""
    lines = [cleaned for line in message.splitlines() if (cleaned := clean(line))]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors or lines or [""])[-1]


def of_exit(ended: Exit) -> str:
    said = last_line(ended.message)
    words = f"container {ended.container} ended with exit code {ended.exit_code}"
    if ended.reason and ended.reason not in ("Error", "Completed"):
        words += f" ({clean(ended.reason)})"
    return f"{words}: {said}" if said else words


def of_pod(pod: PodView) -> str:
    """Why a pod is not well, in the words of whoever knows best."""
    if pod.exit is not None and (pod.terminal or not pod.ready) and pod.exit.exit_code != 0:
        return of_exit(pod.exit)
    if pod.terminal:
        return clean(pod.message) or clean(pod.reason) or f"its pod ended ({pod.phase})"
    return hindrance(pod) or "its pod is not ready"


def hindrance(pod: PodView) -> str:
    """What keeps a pod from starting; empty where nothing is known to."""
    if pod.exit is not None and pod.exit.exit_code != 0 and not pod.ready:
        return of_exit(pod.exit)
    if not pod.scheduled and pod.scheduling_message:
        return f"not scheduled: {clean(pod.scheduling_message)}"
    if pod.waiting_reason not in _QUIET_WAITS:
        return f"{clean(pod.waiting_reason)}: {clean(pod.waiting_message)}".rstrip(": ")
    return ""


def details(reason: str, pod: PodView | None) -> dict[str, str]:
    """Facts for status.details."""
    facts = {"reason": reason}
    if pod is None:
        return facts
    if pod.exit is not None and pod.exit.exit_code != 0:
        facts["exitCode"] = str(pod.exit.exit_code)
        facts["component"] = pod.exit.container
        if line := last_line(pod.exit.message):
            facts["lastLogLine"] = line
    elif pod.waiting_reason not in _QUIET_WAITS:
        facts["hint"] = clean(pod.waiting_reason)
    return facts


def of_bad_window(window: WindowResult, pod: PodView | None) -> str:
    """What was wrong in a window; how the container last ended, where the pod was at fault."""
    ended = pod.exit if pod is not None else None
    if window.verdict is not Window.BAD or window.rate is not None or ended is None:
        return window.why
    return f"{window.why}; {of_exit(ended)}" if ended.exit_code != 0 else window.why


def of_window(reason: str, window: WindowResult, criteria: Criteria) -> dict[str, str]:
    """The facts of a window, with the limit it was held against."""
    facts = {"reason": reason}
    if window.rate is not None:
        facts["errors"] = f"{window.errors:g}"
        facts["total"] = f"{window.total:g}"
        facts["rate"] = f"{window.rate:.4f}"
        facts["limit"] = f"{criteria.max_error_rate:g}"
    return facts


def of_windows(record: HealthRecord) -> dict[str, str]:
    """The fact of the windows that a verdict rests on, oldest first; none where none was closed.

    Each is its verdict, and errors/total where they were read: ``good 0/100, bad 33/100``.
    """
    told = ", ".join(_window(each) for each in record.recent)
    return {WINDOWS: told} if told else {}


def _window(window: WindowResult) -> str:
    if window.rate is None:
        return window.verdict.value
    return f"{window.verdict.value} {window.errors:g}/{window.total:g}"
