"""The pace of what jobs and deployments say of themselves.

Each status is written at most once a second, so that a wave of a thousand nodes is not a thousand
writes of its job; one that ends something is written at once. What only tells how far a rollout has
come is told so many times a second over all of them: where hundreds are rolled out at once, each
tells it every few seconds, and what is written is what brings them further.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Final

from wavegate.domain.actions import SetStatus
from wavegate.engine.outcomes import TooSoon
from wavegate.kube.resources import FLEET_DEPLOYMENTS, FLEET_JOBS, HTTP_JOBS, RUN_BATCHES
from wavegate.runs.batch_states import ENDED

PACE: Final = 1.0
"""Seconds between two writes of a status that has a pace."""

TOGETHER: Final = 30.0
"""Of FleetJobs and their deployments."""

_LATELY: Final = 30.0
"""Seconds."""

_Phase = tuple[str, str]
"""State and reason."""

_ENDS: Final[Mapping[str, Collection[str]]] = {
    FLEET_JOBS.kind: ("Completed", "Failed", "RolloutFailed", "Stopped"),
    FLEET_DEPLOYMENTS.kind: ("Completed", "Failed", "Canceled"),
    HTTP_JOBS.kind: (),
    RUN_BATCHES.kind: ENDED,
}
"""States of the kinds that have a pace in which something has ended."""


class Pace:
    """``now``: epoch seconds. ``together``: writes a second that only tell how far something has
    come, of all that is written of late; None: as many as there are."""

    def __init__(self, now: Callable[[], float], together: float | None = TOGETHER) -> None:
        self._now = now
        self._together = together
        self._written: OrderedDict[str, tuple[float, _Phase]] = OrderedDict()
        """By uid, when it was written last and what it said, if of late; the oldest first."""

    def too_soon(self, action: SetStatus) -> TooSoon | None:
        """None: it may be written now."""
        if action.uid not in self._written:
            return None
        (at, before), now = self._written[action.uid], _phase(action)
        ends = _ENDS[action.kind]
        if now[0] in ends and before[0] not in ends:
            return None
        if now != before or self._together is None:
            at += PACE
        else:
            at += max(PACE, len(self._written) / self._together)
        return TooSoon(at) if at > self._now() else None

    def wrote(self, action: SetStatus) -> None:
        """It has been written now."""
        if action.kind not in _ENDS:
            return
        now = self._now()
        self._written[action.uid] = now, _phase(action)
        self._written.move_to_end(action.uid)
        while now - next(iter(self._written.values()))[0] > _LATELY:
            self._written.popitem(last=False)


def _phase(action: SetStatus) -> _Phase:
    """What a status says is going on, without how far it has come."""
    status = action.status
    if action.kind != FLEET_JOBS.kind:
        return status.get("state", ""), status.get("reason", "")
    state = status.get("state") or {}
    return state.get("stateType", ""), (state.get("details") or {}).get("reason", "")
