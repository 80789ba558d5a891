"""Call backs: what an endpoint that answered 202 may still say of its attempt, and until when.

An attempt whose call was answered 202 waits, whatever becomes of the process that called:

| silent for | since its begin | the attempt |
| --- | --- | --- |
| less than heartbeatTimeout | less than completionTimeout | waits |
| heartbeatTimeout | less than completionTimeout | Crashed |
| anything | completionTimeout | TimedOut |

Silence counts from the 202, from the last heartbeat, and at the earliest from when this process
began to lead: what another one heard, it may not know.

What is answered to a call back that has the attempt's token. The first of complete and fail counts:

| the attempt | complete | fail | heartbeat |
| --- | --- | --- | --- |
| is called or waits | Taken | Taken | Taken |
| called back Completed | Repeated | Conflict | Over |
| called back Failed | Conflict | Repeated | Over |
| ended otherwise | Over | Over | Over |

Without it the answer is Refused, whatever else is known: who has no token learns nothing of runs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from wavegate.api.attempt import CallbackOutcome
from wavegate.api.durations import format_duration
from wavegate.api.httpjob import COMPLETION_TIMEOUT, HEARTBEAT_TIMEOUT, Http
from wavegate.domain.times import format_time, format_time_micro

Verb = Literal["complete", "fail", "heartbeat"]
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
Standing = Literal["Taken", "Repeated", "Conflict", "Over", "Refused"]

OUTCOMES: Final[Mapping[Verb, CallbackOutcome]] = {"complete": "Completed", "fail": "Failed"}
"""What a verb that ends the attempt says of it."""

RECORD_EVERY: Final = 10.0
"""Seconds between two heartbeats of a run that are put on record, or a third of its
heartbeatTimeout where that is longer."""

_NONE: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class CallbackView:
    """What is on record of an attempt's call back. Times are epoch seconds, durations seconds."""

    token_hash: str = ""
    heartbeat_timeout: float = HEARTBEAT_TIMEOUT
    deadline: float | None = None
    accepted: float | None = None
    """When its call was answered 202."""
    heartbeat: float | None = None
    outcome: CallbackOutcome | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """An attempt of which nobody waits for a call back any more."""

    outcome: Literal["Crashed", "TimedOut"]
    message: str


def hash_of(uid: str, attempt: int, token: str) -> str:
    """By which the token of that attempt of the run is known again: it cannot be found from it."""
    return hashlib.sha256(f"{uid}/{attempt}/{token}".encode(errors="replace")).hexdigest()


def begun(http: Http, now: float) -> dict[str, Any] | None:
    """What is put on record of an attempt that begins now; the token's hash is still to come.

    None: its job is none of those whose endpoint calls back.
    """
    if http.completion != "Async":
        return None
    longest = http.completion_timeout or COMPLETION_TIMEOUT
    return {
        "heartbeatTimeout": format_duration(http.heartbeat_timeout or HEARTBEAT_TIMEOUT),
        "deadline": format_time_micro(now + longest),
    }


def due(view: CallbackView, heard: float | None, leads_since: float) -> float:
    """When an attempt that was accepted is overdue (epoch seconds), by what is known now."""
    signs = (view.accepted, view.heartbeat, heard)
    silent_since = max(leads_since, *(sign for sign in signs if sign is not None))
    end = silent_since + view.heartbeat_timeout
    return end if view.deadline is None else min(end, view.deadline)


def overdue(
    view: CallbackView, heard: float | None, leads_since: float, now: float
) -> Overdue | None:
    """Why an accepted attempt is not waited for any more; None: it is."""
    if view.deadline is not None and view.deadline <= now:
        return Overdue("TimedOut", f"not called back by {format_time(view.deadline)}")
    if due(view, heard, leads_since) <= now:
        silence = format_duration(view.heartbeat_timeout)
        return Overdue("Crashed", f"no call back and no heartbeat within {silence}")
    return None


def is_to_be_recorded(view: CallbackView, heard: float) -> bool:
    """Whether a heartbeat is put on record: few of them are, lest each costs a write."""
    if view.accepted is None:
        return False
    every = max(RECORD_EVERY, view.heartbeat_timeout / 3)
    return heard - max(view.accepted, view.heartbeat or 0.0) >= every


def standing(
    view: CallbackView | None, uid: str, attempt: int, executes: bool, verb: Verb, token: str
) -> Standing:
    """What is answered to a call back of the run's attempt that is on record last.

    ``executes``: whether that attempt has not ended. Compares in a time that says nothing of how
    much of the token is right.
    """
    known = view.token_hash if view is not None else ""
    is_own = hmac.compare_digest(known or _NONE, hash_of(uid, attempt, token))
    if view is None or not is_own:
        return "Refused"
    if executes:
        return "Taken"
    if view.outcome is None or verb == "heartbeat":
        return "Over"
    return "Repeated" if OUTCOMES[verb] == view.outcome else "Conflict"
