"""The same as `run_ways_out` for runs of FleetJobs, where it is other than for calls.

A run that executes gives the reason of the FleetJob that it has made, where that cannot go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.cli.run_ways_out import RUN_ENDS, RUN_WAITS, over
from wavegate.cli.ways_out import ITSELF, NOT_BY_ITSELF, OWNER, PERSON, WayOut

_CANCEL = "wavegate runs cancel {run} {n} ends it"
_REPLAY = "wavegate runs replay {run} {n} asks for it again"
_ASK = "wavegate trigger {ref} {n} asks for another run"
_SEE = "wavegate why fj/{run} {n} says what its nodes wait for"

STUCK: Final = WayOut(OWNER, (_SEE, _CANCEL), f"{NOT_BY_ITSELF}: once that can go on")
"""Of a run that executes and is stuck, for whatever reason."""

PASS_WAITS: Final[Mapping[str, WayOut]] = {
    **RUN_WAITS,
    "JobNotAsked": WayOut(
        OWNER,
        ("give {kind} {job} spec.runs, if only {{}}: it is then executed when asked", _CANCEL),
        f"{NOT_BY_ITSELF}: once its job is executed when asked",
    ),
    "Executing": WayOut(ITSELF, (_SEE, _CANCEL), "once all its nodes have ended"),
    "Canceling": WayOut(ITSELF, (_SEE,), "once nothing is at work on its nodes any more"),
    "PassRefused": WayOut(
        OWNER,
        ("lift what refuses it, such as a quota or a policy: its message says which", _CANCEL),
        f"{NOT_BY_ITSELF}: it is asked for again by itself, until it is not refused any more",
    ),
    "FormerAtWork": WayOut(ITSELF, (_CANCEL,), "once nothing is at work of the former one"),
    "Replacing": WayOut(ITSELF, (_SEE,), "once nothing is at work on its nodes any more"),
}

PASS_ENDS: Final[Mapping[str, WayOut]] = {
    **RUN_ENDS,
    "NodesFailed": over(
        OWNER,
        "wavegate get fj/{run} {n} shows which nodes failed, wavegate logs what they said",
        _REPLAY,
    ),
    "RolloutCanceled": over(PERSON, _REPLAY),
    "NameTaken": over(OWNER, "ask under a name that no FleetJob has", _ASK),
    "TimedOut": over(
        OWNER,
        "raise spec.timeouts of {kind} {job}",
        "wavegate get fj/{run} {n} shows how far it came",
        _REPLAY,
    ),
}
