"""The webhooks that this process calls, and what came of it until that is on record.

They have slots of their own, so many at a time and so many of them for one receiver, and jobs take
turns at both: a receiver that hangs keeps no run from its call, nor another receiver from its. As
calls are, they are made only while this process leads, which is asked again at the last moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal

from wavegate.api.jobrun import JobRunStatus
from wavegate.api.names import ANNOTATION_RESUME
from wavegate.api.webhooks import Webhook
from wavegate.cache.fields import mapping
from wavegate.cache.statuses import readable
from wavegate.cache.store import JobKey
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard
from wavegate.dispatch.signing import UnusableSecret, sign
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, NotFound
from wavegate.kube.resources import JOB_RUNS
from wavegate.runner.calls import CLOSE_TIMEOUT, CallMaker
from wavegate.runner.sources import Sources, Unreadable
from wavegate.runs.answers import judge
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.target import endpoint_of
from wavegate.runs.webhook_body import body
from wavegate.runs.webhooks import (
    READ_AGAIN,
    Attempt,
    Deliveries,
    Said,
    mark_of,
    message_id,
    result_of,
)

AT_A_TIME: Final = 64
OF_ONE_RECEIVER: Final = 4
"""Attempts that are under way at a time: in all, and to one scheme, host and port."""

TIMEOUT: Final = 15.0
"""Seconds that a receiver has to answer."""

TROUBLED: Final = 5.0
"""Seconds after which a run is read again that the API server did not give."""

_GONE: Final = (
    "it has answered 410 Gone, so that it wants to be told no more; a change of spec.runs.webhook,"
    f" or of the annotation {ANNOTATION_RESUME}, resumes it"
)

_log = logging.getLogger(__name__)


class Hooks:
    """``ended`` is told the jobs to look at; ``attempted`` what came of an attempt, and seconds."""

    def __init__(
        self,
        client: Client,
        sources: Sources,
        policy: AddressPolicy,
        make: CallMaker,
        *,
        leading: Callable[[], bool],
        now: Callable[[], float],
        ended: Callable[[JobKey], None],
        attempted: Callable[[str, float], None],
        forget: Callable[[RunView], None],
    ) -> None:
        """``forget``: told of a run that is not there any more."""
        self._client = client
        self._sources = sources
        self._policy = policy
        self._make = make
        self._leading = leading
        self._now = now
        self._ended = ended
        self._attempted = attempted
        self._forget = forget
        self._under_way: dict[str, tuple[JobKey, str, asyncio.Task[None]]] = {}
        """By uid of the run: its job, and the receiver."""
        self._attempts: dict[JobKey, dict[str, Attempt]] = {}
        self._said: dict[JobKey, Said] = {}
        self._not_before: dict[JobKey, tuple[str, float]] = {}
        """By job, the webhook that is not told before then."""
        self._wanting: OrderedDict[JobKey, str] = OrderedDict()
        """Jobs that could tell more than there were slots, the one that waits longest first, and
        their receivers."""
        self._changed = asyncio.Event()
        self._closing = False

    def known(
        self, key: JobKey, job: AskedJobView | None, undelivered: Mapping[str, RunView]
    ) -> Deliveries:
        """What is known of the job's deliveries; of what is on record by now it is forgotten."""
        hook = _hook(job)
        if job is None or hook is None:
            self.forget(key)
            return Deliveries()
        attempts = self._attempts.get(key, {})
        for uid, attempt in list(attempts.items()):
            run = undelivered.get(uid)
            if run is None or run.delivery is None or run.delivery.attempts >= attempt.number:
                del attempts[uid]
                self._changed.set()
        of, not_before = self._not_before.get(key, ("", 0.0))
        return Deliveries(
            under_way=frozenset(
                uid for uid, (each, _, _) in self._under_way.items() if each == key
            ),
            attempts=dict(attempts),
            said=self._said.get(key),
            slots=self._slots(key, endpoint_of(hook.url)) if undelivered else 0,
            not_before=not_before if of == mark_of(hook, job.resume) else 0.0,
        )

    def begin(self, job: AskedJobView, run: RunView) -> None:
        """Tell the job's webhook of a run that has ended."""
        hook = _hook(job)
        assert hook is not None
        receiver = endpoint_of(hook.url)
        task = asyncio.create_task(self._tell(job, hook, run), name=f"webhook of {run.name}")
        self._under_way[run.uid] = (job.key, receiver, task)

    def passed(self, key: JobKey, job: AskedJobView | None, *, begun: bool, wanting: bool) -> None:
        """A pass has begun attempts of the job, or not, and wants more slots, or not."""
        hook = _hook(job)
        if hook is None or not wanting:
            if self._wanting.pop(key, None) is not None:
                self._next_turns()
        else:
            self._wanting[key] = endpoint_of(hook.url)
            if begun:
                self._wanting.move_to_end(key)

    def forget(self, key: JobKey) -> None:
        """The job is gone, or has no webhook any more."""
        for kept in (self._attempts, self._said, self._not_before):
            kept.pop(key, None)
        self._changed.set()
        self.passed(key, None, begun=False, wanting=False)

    async def drain(self) -> None:
        """Begin nothing more; return once all is on record, or after a moment."""
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self.is_open and self._leading():
                    self._changed.clear()
                    await self._changed.wait()

    @property
    def is_open(self) -> bool:
        """Whether somebody is being told, or has been and that is not on record."""
        return bool(self._under_way or any(self._attempts.values()))

    async def close(self) -> None:
        """End the attempts that are still under way."""
        tasks = [task for _, _, task in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _slots(self, key: JobKey, receiver: str) -> int:
        """Attempts that the job may begin. Jobs that wait longer have one each before it, and where
        others wait as well it has one at a turn."""
        if self._closing:
            return 0
        free, taken = self._taken()
        for waiting, of in self._wanting.items():
            if waiting == key:
                break
            if free and taken[of] < OF_ONE_RECEIVER:
                free -= 1
                taken[of] += 1
        most = min(free, OF_ONE_RECEIVER - taken[receiver])
        others = [of for waiting, of in self._wanting.items() if waiting != key]
        if receiver in others or free <= len(others):
            most = min(most, 1)
        return max(0, most)

    def _taken(self) -> tuple[int, Counter[str]]:
        """Slots that are free, and those that are taken by receiver."""
        taken = Counter(receiver for _, receiver, _ in self._under_way.values())
        return AT_A_TIME - len(self._under_way), taken

    def _next_turns(self) -> None:
        """Have the jobs looked at whose turn it is."""
        free, taken = self._taken()
        for waiting, receiver in self._wanting.items():
            if not free:
                break
            if taken[receiver] < OF_ONE_RECEIVER:
                free -= 1
                taken[receiver] += 1
                self._ended(waiting)

    async def _tell(self, job: AskedJobView, hook: Webhook, run: RunView) -> None:
        began, result = self._now(), ""
        try:
            result = await self._attempt(job, hook, run)
        except Exception:  # a defect of ours ends no process
            _log.exception("the webhook of run %s/%s broke", run.namespace, run.name)
            self._hold(job, TROUBLED)
        finally:
            self._under_way.pop(run.uid, None)
            self._changed.set()
            if result:
                self._attempted(result, max(0.0, self._now() - began))
            self._ended(job.key)
            self._next_turns()

    async def _attempt(self, job: AskedJobView, hook: Webhook, run: RunView) -> str:
        """What came of it, as `runs.webhooks.Result`; empty: it was not made."""
        mark = mark_of(hook, job.resume)
        try:
            found = await self._client.get(JOB_RUNS, run.namespace, run.name)
            keys = await self._sources.signing(run.namespace, hook.secret_refs)
            call = self._prepared(hook, run, found, keys)
        except NotFound:
            self._forget(run)
            return ""
        except ApiError:
            self._hold(job, TROUBLED)
            return ""
        except (Unreadable, UnusableSecret) as error:
            self._hold(job, READ_AGAIN)
            self._say(job.key, Said(mark, "SecretUnreadable", str(error)))
            return "SecretUnreadable"
        if mapping(found.get("metadata")).get("uid") != run.uid:
            self._forget(run)
            return ""
        if not self._leading():
            self._hold(job, TROUBLED)
            return ""
        heard = await self._make(call, self._policy, retryable=lambda _: False)
        result = result_of(heard.http_status)
        if result == "Gone":
            self._say(job.key, Said(mark, result, _GONE))
            return result
        self._say(job.key, Said(mark, result))
        status = readable(JobRunStatus, found.get("status"))
        attempt = self._of(heard, run, result, status)
        self._attempts.setdefault(job.key, {})[run.uid] = attempt
        return result

    def _prepared(
        self, hook: Webhook, run: RunView, found: Mapping[str, Any], keys: tuple[str, ...]
    ) -> Call:
        text = body(found)
        signed = sign(keys, message_id(run.uid, run.phase), self._now(), text)
        return Call(
            url=hook.url,
            namespace=run.namespace,
            body=text,
            headers={"Content-Type": "application/json", **signed},
            timeout=TIMEOUT,
            secrets=keys,
        )

    def _of(
        self,
        heard: Heard,
        run: RunView,
        result: Literal["Delivered", "Failed"],
        status: Mapping[str, Any],
    ) -> Attempt:
        assert run.delivery is not None
        number, now = run.delivery.attempts + 1, self._now()
        if result == "Delivered":
            return Attempt(number, result, status, now)
        error: dict[str, Any] = {"class": heard.failure, "message": heard.message}
        if heard.http_status is None:
            return Attempt(number, result, status, now, error)
        found = judge(heard.http_status, heard.headers, now)
        error = {
            "class": heard.failure or found.outcome,
            "httpStatus": heard.http_status,
            "message": heard.message or f"answered {heard.http_status}",
        }
        return Attempt(number, result, status, now, error, found.retry_after)

    def _hold(self, job: AskedJobView, seconds: float) -> None:
        hook = _hook(job)
        assert hook is not None
        self._not_before[job.key] = mark_of(hook, job.resume), self._now() + seconds

    def _say(self, key: JobKey, said: Said) -> None:
        before = self._said.get(key)
        # What others came back with that were under way says nothing against it.
        if before is None or before.result != "Gone" or before.mark != said.mark:
            self._said[key] = said


def _hook(job: AskedJobView | None) -> Webhook | None:
    return job.spec.runs.webhook if job is not None and job.spec is not None else None
