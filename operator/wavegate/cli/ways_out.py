"""Who can unblock what, and when it goes on: a line for each reason that the operator gives.

In the texts ``{job}``, ``{n}`` (``-n NAMESPACE``) and ``{version}`` are filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ITSELF: Final = "nobody has to: it goes on by itself"
NOBODY: Final = "nobody has to"
PERSON: Final = "a person"
OWNER: Final = "who owns the job"
ADMINISTRATOR: Final = "an administrator"


@dataclass(frozen=True, slots=True)
class WayOut:
    """``who`` can unblock it and ``how``; ``then`` is when it acts next, in words."""

    who: str
    how: tuple[str, ...]
    then: str
    ends: bool = False
    """Whether it waits for nothing any more: it has ended, or all is well."""


_PROMOTE = (
    "wavegate promote {job} {n}",
    "wavegate cancel {job} {n} ends it: each node keeps what it has",
)
_STOPPABLE = (
    "wavegate pause {job} {n} takes no further node",
    "wavegate cancel {job} {n} ends it: each node keeps what it has",
)
_TRY_AGAIN = (
    "change the spec: a new version rolls out",
    "wavegate restart {job} --to-version {version} {n} tries the same one again",
)
_NODES = (
    "label, uncordon or repair a node",
    "or whoever owns FleetJob {job} changes spec.selector",
)
_AGAIN = ("delete it and make it again as its message says",)
_WAIT = "as soon as what it waits for has come"
NOT_BY_ITSELF: Final = "not by itself"
_ONCE = f"{NOT_BY_ITSELF}: once one of these is done"
_WELL = "with the next change of the spec or of a node"


def _ended(how: tuple[str, ...], who: str = OWNER) -> WayOut:
    return WayOut(who, how, NOT_BY_ITSELF, ends=True)


WAYS_OUT: Final[Mapping[str, WayOut]] = {
    # goes on by itself
    "Pending": WayOut(ITSELF, (), "within seconds, once the operator runs"),
    "Deploying": WayOut(ITSELF, _STOPPABLE, _WAIT),
    "Progressing": WayOut(ITSELF, _STOPPABLE, _WAIT),
    "RollingBack": WayOut(ITSELF, ("wavegate cancel {job} {n} ends the way back",), _WAIT),
    "CatchingUp": WayOut(ITSELF, (), _WAIT),
    "Stopping": WayOut(ITSELF, (), "once the last pod has stopped"),
    "WaitingForRollback": WayOut(
        ITSELF, ("wavegate cancel {job} {n} ends the rollback",), "once the rollback has ended"
    ),
    "AskedOnly": WayOut(
        NOBODY,
        ("wavegate trigger fj/{job} {n} asks for a run", "wavegate runs list fj/{job} {n}"),
        "with the next run that is asked for",
        ends=True,
    ),
    "OfRun": WayOut(
        NOBODY,
        (
            "wavegate why jr/{job} {n} says what became of its run",
            "wavegate runs replay {job} {n} asks for that again, once it has ended",
        ),
        "only with another attempt of its run: never, once that is over",
        ends=True,
    ),
    "RunCanceled": WayOut(
        NOBODY, ("wavegate runs get {job} {n} shows its run",), "never: that run is over", ends=True
    ),
    # waits for somebody
    "AwaitingPromotion": WayOut(
        PERSON, _PROMOTE, f"{NOT_BY_ITSELF}: once it is promoted or canceled"
    ),
    "Paused": WayOut(
        PERSON,
        ("wavegate resume {job} {n}", _STOPPABLE[1]),
        f"{NOT_BY_ITSELF}: once it is resumed",
    ),
    "PausedByTheJob": WayOut(
        OWNER,
        ("set spec.rollout.paused of FleetJob {job} to false", _STOPPABLE[1]),
        f"{NOT_BY_ITSELF}: once it is resumed",
    ),
    "Suspended": WayOut(
        OWNER, ("wavegate unsuspend {job} {n}",), f"{NOT_BY_ITSELF}: once spec.suspend is off"
    ),
    "Stopped": WayOut(
        OWNER,
        ("wavegate restart {job} {n}", "or change the workload or the rollout section"),
        _ONCE,
    ),
    "Held": WayOut(
        OWNER,
        ("change the workload or the rollout section of the spec", "wavegate restart {job} {n}"),
        _ONCE,
    ),
    "WentBackByHand": WayOut(
        OWNER,
        (
            "change the workload or the rollout section of the spec",
            "wavegate restart {job} --to-version N {n} goes to another version",
        ),
        _ONCE,
    ),
    "FailedWorkload": WayOut(OWNER, _TRY_AGAIN, _ONCE),
    "JobMissing": WayOut(
        OWNER, ("apply the FleetJob that it names",), f"{NOT_BY_ITSELF}: once that is there"
    ),
    # waits for nodes
    "NoTargets": WayOut(ADMINISTRATOR, _NODES, "with the first node that can be used"),
    "NoMatchingNodes": WayOut(ADMINISTRATOR, _NODES, "with the first node that can be used"),
    "Queued": WayOut(ADMINISTRATOR, _NODES, "with the first node that can be used"),
    "NoCanary": WayOut(
        ADMINISTRATOR,
        ("label a node that is to be a canary, or change spec.rollout.canarySelector",),
        f"{NOT_BY_ITSELF}: with the first node that can be a canary",
    ),
    "Lost": WayOut(ADMINISTRATOR, ("repair the node, or delete its Node",), _ONCE),
    "NodeAway": WayOut(
        ADMINISTRATOR,
        ("repair the node, or delete its Node", *_STOPPABLE),
        "as soon as it is back",
    ),
    # waits for what is around it
    "MetricsUnreadable": WayOut(
        ADMINISTRATOR,
        ("open the way to the address that the message names, or correct the port and path",),
        "with each window",
    ),
    "SourceNotConfigured": WayOut(
        ADMINISTRATOR,
        (
            "give the operator --prometheus-source of that name",
            "or whoever owns the job corrects spec.rollout.healthCheck.errorRate.prometheus.source",
        ),
        _ONCE,
    ),
    "TemplateRefused": WayOut(
        OWNER,
        ("change spec.template, or what refuses it, which the message quotes",),
        "tried every 30 s, in vain until one of these is done",
    ),
    "ConfigTooLarge": WayOut(OWNER, ("make spec.config smaller",), _ONCE),
    "InvalidSpec": WayOut(
        OWNER,
        ("correct the field that the message names; until then what ran goes on",),
        f"{NOT_BY_ITSELF}: once it is corrected",
    ),
    "VersionMissing": WayOut(OWNER, ("change the spec", "wavegate cancel {job} {n}"), _ONCE),
    "Stranger": WayOut(
        ADMINISTRATOR,
        ("see whose it is; then delete it or take the label off it",),
        f"{NOT_BY_ITSELF}: once it is gone",
    ),
    "NameTaken": WayOut(ITSELF, (), "once the object of that name is gone"),
    "CordonForbidden": WayOut(
        ADMINISTRATOR, ("apply manifests/optional/cordon.yaml: it lets it cordon",), _ONCE
    ),
    "Refused": WayOut(ADMINISTRATOR, ("allow what the message says was refused",), "by back-off"),
    "Forbidden": WayOut(ADMINISTRATOR, ("allow what the message says was refused",), "by back-off"),
    # has ended badly
    "CanaryFailed": _ended(_TRY_AGAIN),
    "BudgetExceeded": _ended(_TRY_AGAIN),
    "RolloutFailed": _ended(_TRY_AGAIN),
    "RollbackFailed": _ended(
        (*_TRY_AGAIN, "wavegate rollback {job} --to-version N {n} goes to another version")
    ),
    "RolledBack": _ended(_TRY_AGAIN),
    "Canceled": _ended(_TRY_AGAIN),
    "QueueTimeout": _ended((*_NODES, *_TRY_AGAIN)),
    "TotalTimeout": _ended(("raise spec.timeouts.total", *_TRY_AGAIN)),
    "Failed": _ended(_TRY_AGAIN),
    "Superseded": _ended((), NOBODY),
    "JobReplaced": _ended(("make it again for the job that is there now",)),
    # a user's deployment that was refused
    "RolloutOpen": _ended(("wavegate cancel {job} {n}, then make it again",)),
    "NoStableVersion": _ended(("wavegate restart {job} --to-version N {n}",)),
    "NeverStable": _ended(("wavegate history {job} {n} says which versions completed",)),
    "OneShotType": _ended(("wavegate restart {job} --to-version N {n}",)),
    "MadeByTheOperator": _ended(("change the spec of the job: the operator makes it",)),
    "FromVersionDiffers": _ended(_AGAIN),
    # is as it should be, or nearly
    "Running": WayOut(NOBODY, (), _WELL, ends=True),
    "Completed": WayOut(NOBODY, (), _WELL, ends=True),
    "Stable": WayOut(NOBODY, (), _WELL, ends=True),
    "Degraded": WayOut(
        OWNER,
        (
            "look at the nodes that are not well; they are tried again by the next version",
            "wavegate restart {job} {n} tries them at once",
        ),
        NOT_BY_ITSELF,
        ends=True,
    ),
    "CompletedWithFailures": _ended(_TRY_AGAIN),
}
"""By reason, of a job's Ready condition or of a deployment."""

UNKNOWN: Final = WayOut(PERSON, ("do what the message says",), "as the message says")
"""Of a reason that a newer operator gives."""
