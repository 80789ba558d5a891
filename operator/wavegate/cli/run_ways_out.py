"""Who can unblock a run or its HTTPJob, and when it goes on: a line for each reason.

In the texts ``{kind}``, ``{job}``, ``{ref}`` and ``{short}/{job}`` (as commands take
it), ``{run}``, ``{n}`` (``-n NAMESPACE``) and ``{first}`` (the run that stands in the place of this
one) are filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.cli.ways_out import (
    ADMINISTRATOR,
    ITSELF,
    NOBODY,
    NOT_BY_ITSELF,
    OWNER,
    PERSON,
    WayOut,
)

ENDPOINT: Final = "who runs the endpoint"

_CANCEL = "wavegate runs cancel {run} {n} ends it"
_REPLAY = "wavegate runs replay {run} {n} asks for it again"
_ASK = "wavegate trigger {ref} {n} asks for another run"
_FIRST = "wavegate runs get {first} {n} shows the run that stands in its place"
_SEE_ENDPOINT = "make the endpoint answer, or correct spec.http of {kind} {job}"


def over(who: str, *how: str) -> WayOut:
    return WayOut(who, how, "never: a run that has ended does not change", ends=True)


RUN_WAITS: Final[Mapping[str, WayOut]] = {
    "Pending": WayOut(ITSELF, (), "within seconds, once the operator runs"),
    "Executing": WayOut(ITSELF, (_CANCEL,), "with the answer to its call"),
    "CallbackPending": WayOut(
        ENDPOINT,
        (
            "let the endpoint call back complete or fail, or heartbeat while it works",
            "who owns HTTPJob {job} can raise spec.http.heartbeatTimeout, for later attempts",
            _CANCEL,
        ),
        "with the call back of its endpoint",
    ),
    "Scheduled": WayOut(ITSELF, (_CANCEL,), "once the time that was asked for has come"),
    "RetryBackoff": WayOut(ITSELF, (_CANCEL,), "with its next attempt"),
    "ConcurrencyLimit": WayOut(
        ITSELF,
        (
            "wavegate runs cancel RUN {n} ends one that executes",
            "who owns {kind} {job} can raise spec.runs.limits.maxConcurrency",
        ),
        "as soon as a run that executes has ended",
    ),
    "KeyConcurrencyLimit": WayOut(
        ITSELF,
        (
            "wavegate runs cancel RUN {n} ends one of its concurrency key",
            "who owns {kind} {job} can raise spec.runs.limits.maxConcurrencyPerKey",
        ),
        "as soon as a run of its concurrency key has ended",
    ),
    "RateLimited": WayOut(
        ITSELF,
        ("who owns {kind} {job} can raise spec.runs.limits.rate",),
        "in its turn, with a call that the rate grants",
    ),
    "PoolLimited": WayOut(
        ITSELF,
        ("who owns the RateLimitPool that the message names can raise its spec.max",),
        "in its turn among the jobs that share the pool",
    ),
    "PoolMissing": WayOut(
        OWNER,
        (
            "create the RateLimitPool that the message names",
            "or take its name out of spec.runs.limits.pools of {kind} {job}",
            _CANCEL,
        ),
        f"{NOT_BY_ITSELF}: as soon as the pool is there",
    ),
    "PoolInvalid": WayOut(
        OWNER,
        (
            "correct the RateLimitPool that the message names",
            "or take its name out of spec.runs.limits.pools of {kind} {job}",
            _CANCEL,
        ),
        f"{NOT_BY_ITSELF}: as soon as the pool is corrected",
    ),
    "DependencyPending": WayOut(
        ITSELF,
        (
            "wavegate trigger JOB {n} asks for a run of the HTTPJob that the message names",
            "who owns {kind} {job} can change spec.trigger.dependsOn",
            _CANCEL,
        ),
        "once the latest run of each job that it depends on is as asked for",
    ),
    "DependencyMissing": WayOut(
        OWNER,
        (
            "create the HTTPJob that the message names",
            "or take its name out of spec.trigger.dependsOn of {kind} {job}",
            _CANCEL,
        ),
        f"{NOT_BY_ITSELF}: as soon as that job is there and has run",
    ),
    "DependencyCycle": WayOut(
        OWNER,
        ("take one of the jobs that the message names out of spec.trigger.dependsOn", _CANCEL),
        f"{NOT_BY_ITSELF}: once they depend on each other in a circle no more",
    ),
    "OutsideWindow": WayOut(
        ITSELF,
        ("who owns {kind} {job} can change spec.trigger.windows", _CANCEL),
        "once a window of its job opens",
    ),
    "JobSuspended": WayOut(
        OWNER,
        ("wavegate enable {ref} {n}", _CANCEL),
        f"{NOT_BY_ITSELF}: once spec.suspend of its job is off",
    ),
    "CircuitOpen": WayOut(
        ENDPOINT,
        ("make the endpoint that the message names answer; one call at a time tries it",),
        "as soon as a call that tries it has succeeded",
    ),
    "OperatorBusy": WayOut(
        ITSELF,
        ("an administrator can give the operator a higher --calls",),
        "as soon as another call has ended",
    ),
    "JobMissing": WayOut(
        OWNER, ("apply {kind} {job}", _CANCEL), f"{NOT_BY_ITSELF}: once its job is there"
    ),
    "JobInvalid": WayOut(
        OWNER,
        ("correct {kind} {job}: wavegate why {short}/{job} {n} says what is wrong", _CANCEL),
        f"{NOT_BY_ITSELF}: once its job is corrected",
    ),
}
"""By the reason of a run that has not ended."""

RUN_ENDS: Final[Mapping[str, WayOut]] = {
    "Completed": over(NOBODY),
    # how the last call ended
    "Rejected": over(OWNER, "correct what the endpoint refuses", _ASK, _REPLAY),
    "Unavailable": over(ENDPOINT, "make the endpoint well", _REPLAY),
    "TimedOut": over(
        ENDPOINT,
        "make the endpoint faster, or raise spec.http.timeout of {kind} {job}; where it is Async,"
        " its completionTimeout",
        _REPLAY,
    ),
    "AnswerTooLarge": over(
        ENDPOINT, "let the endpoint answer with at most 1 MiB; its work may be done", _REPLAY
    ),
    "BadAnswer": over(ENDPOINT, "let the endpoint answer as HTTP has it", _REPLAY),
    "ConnectFailed": over(ENDPOINT, _SEE_ENDPOINT, _REPLAY),
    "DnsFailed": over(OWNER, "correct the host in spec.http of {kind} {job}", _REPLAY),
    "TlsFailed": over(ENDPOINT, "give the endpoint a certificate that holds", _REPLAY),
    "Reset": over(ENDPOINT, _SEE_ENDPOINT, _REPLAY),
    "Crashed": over(
        OWNER, "see whether the endpoint has done the work: the call may have arrived", _REPLAY
    ),
    "AddressRefused": over(
        OWNER,
        "correct spec.http of {kind} {job}: that address is none that may be called",
        "or an administrator allows it, by options of the operator",
        _REPLAY,
    ),
    "SourceUnreadable": over(
        OWNER, "make the Secret, ConfigMap or run readable that the message names", _REPLAY
    ),
    "CallbacksOff": over(
        ADMINISTRATOR,
        "let the operator take call backs: callbacks.enabled of the chart, or --callback-url",
        "or set spec.http.completion of {kind} {job} to Sync",
        _REPLAY,
    ),
    "Fault": over(ADMINISTRATOR, "look into the operator's log, and report it", _REPLAY),
    # ended before its end
    "Canceled": over(PERSON, _REPLAY),
    "Expired": over(OWNER, "raise spec.runs.ttl of {kind} {job}", _REPLAY),
    "Replaced": over(NOBODY),
    # refused
    "InvalidSpec": over(OWNER, "correct the field that the message names", _ASK),
    "PayloadInvalid": over(
        OWNER, "give a payload that meets spec.runs.payloadSchema of {kind} {job}", _ASK
    ),
    "DuplicateKey": over(NOBODY, _FIRST, "another --key asks for another run"),
    "KeyReused": over(OWNER, _FIRST, "give each payload a --key of its own", _ASK),
    "LineageTooDeep": over(
        OWNER, "stop the endpoint from asking for runs in a circle, or let one do more", _ASK
    ),
    "Duplicate": over(
        NOBODY,
        _FIRST,
        "who owns {kind} {job} can shorten spec.runs.dedupWindow",
    ),
    "QueueFull": over(
        OWNER,
        "wavegate why {short}/{job} {n} says what the runs before it wait for",
        "raise spec.runs.limits.maxQueued of {kind} {job}",
        _REPLAY,
    ),
    "RateLimited": over(
        OWNER,
        "raise spec.runs.limits.rate of {kind} {job}, or set its onLimit to Queue",
        _REPLAY,
    ),
    "VersionMissing": over(
        OWNER, f"{_REPLAY}, by the newest version", "keep more by spec.revisionHistoryLimit"
    ),
}
"""By the reason of a run that has ended."""

_TRIGGER = "wavegate trigger {ref} {n} asks for a run"

JOB_WAYS: Final[Mapping[str, WayOut]] = {
    "Pending": WayOut(ITSELF, (), "within seconds, once the operator runs"),
    "Active": WayOut(NOBODY, (_TRIGGER,), "with the next run that is asked for", ends=True),
    "Suspended": WayOut(
        OWNER, ("wavegate enable {ref} {n}",), f"{NOT_BY_ITSELF}: once spec.suspend is off"
    ),
    "Invalid": WayOut(
        OWNER,
        ("correct the field that the message names; until then no run starts",),
        f"{NOT_BY_ITSELF}: once it is corrected",
    ),
}
"""By the state of an HTTPJob; Pending: the operator has not seen its spec yet."""
