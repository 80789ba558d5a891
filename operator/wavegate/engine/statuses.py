"""Writes of statuses of the fleet's kinds: guarded, at their pace, on proof where one is needed."""

from __future__ import annotations

from wavegate.cache.cluster import ClusterCache
from wavegate.domain.actions import Proof, SetStatus
from wavegate.engine import bodies
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.livejobs import LiveJobs
from wavegate.engine.objects import put_status
from wavegate.engine.outcomes import Done, LookAgain, Outcome
from wavegate.engine.pace import Pace
from wavegate.kube.errors import NotFound
from wavegate.kube.resources import BY_KIND, FLEET_JOBS, PODS
from wavegate.telemetry.metrics import Metrics


class StatusWriter:
    """Carries out SetStatus."""

    def __init__(
        self,
        client: Client,
        cache: ClusterCache,
        live: LiveJobs,
        events: EventTeller,
        metrics: Metrics,
        pace: Pace,
    ) -> None:
        self._client = client
        self._cache = cache
        self._live = live
        self._events = events
        self._metrics = metrics
        self._pace = pace

    async def write(self, namespace: str, action: SetStatus) -> Outcome:
        """Raises what the client raises; Conflict where the object has moved on."""
        if (too_soon := self._pace.too_soon(action)) is not None:
            return too_soon
        proof = action.proof
        if proof is not None and not await self._proven(namespace, action.uid, proof):
            return LookAgain(f"{proof.kind} {proof.name} is no longer as it was seen")
        stored = await put_status(self._client, self._cache, namespace, action)
        self._pace.wrote(action)
        if action.kind == FLEET_JOBS.kind:
            self._live.saw(stored)
        about = bodies.Owner(action.kind, action.name, action.uid)
        self._events.tell(namespace, about, action.notes)
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
