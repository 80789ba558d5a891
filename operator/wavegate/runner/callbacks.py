"""Call backs of endpoints that answered 202: who may, and what is answered once it is on record.

Complete and fail become the answer of their run's attempt, which the next pass puts on record as it
does with the answer to a call; only then are they answered 2xx. A heartbeat is kept in memory, and
a few of them are put on record. Only who leads takes any: another process asks to come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from wavegate.api.httpjob import HTTPJobSpec
from wavegate.cache.runs import RunCache
from wavegate.cache.store import JobKey
from wavegate.dispatch.keeping import Body, kept
from wavegate.dispatch.masking import Masker
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, NotFound
from wavegate.kube.resources import JOB_RUNS
from wavegate.runner.sources import Sources, Unreadable
from wavegate.runs.answers import judge
from wavegate.runs.callbacks import OUTCOMES, Standing, Verb, is_to_be_recorded, standing
from wavegate.runs.observed import Answer, RunView

RECORDED_WITHIN: Final = 20.0
"""Seconds after which who calls back is told to come again, though it may still be recorded."""

DRAIN_TIMEOUT: Final = 5.0
"""Seconds that call backs are given to be put on record when the process ends."""

LOOKS: Final = 10
"""Reads of the API server a second, for runs that are not known."""

_AGAIN: Final = 1.0

_log = logging.getLogger(__name__)

Code = (
    Standing
    | Literal["NotLeading", "NotRecorded", "Busy", "Malformed", "NotFound", "TooLarge", "TooSlow"]
)
STATUSES: Final[Mapping[Code, int]] = {
    "Taken": 200,
    "Repeated": 200,
    "Malformed": 400,
    "Refused": 403,
    "NotFound": 404,
    "TooSlow": 408,
    "Conflict": 409,
    "Over": 410,
    "TooLarge": 413,
    "NotLeading": 503,
    "NotRecorded": 503,
    "Busy": 503,
}
"""What is answered to a call back, by what became of it."""

_WORDS: Final[Mapping[Code, str]] = {
    "Taken": "it is on record",
    "Repeated": "it was on record already",
    "Refused": "nobody waits for this attempt with this token: it is over, or the token is another"
    " one's; stop the work",
    "Conflict": "the attempt has called back otherwise before, and that counts",
    "Over": "the attempt is over: canceled, overdue or ended; stop the work",
    "NotLeading": "this process does not lead; call back again",
    "NotRecorded": "it is not on record yet; call back again",
    "Busy": "too many call backs of runs that are not known; call back again",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. ``retry_after``: seconds, where it is worth to call back again."""

    code: Code
    message: str
    retry_after: float | None = None

    @classmethod
    def of(cls, code: Code) -> Reply:
        return cls(code, _WORDS[code], _AGAIN if STATUSES[code] == 503 else None)

    @property
    def status(self) -> int:
        return STATUSES[self.code]


class BodyRefused(Exception):
    """Its body is none that is taken; ``code`` and the text say why."""

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call back as it came. ``read`` has its body, and raises BodyRefused."""

    namespace: str
    run: str
    attempt: int
    verb: Verb
    token: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    read: Callable[[], Awaitable[Body]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Pending:
    """One that is to be put on record. ``recorded``: what is answered."""

    key: JobKey
    run: str
    attempt: int
    verb: Verb
    token: str = field(repr=False)
    answer: Answer
    recorded: asyncio.Future[Code]


class Callbacks:
    """``wake``: looks at a job; ``took``: is told what became of each.

    ``namespaces``: those that are looked after; empty: all.
    """

    def __init__(
        self,
        cache: RunCache,
        client: Client,
        sources: Sources,
        *,
        namespaces: Collection[str],
        leading: Callable[[], bool],
        now: Callable[[], float],
        wake: Callable[[JobKey], None],
        took: Callable[[str], None],
    ) -> None:
        self._cache = cache
        self._client = client
        self._sources = sources
        self._namespaces = namespaces
        self._leading = leading
        self._now = now
        self._wake = wake
        self._took = took
        self._pending: dict[str, _Pending] = {}
        self._heartbeats: defaultdict[JobKey, dict[str, tuple[int, float]]] = defaultdict(dict)
        """By job and uid, the attempt and when the last one came."""
        self._looks: deque[float] = deque(maxlen=LOOKS)
        self._takes = False
        self.leads_since = 0.0
        """Epoch seconds."""

    def lead(self) -> None:
        """Take call backs from now on: all runs are known, and this process leads."""
        self.leads_since, self._takes = self._now(), True

    async def take(self, call_back: CallBack) -> Reply:
        """What is answered; 2xx once it is on record. Raises nothing but CancelledError."""
        try:
            reply = await self._take(call_back)
        except BodyRefused as error:
            reply = Reply(error.code, str(error))
        except Exception as error:  # a defect of ours ends one call back, and no process
            # Its text may hold anything.
            _log.error("a call back broke: %s", type(error).__name__)
            reply = Reply.of("NotRecorded")
        self.answered(reply)
        return reply

    def answered(self, reply: Reply) -> None:
        """A reply is given."""
        self._took(reply.code)

    # For passes.

    def answers(self, key: JobKey) -> dict[str, Answer]:
        """By uid, what the endpoints of the job's runs called back and is not on record yet."""
        found = {}
        for uid, pending in list(self._pending.items()):
            if pending.key != key:
                continue
            run = self._cache.runs.get(key[0], pending.run)
            said = _standing(run if run and run.uid == uid else None, pending.attempt, pending)
            if said == "Taken":
                found[uid] = pending.answer
            else:
                self._end(uid, "Taken" if said == "Repeated" else _over(said))
        return found

    def heartbeats(self, key: JobKey) -> dict[str, float]:
        """By uid, when the last heartbeat of the job's runs came; of those that wait for none, it
        is forgotten."""
        active, heard = self._cache.active(key), self._heartbeats.pop(key, {})
        waited_for = {
            uid: (attempt, at)
            for uid, (attempt, at) in heard.items()
            if (run := active.get(uid)) and (run.phase, run.attempt) == ("Executing", attempt)
        }
        if waited_for:
            self._heartbeats[key] = waited_for
        return {uid: at for uid, (_, at) in waited_for.items()}

    # When the process ends.

    def stop(self) -> None:
        """Take none any more."""
        self._takes = False

    @property
    def is_open(self) -> bool:
        """Whether one is not on record yet."""
        return bool(self._pending)

    async def drain(self) -> None:
        """Return once all are on record, or after a moment, in which passes have to be made."""
        if self._pending and self._leading():
            recorded = [each.recorded for each in self._pending.values()]
            await asyncio.wait(recorded, timeout=DRAIN_TIMEOUT)
        for uid in list(self._pending):
            self._end(uid, "NotRecorded")

    # One call back.

    async def _take(self, call_back: CallBack) -> Reply:
        if not self._may_take():
            return Reply.of("NotLeading")
        namespace, name = call_back.namespace, call_back.run
        run = self._cache.runs.get(namespace, name)
        if self._is_watched(namespace) and _may_be_news(run, call_back.attempt):
            if not self._may_look():
                return Reply.of("Busy")
            if not await self._look(namespace, name):
                return Reply.of("NotRecorded")
            run = self._cache.runs.get(namespace, name)
        said = _standing(run, call_back.attempt, call_back)
        if run is None or said != "Taken":
            return Reply.of(said)
        if call_back.verb == "heartbeat":
            return self._heard(run, call_back.attempt)
        return await self._ended(run, call_back)

    def _may_take(self) -> bool:
        return self._takes and self._leading()

    def _is_watched(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces

    async def _look(self, namespace: str, name: str) -> bool:
        """Read a run, of which what is known may be old; whether that could be asked."""
        try:
            found = await self._client.get(JOB_RUNS, namespace, name)
        except NotFound:
            return True
        except ApiError:
            return False
        self._cache.assume(JOB_RUNS.kind, found)
        return True

    def _may_look(self) -> bool:
        """Whether the API server may be asked for a run: strangers can make it happen."""
        now = self._now()
        if len(self._looks) == LOOKS and now - self._looks[0] < 1.0:
            return False
        self._looks.append(now)
        return True

    def _heard(self, run: RunView, attempt: int) -> Reply:
        if not self._may_take():
            return Reply.of("NotLeading")
        key, now = (run.namespace, run.job), self._now()
        self._heartbeats[key][run.uid] = (attempt, now)
        if run.callback is not None and is_to_be_recorded(run.callback, now):
            self._wake(key)
        return Reply.of("Taken")

    async def _ended(self, run: RunView, call_back: CallBack) -> Reply:
        body = await call_back.read()
        facts = await self._kept(run, call_back, body)
        # Meanwhile anything may have become of the run.
        now_there = self._cache.runs.get(run.namespace, run.name)
        said = _standing(now_there, call_back.attempt, call_back)
        if said != "Taken":
            return Reply.of(said)
        if not self._may_take():
            return Reply.of("NotLeading")
        pending = self._pending.get(run.uid)
        if pending is None or pending.attempt != call_back.attempt:
            pending = self._put(run, call_back, facts)
        elif pending.verb != call_back.verb:
            return Reply.of("Conflict")
        await asyncio.wait([pending.recorded], timeout=RECORDED_WITHIN)
        return Reply.of(pending.recorded.result() if pending.recorded.done() else "NotRecorded")

    def _put(self, run: RunView, call_back: CallBack, facts: Mapping[str, object]) -> _Pending:
        now, verb, key = self._now(), call_back.verb, (run.namespace, run.job)
        # As an answer would be: to fail is what 500 is.
        judgment = judge(200 if verb == "complete" else 500, call_back.headers, now)
        answer = Answer(
            judgment.outcome,
            message=f"called back: {verb}",
            retryable=judgment.retryable,
            retry_after=judgment.retry_after,
            ended=now,
            called_back=OUTCOMES[verb],
            **facts,  # type: ignore[arg-type]
        )
        recorded = asyncio.get_running_loop().create_future()
        pending = _Pending(
            key, run.name, call_back.attempt, verb, call_back.token, answer, recorded
        )
        self._pending[run.uid] = pending
        self._wake(key)
        return pending

    def _end(self, uid: str, code: Code) -> None:
        recorded = self._pending.pop(uid).recorded
        if not recorded.done():
            recorded.set_result(code)

    async def _kept(self, run: RunView, call_back: CallBack, body: Body) -> dict[str, object]:
        """What is kept of the body; its text only where it is known which secrets it may hold."""
        version = self._cache.version((run.namespace, run.job), run.version)
        if version is None or not isinstance(version.spec, HTTPJobSpec):
            return kept(body, None)
        try:
            needs = await self._sources.needs(run, version.spec.http, None)
        except Unreadable:
            return kept(body, None)
        return kept(body, Masker((call_back.token, *needs.secrets)))


def _standing(run: RunView | None, attempt: int, said: CallBack | _Pending) -> Standing:
    if run is None:
        return standing(None, "", attempt, executes=False, verb=said.verb, token=said.token)
    executes = run.phase == "Executing"
    return standing(run.callback, run.uid, attempt, executes, said.verb, said.token)


def _may_be_news(run: RunView | None, attempt: int) -> bool:
    """Whether the attempt may have begun without that this process has heard of it yet."""
    return run is None or (not run.ended and run.attempt < attempt)


def _over(said: Standing) -> Code:
    """Of one whose token was right: the run has gone on without it, or is gone."""
    return "Over" if said == "Refused" else said
