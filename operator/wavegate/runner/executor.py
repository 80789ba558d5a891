"""Actions of a plan for runs become requests and calls."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import assert_never

from wavegate.api.httpjob import HTTPJobSpec
from wavegate.cache.runs import RunCache
from wavegate.domain.actions import DeleteRecord, SetStatus
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.objects import delete, look_at, put_status, tried
from wavegate.engine.outcomes import Done, LookAgain, Outcome
from wavegate.engine.pace import Pace
from wavegate.runner import bodies
from wavegate.runner.calls import Calls
from wavegate.runner.creating import create_or_find
from wavegate.runs.actions import (
    CreatePass,
    CreateRun,
    CreateRunVersion,
    RetryPass,
    RunAction,
    StartPass,
    StartRun,
)
from wavegate.runs.callbacks import hash_of
from wavegate.runs.observed import AskedJobView
from wavegate.telemetry.metrics import Metrics


def _with_token(record: SetStatus) -> tuple[SetStatus, str]:
    """With the hash of a new token for who is to call back; the token itself is on record nowhere.

    Empty: nobody is.
    """
    status = record.status
    if "callback" not in status:
        return record, ""
    token = secrets.token_urlsafe(32)
    known = {"tokenHash": hash_of(record.uid, status["attempt"], token), **status["callback"]}
    return replace(record, status={**status, "callback": known}), token


class RunExecutor:
    """Carries out single actions."""

    def __init__(
        self,
        client: Client,
        cache: RunCache,
        calls: Calls,
        pace: Pace,
        events: EventTeller,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._cache = cache
        self._calls = calls
        self._pace = pace
        self._events = events
        self._metrics = metrics

    @contextmanager
    def taking(self, job: AskedJobView, actions: Sequence[RunAction]) -> Iterator[None]:
        """Runs that a step begins take their places and slots, unless it comes to no call."""
        starts = [action.record.uid for action in actions if isinstance(action, StartRun)]
        for uid in starts:
            self._calls.reserve(job.key, uid)
        try:
            yield
        finally:
            for uid in starts:
                self._calls.release(uid)

    async def execute(self, job: AskedJobView, action: RunAction) -> Outcome:
        """Carry out an action of a plan for ``job``; what may go wrong is returned."""
        return await tried(self._do(job, action), partial(self._look, job, action))

    async def _do(self, job: AskedJobView, action: RunAction) -> Outcome:
        match action:
            case StartRun():
                return await self._start(job, action)
            case SetStatus():
                return await self._record(job, action)
            case DeleteRecord():
                return await delete(self._client, self._cache, job.namespace, action)
            case CreateRunVersion():
                body = bodies.version(job, action)
                return await create_or_find(self._client, self._cache, body)
            case CreateRun():
                body = bodies.run(job, action)
                return await create_or_find(self._client, self._cache, body)
            case StartPass():
                return await self._record(job, action.record)
            case CreatePass():
                body = bodies.fleet_job(job, action)
                return await create_or_find(self._client, self._cache, body)
            case RetryPass():
                body = bodies.restart(job, action)
                return await create_or_find(self._client, self._cache, body)
            case _:
                assert_never(action)

    async def _start(self, job: AskedJobView, action: StartRun) -> Outcome:
        """Put on record that it executes, then call: no call is on record nowhere."""
        version = self._cache.version(job.key, action.version)
        if version is None or not isinstance(version.spec, HTTPJobSpec):
            return LookAgain(f"version {action.version} is gone")
        uid = action.record.uid
        record, token = _with_token(action.record)
        outcome = await self._record(job, record)
        run = self._cache.active(job.key).get(uid)
        if isinstance(outcome, Done) and run is not None and run.phase == "Executing":
            self._metrics.run_waited(action.record.status["trace"]["queueWaitMs"] / 1000)
            self._calls.begin(job.key, run, version.spec, token)
        return outcome

    async def _record(self, job: AskedJobView, action: SetStatus) -> Outcome:
        if (too_soon := self._pace.too_soon(action)) is not None:
            return too_soon
        await put_status(self._client, self._cache, job.namespace, action)
        self._pace.wrote(action)
        # Of runs it is told on their job: whoever looks for a fault does not know their names.
        if job.uid:
            self._events.tell(job.namespace, bodies.owner(job), action.notes)
        for note in action.notes:
            if note.counted is not None:
                self._metrics.count(note.counted)
        return Done()

    async def _look(self, job: AskedJobView, action: RunAction) -> None:
        written = action.record if isinstance(action, StartRun | StartPass) else action
        if isinstance(written, SetStatus | DeleteRecord):
            name, uid = written.name, written.uid
            await look_at(self._client, self._cache, written.kind, job.namespace, name, uid)
