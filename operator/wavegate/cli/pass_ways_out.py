"""The same as `run_ways_out` for runs of FleetJobs, where it is other than for calls.

A run that executes gives the reason of the FleetJob that it has made, where that cannot go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.cli.run_ways_out import RUN_ENDS, RUN_WAITS
from wavegate.cli.ways_out import ITSELF, NOT_BY_ITSELF, OWNER, WayOut

_CANCEL = "wavegate runs cancel {run} {n} ends it"
_SEE = "wavegate why fj/{run} {n} says what its nodes wait for"

STUCK: Final = WayOut(OWNER, (_SEE, _CANCEL), f"{NOT_BY_ITSELF}: once that can go on")
"""Of a run that executes and is stuck, for whatever reason."""

PASS_WAITS: Final[Mapping[str, WayOut]] = {
    **RUN_WAITS,
    "Executing": WayOut(ITSELF, (_SEE, _CANCEL), "once all its nodes have ended"),
    "Canceled": WayOut(ITSELF, (_SEE,), "once nothing is at work on its nodes any more"),
    "Replaced": WayOut(ITSELF, (_SEE,), "once nothing is at work on its nodes any more"),
}

PASS_ENDS: Final[Mapping[str, WayOut]] = {
    **RUN_ENDS,
    "TimedOut": WayOut(
        OWNER,
        (
            "raise spec.timeouts of {kind} {job}",
            "wavegate get fj/{run} {n} shows how far it came",
            "wavegate runs replay {run} {n} asks for it again",
        ),
        "never: a run that has ended does not change",
        ends=True,
    ),
}
