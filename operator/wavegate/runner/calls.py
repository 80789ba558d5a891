"""The calls that this process makes, and what came of them until that is on record.

A call begins only once its run is on record as Executing by this process, and only while this
process leads: that is asked again at the last moment, since what it needs had to be read first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from wavegate.api.httpjob import HTTPJobSpec
from wavegate.cache.store import JobKey
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard
from wavegate.dispatch.headers import callback_headers, headers
from wavegate.dispatch.signing import UnusableSecret, sign
from wavegate.runner.sources import Needs, Sources, Unreadable
from wavegate.runs.answers import RETRYABLE, judge
from wavegate.runs.circuit import Circuits
from wavegate.runs.observed import Answer, RunView
from wavegate.runs.target import endpoint_of, url_of

CLOSE_TIMEOUT: Final = 10.0
"""Seconds that calls are given to end, and to be put on record, when the process ends."""

CALLBACKS_OFF: Final = (
    "spec.http.completion is Async, and this operator takes no call backs; its administrator can"
    " allow it, or set Sync"
)

_log = logging.getLogger(__name__)


class CallMaker(Protocol):
    """Who makes calls: `dispatch.call.make`, or a simulation of it."""

    async def __call__(
        self, call: Call, policy: AddressPolicy, *, retryable: Callable[[Heard], bool]
    ) -> Heard: ...


class Calls:
    """At most ``concurrency`` at a time.

    ``callback_address``: where the operator is called back; empty: nowhere.
    ``ended`` is told the job of a call that has ended, ``called`` the outcome and the seconds.
    """

    def __init__(
        self,
        sources: Sources,
        policy: AddressPolicy,
        make: CallMaker,
        *,
        concurrency: int,
        callback_address: str = "",
        leading: Callable[[], bool],
        now: Callable[[], float],
        ended: Callable[[JobKey], None],
        called: Callable[[str, float], None],
    ) -> None:
        self._sources = sources
        self._policy = policy
        self._make = make
        self._concurrency = concurrency
        self._callback_address = callback_address
        self._leading = leading
        self._now = now
        self._ended = ended
        self._called = called
        self._circuits = Circuits()
        self._calling: dict[str, tuple[JobKey, asyncio.Task[None] | None]] = {}
        self._answers: dict[str, tuple[JobKey, Answer]] = {}
        self._changed = asyncio.Event()

    @property
    def slots(self) -> int:
        """Calls that may begin now."""
        return max(0, self._concurrency - len(self._calling))

    def __len__(self) -> int:
        return len(self._calling)

    def of(self, key: JobKey) -> frozenset[str]:
        """uids of the job's runs whose call is about to begin, or under way."""
        return frozenset(uid for uid, (job, _) in self._calling.items() if job == key)

    def answers(self, key: JobKey, executing: Collection[str]) -> Mapping[str, Answer]:
        """What came of the job's calls, by uid; of runs that execute no more, it is forgotten."""
        found = {uid: answer for uid, (job, answer) in self._answers.items() if job == key}
        for uid in found.keys() - set(executing):
            del self._answers[uid]
            self._changed.set()
        return {uid: answer for uid, answer in found.items() if uid in executing}

    def held(self) -> tuple[dict[str, float], frozenset[str]]:
        """Endpoints whose circuit is open, until when; and those that are to be called once."""
        return self._circuits.held(self._now())

    def reserve(self, key: JobKey, uid: str) -> None:
        """The run is about to be put on record as executing."""
        self._calling[uid] = (key, None)

    def release(self, uid: str) -> None:
        """The write has ended: only a call that has begun keeps what was reserved."""
        _, task = self._calling.get(uid, (None, None))
        if task is None:
            self._calling.pop(uid, None)

    def begin(self, key: JobKey, run: RunView, spec: HTTPJobSpec, token: str = "") -> None:
        """Make the call of a run that is on record as executing, by this spec.

        ``token``: with which its endpoint calls back, for an Async job.
        """
        task = asyncio.create_task(self._call(key, run, spec, token), name=f"call of {run.name}")
        self._calling[run.uid] = (key, task)

    def abandon(self, uid: str) -> None:
        """Nobody waits for its answer any more."""
        _, task = self._calling.get(uid, (None, None))
        if task is not None:
            task.cancel()

    @property
    def is_open(self) -> bool:
        """Whether something is called, or has been and is not on record."""
        return bool(self._calling or self._answers)

    async def drain(self) -> None:
        """Begin nothing more; return once all is on record, or after a moment.

        Whoever leads next finds what is left, as runs whose process is gone.
        """
        self._concurrency = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self.is_open and self._leading():
                    self._changed.clear()
                    await self._changed.wait()

    async def close(self) -> None:
        """End the calls that are still under way."""
        tasks = [task for _, task in self._calling.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, key: JobKey, run: RunView, spec: HTTPJobSpec, token: str) -> None:
        answer: Answer | None = None
        try:
            answer = await self._answer(run, spec, token)
        except Exception as error:  # a defect of ours ends one attempt, and no process
            _log.exception("the call of run %s/%s broke", run.namespace, run.name)
            answer = Answer("Fault", message=f"a fault of the operator: {type(error).__name__}")
        finally:
            self._calling.pop(run.uid, None)
            if answer is not None:
                now = self._now()
                self._called(answer.outcome, max(0.0, now - (run.started or now)))
                self._answers[run.uid] = (key, replace(answer, ended=now))
            self._changed.set()
            self._ended(key)

    async def _answer(self, run: RunView, spec: HTTPJobSpec, token: str) -> Answer | None:
        """What came of it; None where it was not made, since another process may lead."""
        http = spec.http
        if http.completion == "Async" and not self._callback_address:
            return Answer("CallbacksOff", message=CALLBACKS_OFF)
        try:
            needs = await self._sources.needs(run, http, spec.runs.payload_schema)
            call = self._prepared(run, spec, needs, token)
        except Unreadable as error:
            return Answer("SourceUnreadable", message=str(error), retryable=error.may_pass)
        except UnusableSecret as error:
            return Answer("SourceUnreadable", message=str(error))
        if not self._leading():
            return None
        endpoint, began = endpoint_of(call.url), self._now()
        self._circuits.begun(endpoint, began)
        trace = {"dispatchMs": max(0, round(1000 * (began - (run.started or began))))}
        judged = partial(self._judged, is_async=http.completion == "Async")
        heard = await self._make(
            call, self._policy, retryable=lambda heard: judged(heard).retryable
        )
        answer = judged(heard)
        # The fallback is called only where the endpoint itself is not well.
        outcome = "Unavailable" if heard.from_fallback else answer.outcome
        self._circuits.ended(endpoint, outcome, began, self._now())
        return replace(answer, trace={**trace, **heard.trace})

    def _prepared(self, run: RunView, spec: HTTPJobSpec, needs: Needs, token: str) -> Call:
        http, uid = spec.http, run.uid
        own = run.overrides.timeout if run.overrides else None
        sent = {
            **needs.headers,
            **headers(
                uid=uid,
                run=run.name,
                job=run.job,
                namespace=run.namespace,
                version=run.version,
                attempt=run.attempt,
            ),
        }
        if token:
            to = self._callback_address
            sent |= callback_headers(to, run.namespace, run.name, run.attempt, token)
        if needs.signing:
            sent |= sign(needs.signing, uid, self._now(), needs.payload)
        return Call(
            url=url_of(http, run.namespace),
            namespace=run.namespace,
            body=needs.payload,
            headers=sent,
            timeout=own if own is not None else http.timeout,
            fallback_url=http.fallback_url or "",
            secrets=(*needs.secrets, token),
            debug=run.debug,
        )

    def _judged(self, heard: Heard, *, is_async: bool) -> Answer:
        too_large = heard.failure == "AnswerTooLarge" and not 200 <= (heard.http_status or 0) < 300
        if heard.failure and not too_large:
            return Answer(
                heard.failure,
                http_status=heard.http_status,
                message=heard.message,
                retryable=heard.failure in RETRYABLE,
                debug=heard.debug,
            )
        assert heard.http_status is not None
        found = judge(heard.http_status, heard.headers, self._now(), is_async=is_async)
        return Answer(
            found.outcome,
            http_status=heard.http_status,
            message=heard.message or f"answered {heard.http_status}",
            retryable=found.retryable,
            retry_after=found.retry_after,
            result=heard.result,
            result_size=heard.result_size,
            result_hash=heard.result_hash,
            debug=heard.debug,
        )
