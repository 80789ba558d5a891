"""Actions of runs become requests and calls.

Each names what it acts on by name, uid and resourceVersion, so that one that comes late is refused;
each answer goes back into the cache, so that the next pass sees it before any watch has told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from wavegate.cache.runs import RunCache
from wavegate.domain.actions import SetStatus
from wavegate.engine.bodies import Document, controller, delete_options, status
from wavegate.engine.client import Client, LeadershipDoubtful
from wavegate.engine.outcomes import (
    Done,
    Failed,
    LookAgain,
    NotLeading,
    Outcome,
    Refused,
    TooSoon,
)
from wavegate.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
)
from wavegate.kube.resources import BY_KIND, HTTP_JOBS, JOB_RUNS
from wavegate.runner import bodies
from wavegate.runner.calls import Calls
from wavegate.runs.actions import (
    CreateRun,
    CreateRunVersion,
    DeleteObject,
    RunAction,
    SetJobStatus,
    SetRunStatus,
    StartRun,
)
from wavegate.runs.observed import HTTPJobView

PACE: Final = 1.0
"""Seconds between two writes of an HTTPJob's status."""


class RunExecutor:
    """Carries out single actions. ``now``: epoch seconds."""

    def __init__(
        self, client: Client, cache: RunCache, calls: Calls, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._cache = cache
        self._calls = calls
        self._now = now
        self._written: dict[str, float] = {}
        """By uid of a job, when its status was written last."""

    async def execute(self, job: HTTPJobView, action: RunAction) -> Outcome:
        """Carry out an action of a plan for ``job``; what may go wrong is returned."""
        try:
            return await self._do(job, action)
        except LeadershipDoubtful:
            return NotLeading()
        except Conflict as error:
            await self._look(job, action)
            return LookAgain(str(error))
        except NotFound as error:
            self._forget(job, action)
            return LookAgain(str(error))
        except (Invalid, Forbidden) as error:
            return Refused(error.reason, error.message)
        except ApiError as error:
            return Failed(error)

    def keep_only(self, jobs: set[str]) -> None:
        """Forget the pace of all but these jobs, by uid."""
        self._written = {uid: at for uid, at in self._written.items() if uid in jobs}

    async def _do(self, job: HTTPJobView, action: RunAction) -> Outcome:
        match action:
            case StartRun():
                return await self._start(job, action)
            case SetRunStatus():
                return await self._put(JOB_RUNS.kind, job, action)
            case SetJobStatus():
                return await self._report(job, action)
            case CreateRunVersion():
                return await self._create(bodies.version(job, action))
            case CreateRun():
                return await self._create(bodies.run(job, action))
            case DeleteObject():
                return await self._delete(job, action)
            case _:
                assert_never(action)

    async def _start(self, job: HTTPJobView, action: StartRun) -> Outcome:
        """Put on record that it executes, then call: no call is on record nowhere."""
        version = self._cache.version(job.key, action.version)
        if version is None or version.spec is None:
            return LookAgain(f"version {action.version} is gone")
        self._calls.reserve(job.key, action.uid)
        begun = False
        try:
            outcome = await self._put(JOB_RUNS.kind, job, action)
            run = self._cache.active(job.key).get(action.uid)
            if isinstance(outcome, Done) and run is not None and run.phase == "Executing":
                self._calls.begin(job.key, run, version.spec)
                begun = True
            return outcome
        finally:
            if not begun:
                self._calls.release(action.uid)

    async def _report(self, job: HTTPJobView, action: SetJobStatus) -> Outcome:
        earliest = self._written.get(action.uid, 0.0) + PACE
        if not action.urgent and earliest > self._now():
            return TooSoon(earliest)
        outcome = await self._put(HTTP_JOBS.kind, job, action)
        self._written[action.uid] = self._now()
        return outcome

    async def _put(
        self, kind: str, job: HTTPJobView, action: StartRun | SetRunStatus | SetJobStatus
    ) -> Outcome:
        wanted = SetStatus(
            kind=kind,
            name=action.name,
            uid=action.uid,
            resource_version=action.resource_version,
            status=action.status,
        )
        body = status(job.namespace, wanted)
        stored = await self._client.put_status(BY_KIND[kind], job.namespace, action.name, body)
        self._cache.assume(kind, stored)
        return Done()

    async def _create(self, body: Document) -> Outcome:
        """Create, or find that it is there: its name follows from what is meant."""
        resource, metadata = BY_KIND[body["kind"]], body["metadata"]
        try:
            made = await self._client.create(resource, metadata["namespace"], body)
        except AlreadyExists:
            made = await self._client.get(resource, metadata["namespace"], metadata["name"])
            if controller(made) != controller(body):
                name = f"{resource.kind} {metadata['namespace']}/{metadata['name']}"
                return Refused("Stranger", f"{name} exists already and is not the job's")
        self._cache.assume(resource.kind, made)
        return Done()

    async def _delete(self, job: HTTPJobView, action: DeleteObject) -> Outcome:
        options = delete_options(action.uid, action.resource_version)
        answer = await self._client.delete(
            BY_KIND[action.kind], job.namespace, action.name, options
        )
        self._cache.deleted(action.kind, job.namespace, action.name, action.uid, answer)
        return Done()

    async def _look(self, job: HTTPJobView, action: RunAction) -> None:
        """Read what a write has met: the event that tells of it may be late, or lost."""
        kind = _kind(action)
        if kind is None:
            return
        try:
            found = await self._client.get(BY_KIND[kind], job.namespace, action.name)
        except NotFound:
            self._forget(job, action)
        except ApiError:
            return  # the next try meets it again
        else:
            self._cache.assume(kind, found)

    def _forget(self, job: HTTPJobView, action: RunAction) -> None:
        kind = _kind(action)
        if kind is not None and not isinstance(action, CreateRun | CreateRunVersion):
            self._cache.forget(kind, job.namespace, action.name, action.uid)


def _kind(action: RunAction) -> str | None:
    match action:
        case StartRun() | SetRunStatus():
            return JOB_RUNS.kind
        case SetJobStatus():
            return HTTP_JOBS.kind
        case DeleteObject():
            return action.kind
    return None
