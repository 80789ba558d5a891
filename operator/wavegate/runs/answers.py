"""Answers: what the end of a call means for its run.

A call ends with one word, its outcome. Where there was an answer, its status and headers say it:

| answer | outcome | tried again |
| --- | --- | --- |
| 2xx | Completed | no |
| of an Async job 202 | Accepted | no |
| 408, 425, 429, 5xx but 501 and 505 | Unavailable | yes |
| the same with ``X-Run-Non-Retryable: true`` | Rejected | no |
| anything else; 3xx too, as redirects are not followed | Rejected | no |

What the outcome makes of the run, by the attempts that it has in all and has left:

| outcome | left | none left, of several | the only one |
| --- | --- | --- | --- |
| Completed | Completed | Completed | Completed |
| Accepted | Executing | Executing | Executing |
| Unavailable | Queued | DeadLetter | Failed |
| TimedOut | Queued | DeadLetter | TimedOut |
| Crashed | Queued | DeadLetter | Crashed |
| ConnectFailed, DnsFailed, TlsFailed, Reset | Queued | DeadLetter | SystemFailed |
| Rejected, AnswerTooLarge, BadAnswer | Failed | Failed | Failed |
| AddressRefused, SourceUnreadable, Fault | SystemFailed | SystemFailed | SystemFailed |
| CallbacksOff | SystemFailed | SystemFailed | SystemFailed |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal, get_args

from wavegate.api.jobrun import Phase
from wavegate.runs.retry import LONGEST_RETRY_AFTER

Outcome = Literal[
    "Completed",
    "Accepted",
    "Rejected",
    "Unavailable",
    "AnswerTooLarge",
    "BadAnswer",
    "TimedOut",
    "Crashed",
    "ConnectFailed",
    "DnsFailed",
    "TlsFailed",
    "Reset",
    "AddressRefused",
    "SourceUnreadable",
    "CallbacksOff",
    "Fault",
]
"""How a call ended, which is also the class of the run's last error.

``Accepted``: the endpoint calls back. ``AnswerTooLarge``: a 2xx whose body is not read to its end.
``BadAnswer``: what came is no HTTP.
``Reset``: the connection closed before the answer was complete. ``Crashed``: the process that
called is gone, or the endpoint that was to call back is silent. ``AddressRefused``: the address is
none that may be called. ``SourceUnreadable``: a Secret or ConfigMap that the call needs cannot be
read, or lacks the key. ``CallbacksOff``: the endpoint is to call back, and this operator takes no
call backs. ``Fault``: of the operator's own.
"""

PassOutcome = Literal["NodesFailed", "RolloutCanceled", "NameTaken", "VersionMissing"]
"""How else a pass over nodes ended (see nodes)."""

AttemptOutcome = Outcome | PassOutcome

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

RETRYABLE: Final[frozenset[Outcome]] = frozenset(
    {"Unavailable", "TimedOut", "Crashed", "ConnectFailed", "DnsFailed", "TlsFailed", "Reset"}
)
"""Outcomes after which another attempt may succeed."""

NON_RETRYABLE_HEADER: Final = "X-Run-Non-Retryable"
RETRY_AFTER_HEADER: Final = "Retry-After"
ACCEPTED: Final = 202

_UNAVAILABLE: Final = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}

_ENDS_AS: Final[Mapping[AttemptOutcome, Phase]] = {
    "Completed": "Completed",
    "Accepted": "Executing",
    "Rejected": "Failed",
    "Unavailable": "Failed",
    "AnswerTooLarge": "Failed",
    "BadAnswer": "Failed",
    "TimedOut": "TimedOut",
    "Crashed": "Crashed",
    "ConnectFailed": "SystemFailed",
    "DnsFailed": "SystemFailed",
    "TlsFailed": "SystemFailed",
    "Reset": "SystemFailed",
    "AddressRefused": "SystemFailed",
    "SourceUnreadable": "SystemFailed",
    "CallbacksOff": "SystemFailed",
    "Fault": "SystemFailed",
    "NodesFailed": "Failed",
    "RolloutCanceled": "Failed",
    "NameTaken": "SystemFailed",
    "VersionMissing": "SystemFailed",
}
"""What a run is that ends as its attempt did: Failed where the endpoint answered."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """What an answer means. ``retry_after``: seconds from now that it asks to wait, if any."""

    outcome: Outcome
    retryable: bool
    retry_after: float | None = None


def judge(
    status: int, headers: Mapping[str, str], now: float, *, is_async: bool = False
) -> Judgment:
    """What an answer means by its status and its headers, whose names may have any case.

    ``now``: epoch seconds. Retry-After is seconds or an HTTP date, at most an hour; what is
    neither is ignored, as it is in an answer after which the run is not tried again.
    """
    if is_async and status == ACCEPTED:
        return Judgment("Accepted", retryable=False)
    if 200 <= status < 300:
        return Judgment("Completed", retryable=False)
    final = _header(headers, NON_RETRYABLE_HEADER).lower() == "true"
    if status not in _UNAVAILABLE or final:
        return Judgment("Rejected", retryable=False)
    asked = _seconds(_header(headers, RETRY_AFTER_HEADER), now)
    return Judgment("Unavailable", retryable=True, retry_after=asked)


def phase_after(outcome: AttemptOutcome, retryable: bool, attempt: int, max_attempts: int) -> Phase:
    """The phase of a run whose attempt (from 1) ended so, of ``max_attempts`` in all."""
    if retryable and attempt < max_attempts:
        return "Queued"
    if retryable and max_attempts > 1:
        return "DeadLetter"
    return _ENDS_AS[outcome]


def _header(headers: Mapping[str, str], name: str) -> str:
    found = (value for key, value in headers.items() if key.lower() == name.lower())
    return next(found, "").strip()


def _seconds(asked: str, now: float) -> float | None:
    # Only ASCII: float() refuses some of the others. And int() refuses very many digits.
    if asked.isascii() and asked.isdigit():
        return min(LONGEST_RETRY_AFTER, float(asked))
    try:
        moment = parsedate_to_datetime(asked)
        # An HTTP date is UTC, also in the old spelling that does not say so.
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return max(0.0, min(LONGEST_RETRY_AFTER, wait))
