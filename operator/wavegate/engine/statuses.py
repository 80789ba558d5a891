"""Writes of statuses: guarded, at their pace, and only on proof where a verdict needs it.

A FleetJob's or FleetDeployment's status is written at most once a second, so that a wave of a
thousand nodes is not a thousand writes of its job; one that ends something is written at once. How
far rollouts have come is told so many times a second over all jobs: where hundreds are rolled out
at once, each tells it every few seconds, and what is written is what brings them further.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from wavegate.cache.cluster import ClusterCache
from wavegate.domain.actions import Proof, SetStatus
from wavegate.engine import bodies
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.livejobs import LiveJobs
from wavegate.engine.outcomes import Done, LookAgain, Outcome, TooSoon
from wavegate.kube.errors import NotFound
from wavegate.kube.resources import BY_KIND, FLEET_DEPLOYMENTS, FLEET_JOBS, PODS
from wavegate.telemetry.metrics import Metrics

PACE: Final = 1.0
"""Seconds between two writes of a status that has a pace."""

TOGETHER: Final = 30.0
"""Writes a second that only tell how far something has come, of all that is written of late."""

_LATELY: Final = 30.0
"""Seconds."""

_PACED: Final = {FLEET_JOBS.kind, FLEET_DEPLOYMENTS.kind}
Phase = tuple[Any, Any]

_DEPLOYMENT_ENDS: Final = {"Completed", "Failed", "Canceled"}
_JOB_ENDS: Final = {"Completed", "Failed", "RolloutFailed", "Stopped"}


class StatusWriter:
    """Carries out SetStatus. ``now``: epoch seconds."""

    def __init__(
        self,
        client: Client,
        cache: ClusterCache,
        live: LiveJobs,
        events: EventTeller,
        metrics: Metrics,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._cache = cache
        self._live = live
        self._events = events
        self._metrics = metrics
        self._now = now
        self._written: OrderedDict[str, _Written] = OrderedDict()
        """By uid, those of late, the oldest first."""

    async def write(self, namespace: str, action: SetStatus) -> Outcome:
        """Raises what the client raises; Conflict where the object has moved on."""
        at = self._earliest(action)
        if at > self._now():
            return TooSoon(at)
        proof = action.proof
        if proof is not None and not await self._proven(namespace, action.uid, proof):
            return LookAgain(f"{proof.kind} {proof.name} is no longer as it was seen")
        body = bodies.status(namespace, action)
        try:
            stored = await self._client.put_status(
                BY_KIND[action.kind], namespace, action.name, body
            )
        except NotFound:
            self._cache.forget(action.kind, namespace, action.name, action.uid)
            raise
        if action.kind in _PACED:
            self._remember(action)
        if action.kind == FLEET_JOBS.kind:
            self._live.saw(stored)
        self._cache.assume(action.kind, stored)
        self._events.tell(namespace, action)
        for note in action.notes:
            if note.counted is not None:
                self._metrics.count(note.counted)
        return Done()

    async def _proven(self, namespace: str, uid: str, proof: Proof) -> bool:
        """Whether the object is, by a live read, what the write about ``uid`` rests on.

        Somebody else's pod that has the name of an execution's is no pod of that.
        """
        try:
            found = await self._client.get(BY_KIND[proof.kind], namespace, proof.name)
        except NotFound:
            if proof.uid:
                self._cache.forget(proof.kind, namespace, proof.name, proof.uid)
            return not proof.uid
        metadata, by = found["metadata"], bodies.controller(found)
        if proof.kind == PODS.kind and not proof.uid and (by is None or by.uid != uid):
            return True
        if (metadata["uid"], metadata["resourceVersion"]) == (proof.uid, proof.resource_version):
            return True
        self._cache.assume(proof.kind, found)
        return False

    def _earliest(self, action: SetStatus) -> float:
        """When it may be written; a status that ends what had not ended yet, at once."""
        before = self._written.get(action.uid)
        if before is None or (_ends(action) and not before.ended):
            return 0.0
        if _phase(action) != before.phase:
            return before.at + PACE
        return before.at + max(PACE, len(self._written) / TOGETHER)

    def _remember(self, action: SetStatus) -> None:
        now = self._now()
        self._written[action.uid] = _Written(now, _phase(action), _ends(action))
        self._written.move_to_end(action.uid)
        while now - next(iter(self._written.values())).at > _LATELY:
            self._written.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Written:
    """A status that was written ``at`` a time."""

    at: float
    phase: Phase
    ended: bool


def _phase(action: SetStatus) -> Phase:
    """What it says is going on, without how far."""
    said = action.status
    if action.kind == FLEET_JOBS.kind:
        said = said.get("state") or {}
    return said.get("stateType", said.get("state")), said.get("reason")


def _ends(action: SetStatus) -> bool:
    if action.kind == FLEET_DEPLOYMENTS.kind:
        return action.status.get("state") in _DEPLOYMENT_ENDS
    return (action.status.get("state") or {}).get("stateType") in _JOB_ENDS
