"""Writes of statuses: guarded, at their pace, and only on proof where a verdict needs it.

A FleetJob's or FleetDeployment's status is written at most once a second, so that a wave of a
thousand nodes is not a thousand writes of its job; one that ends something is written at once. How
far rollouts have come is told so many times a second over all jobs: where hundreds are rolled out
at once, each tells it every few seconds, and what is written is what brings them further.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Final

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

Phase = tuple[str, str]
"""State and reason."""

_ENDS: Final[Mapping[str, Collection[str]]] = {
    FLEET_JOBS.kind: ("Completed", "Failed", "RolloutFailed", "Stopped"),
    FLEET_DEPLOYMENTS.kind: ("Completed", "Failed", "Canceled"),
}
"""States of the kinds that have a pace in which something has ended."""


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
        self._written: OrderedDict[str, tuple[float, Phase]] = OrderedDict()
        """By uid, when it was written last and what it said, if of late; the oldest first."""

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
        if action.kind in _ENDS:
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
        if action.uid not in self._written:
            return 0.0
        (at, before), now = self._written[action.uid], _phase(action)
        ends = _ENDS[action.kind]
        if now[0] in ends and before[0] not in ends:
            return 0.0
        return at + (PACE if now != before else max(PACE, len(self._written) / TOGETHER))

    def _remember(self, action: SetStatus) -> None:
        now = self._now()
        self._written[action.uid] = now, _phase(action)
        self._written.move_to_end(action.uid)
        while now - next(iter(self._written.values()))[0] > _LATELY:
            self._written.popitem(last=False)


def _phase(action: SetStatus) -> Phase:
    """What a status says is going on, without how far it has come."""
    status = action.status
    if action.kind == FLEET_DEPLOYMENTS.kind:
        return status.get("state", ""), status.get("reason", "")
    state = status.get("state") or {}
    return state.get("stateType", ""), (state.get("details") or {}).get("reason", "")
