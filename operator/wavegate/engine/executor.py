"""Actions of a FleetJob's plan become requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, assert_never

from wavegate.api.names import version_name
from wavegate.cache.cluster import ClusterCache
from wavegate.domain.actions import (
    Action,
    CordonNode,
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    CreateVersion,
    DeletePod,
    DeleteRecord,
    PrepareVersion,
    SetStatus,
    UncordonNode,
)
from wavegate.domain.observed import JobView, PlanSettings, Preparation
from wavegate.engine import bodies, cordons
from wavegate.engine.client import Client
from wavegate.engine.creates import create, find
from wavegate.engine.objects import delete, look_at, tried
from wavegate.engine.outcomes import Done, Failed, LookAgain, Outcome, Refused
from wavegate.engine.preparations import Preparations
from wavegate.engine.statuses import StatusWriter
from wavegate.kube.errors import ApiError, Forbidden, Invalid, ServerError, Uncertain
from wavegate.kube.resources import JOB_VERSIONS, PODS

_DRY_RUN: Final = {"dryRun": "All", "fieldValidation": "Strict"}
_FIRST_LOOK: Final = 0.5
_LAST_LOOK: Final = 10.0


class Executor:
    """Carries out single actions. ``now``: epoch seconds."""

    def __init__(
        self,
        client: Client,
        cache: ClusterCache,
        statuses: StatusWriter,
        preparations: Preparations,
        settings: PlanSettings,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._cache = cache
        self._statuses = statuses
        self._preparations = preparations
        self._settings = settings
        self._now = now

    @contextmanager
    def taking(self, job: JobView, actions: Sequence[Action]) -> Iterator[None]:
        """Nodes that a step claims count as taken until its outcome is known."""
        claims = [action for action in actions if isinstance(action, CreateExecution)]
        for action in claims:
            self._cache.expect(job.key, action, now=self._now())
        try:
            yield
        finally:
            for action in claims:
                self._cache.settle(job.key, action.name)

    async def execute(self, job: JobView, action: Action) -> Outcome:
        """Carry out an action of a plan that was made for ``job``; what may go wrong is returned.

        Once it returns, the outcome is known, or is looked for by the next pass.
        """
        return await tried(self._do(job, action), partial(self._look, job, action))

    async def _do(self, job: JobView, action: Action) -> Outcome:
        match action:
            case SetStatus():
                return await self._statuses.write(job.namespace, action)
            case CreateExecution():
                return await self._claim(job, action)
            case CreatePod():
                return await self._create_pod(job, action)
            case CreatePull():
                return await create(self._client, self._cache, bodies.pull(job, action))
            case DeletePod() | DeleteRecord():
                return await delete(self._client, self._cache, job.namespace, action)
            case CreateVersion():
                return await self._create_version(job, action)
            case CreateDeployment():
                return await create(self._client, self._cache, bodies.deployment(job, action))
            case PrepareVersion():
                return await self._prepare(job, action)
            case CordonNode():
                return await cordons.cordon(self._client, self._cache, action)
            case UncordonNode():
                return await cordons.uncordon(self._client, self._cache, action)
            case _:
                assert_never(action)

    async def _look(self, job: JobView, action: Action) -> None:
        match action:
            case DeletePod():
                kind = PODS.kind
            case DeleteRecord() | SetStatus():
                kind = action.kind
            case _:
                return
        await look_at(self._client, self._cache, kind, job.namespace, action.name, action.uid)

    async def _claim(self, job: JobView, action: CreateExecution) -> Outcome:
        body = bodies.execution(job, action)
        try:
            return await create(self._client, self._cache, body)
        except (Uncertain, ServerError) as error:
            return await self._find_out(body, error)

    async def _find_out(self, body: bodies.Document, error: ApiError) -> Outcome:
        """What became of a create whose answer was lost; asks until there is an answer."""
        delay = _FIRST_LOOK
        while True:
            await asyncio.sleep(delay)
            delay = min(_LAST_LOOK, 2 * delay)
            try:
                found = await find(self._client, self._cache, body)
            except ApiError:
                continue
            return found or Failed(error)

    async def _create_pod(self, job: JobView, action: CreatePod) -> Outcome:
        uid = self._cache.execution_uid(job.namespace, action.execution)
        if uid is None:
            return LookAgain(f"execution {action.execution} is gone")
        name = version_name(job.name, action.version)
        version = self._cache.versions.get(job.namespace, name)
        if version is None:
            return LookAgain(f"version {name} is gone")
        body = bodies.pod(job, version, uid, action, self._settings)
        return await create(self._client, self._cache, body)

    async def _create_version(self, job: JobView, action: CreateVersion) -> Outcome:
        outcome = await create(self._client, self._cache, bodies.version(job, action))
        made = self._cache.versions.get(job.namespace, action.name)
        if not isinstance(outcome, Done) or made is None or made.status or not action.job_status:
            return outcome
        return await self._statuses.write(
            job.namespace,
            SetStatus(
                kind=JOB_VERSIONS.kind,
                name=made.name,
                uid=made.uid,
                resource_version=made.resource_version,
                status={"job": action.job_status},
            ),
        )

    async def _prepare(self, job: JobView, action: PrepareVersion) -> Outcome:
        """Whatever the server says of the version is remembered; server trouble says nothing."""
        outcome = await self._try_version(job, action)
        match outcome:
            case Done():
                said = Preparation(ok=True, at=self._now())
            case Refused(message=message):
                said = Preparation(ok=False, message=message, at=self._now())
            case _:
                return outcome
        self._preparations.record(job.uid, action.version, said)
        return Done()

    async def _try_version(self, job: JobView, action: PrepareVersion) -> Outcome:
        try:
            if action.data:
                body = bodies.config_map(job, action)
                outcome = await create(self._client, self._cache, body)
                if isinstance(outcome, LookAgain):
                    return Refused("Stranger", outcome.why)
                if not isinstance(outcome, Done):
                    return outcome
            trial = bodies.trial_pod(job, action)
            await self._client.create(PODS, job.namespace, trial, _DRY_RUN)
        except (Invalid, Forbidden) as error:
            return Refused(error.reason, error.message)
        return Done()
