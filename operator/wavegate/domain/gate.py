"""Gate: whether the wave after the canaries may start.

All canaries stable: promote (autoPromote) or wait for a person. One version-caused canary failure
fails the rollout. Nothing is decided on nothing: without one stable canary the gate stays shut.
``promoted`` before the canaries are stable is consent in advance, never a skipped gate. Where no
node is left to be one, a node that may be a canary and is stable with the version stands in.

| canaries | autoPromote or promoted | gate |
| --- | --- | --- |
| one not yet judged | any | Judging |
| all stable | yes | Passed |
| all stable | no | AwaitingPromotion |
| one failed | any | Failed |
| none left to be one | any | NoCanary |
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from wavegate.domain.waves import Progress


class Gate(Enum):
    NONE = "there is no gate"
    JUDGING = "canaries are being judged"
    AWAITING = "waits for a person's promotion"
    NO_CANARY = "no node is left to be a canary"
    FAILED = "a canary failed"
    PASSED = "passed"


TRANSITIONS: Final[tuple[tuple[Gate, str, Gate], ...]] = (
    (Gate.JUDGING, "all canaries stable, autoPromote or promoted", Gate.PASSED),
    (Gate.JUDGING, "all canaries stable", Gate.AWAITING),
    (Gate.JUDGING, "a canary failed", Gate.FAILED),
    (Gate.JUDGING, "no node is left to be a canary", Gate.NO_CANARY),
    (Gate.AWAITING, "promoted", Gate.PASSED),
    (Gate.AWAITING, "a canary's node is gone, another takes its place", Gate.JUDGING),
    (Gate.AWAITING, "the canaries' nodes are gone, and no other is left", Gate.NO_CANARY),
    (Gate.NO_CANARY, "a target comes", Gate.JUDGING),
)
"""Where a gate stands, what happens, where it stands after it. Passed is for good
once it is on record (status.canaryPromoted)."""


def gate(run: Progress) -> Gate:
    """Where the rollout stands at its canary gate."""
    if run.sizes.canary == 0:
        return Gate.NONE
    if run.deployment.promoted_gate or run.current > 1:
        return Gate.PASSED
    if run.failed:
        return Gate.FAILED
    if run.current == 0:
        if run.line or not run.able.isdisjoint(run.unsettled):
            return Gate.JUDGING
        if not run.candidates and run.unsettled:
            return Gate.JUDGING
        if not run.candidates:
            return Gate.NONE if run.updated else Gate.NO_CANARY
        if not run.has_stand_in:
            return Gate.NO_CANARY
    elif not run.judged:
        return Gate.JUDGING
    elif not any(member.node in run.updated for member in run.members.get(1, ())):
        return Gate.NO_CANARY
    if run.rollout.auto_promote or run.deployment.promoted:
        return Gate.PASSED
    return Gate.AWAITING
