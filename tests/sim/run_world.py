"""A world of one HTTPJob and its runs, for the pure core alone: passes are made, their actions are
carried out, calls end, and at any of them the process may die.

Documents are kept as the API server keeps them and decoded as the operator decodes them. What must
hold is asked at each write, by rules of its own that know nothing of how the core decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from wavegate.api.durations import parse_duration
from wavegate.api.names import API_VERSION
from wavegate.cache.decode_runs import RunDecoder
from wavegate.domain.actions import DeleteRecord, SetStatus
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runner import bodies
from wavegate.runs.actions import CreateRun, CreateRunVersion, RunAction, StartRun
from wavegate.runs.answers import RETRYABLE, Outcome
from wavegate.runs.circuit import Circuits
from wavegate.runs.naming import tick_name
from wavegate.runs.observed import Answer, ObservedRuns
from wavegate.runs.plan import plan
from wavegate.runs.states import ENDED_BADLY, TERMINAL
from wavegate.runs.tallies import over, read
from wavegate.runs.target import endpoint_of

BEGIN: Final = 1_774_740_000.0
"""Some hours before the clock is put forward in Europe."""

URL: Final = "http://echo.example/"
LONGEST_CALL: Final = 40.0
MOST_PASSES: Final = 50
"""At one moment, by which a world has come to rest."""

OUTCOMES: Final[tuple[Outcome, ...]] = (
    *("Completed",) * 4,
    "Unavailable",
    "Unavailable",
    "TimedOut",
    "ConnectFailed",
    "Rejected",
    "SourceUnreadable",
)

Document = dict[str, Any]

_COUNTS_AS: Final[dict[str, str]] = {
    "Completed": "completed",
    **dict.fromkeys(("Failed", "SystemFailed", "DeadLetter"), "failed"),
    "TimedOut": "timedOut",
    "Crashed": "crashed",
    "Canceled": "canceled",
    "Expired": "expired",
}


@dataclass(frozen=True)
class Under:
    """A call that is under way."""

    began: float
    ends: float
    answer: Answer


class RunWorld:
    """``seed``: decides how each attempt ends, and after how long."""

    def __init__(self, seed: int, spec: Mapping[str, Any], now: float = BEGIN) -> None:
        self.now = now
        self.story: list[str] = []
        self.called: dict[tuple[str, int], float] = {}
        """By run and attempt, when its call began."""
        self.ticks: set[str] = set()
        """Names of the runs that were made for ticks."""
        self.runs: dict[str, Document] = {}
        self.versions: dict[str, Document] = {}
        self.job: Document | None = None
        self.ended: dict[str, str] = {}
        """By uid, the phases of all runs that have ended, also of those that are gone."""
        self._seed = seed
        self._decoder = RunDecoder()
        self._views: dict[tuple[str, str], Any] = {}
        self._revision = 0
        self._process = 0
        self._calls: dict[str, Under] = {}
        self._answers: dict[str, Answer] = {}
        self._circuits = Circuits()
        self._wake: float | None = None
        self._starts: list[float] = []
        self._rated_since = now
        self.job = self._made("HTTPJob", "app", {"http": {"url": URL}, **spec})

    # What people do.

    def ask(self, name: str, **spec: Any) -> None:
        self.runs[name] = self._made("JobRun", name, {"jobName": "app", **spec})

    def cancel(self, name: str) -> None:
        run = self.runs.get(name)
        if run is not None and run["status"].get("phase") not in TERMINAL:
            self._change(run, {**run["spec"], "canceled": True})

    def edit(self, section: str, value: Any) -> None:
        """Replace a part of the job's spec; None takes it away."""
        if self.job is None:
            return
        spec = {**self.job["spec"], section: value}
        if value is None:
            del spec[section]
        if self.rate != _rate(spec):
            self._rated_since = self.now
        self._change(self.job, spec)

    def limit(self, **limits: Any) -> None:
        if self.job is not None:
            self.edit("runs", {**self.job["spec"].get("runs", {}), "limits": limits})

    def crash(self) -> None:
        """The process is gone, and another one begins."""
        self._process += 1
        self._calls.clear()
        self._answers.clear()
        self._circuits = Circuits()
        self._wake = self.now
        self._tell("another process")

    def advance(self, seconds: float, crash_at: int | None = None) -> None:
        """Let time pass. ``crash_at``: the write, counted from here, at which the process dies."""
        until = self.now + seconds
        left = crash_at
        while True:
            left = self._settle(left)
            following = [each.ends for each in self._calls.values()]
            following += [self._wake] if self._wake is not None else []
            self.now = min([each for each in following if each > self.now], default=until)
            if self.now >= until:
                self.now = until
                break
        self._settle(left)

    # What is.

    @property
    def spec(self) -> Document:
        return dict(self.job["spec"]) if self.job is not None else {}

    @property
    def rate(self) -> tuple[int, float] | None:
        return _rate(self.spec)

    def phases(self) -> dict[str, str]:
        return {name: _phase(run) for name, run in self.runs.items()}

    def left_out(self) -> Counter[str]:
        """What has ended and is not counted in the job's health."""
        return Counter(_COUNTS_AS[each] for each in self.ended.values()) - self.counted()

    def counted(self) -> Counter[str]:
        """What the job's health says of the runs that have ended."""
        health = self.job["status"].get("health") or {} if self.job is not None else {}
        return Counter(over(read(health), "30d", self.now).counts)

    def reason(self, name: str) -> str:
        return str(self.runs[name]["status"].get("reason", ""))

    # How it goes on.

    def _settle(self, crash_at: int | None) -> int | None:
        """Passes until one has nothing to do; what is left of ``crash_at``."""
        for _ in range(MOST_PASSES):
            self._end_calls()
            wrote = 0
            for action in self._pass():
                if crash_at is not None:
                    crash_at -= 1
                    if crash_at < 0:
                        if isinstance(action, StartRun):
                            self._put(self.runs, action.record)  # and did not call any more
                        self.crash()
                        crash_at = None
                        break
                wrote += self._apply(action)
            else:
                if not wrote:
                    return crash_at
        raise AssertionError(f"it does not come to rest: {self.story[-20:]}")

    def _pass(self) -> Iterator[RunAction]:
        made = plan(self._observed())
        self._wake = made.wake_at
        for uid in made.abandon:
            self._calls.pop(uid, None)
        for step in sorted(made.steps, key=lambda step: step.urgency):
            yield from step.actions

    def _observed(self) -> ObservedRuns:
        views = [self._decoded(run, self._decoder.run) for run in self.runs.values()]
        executing = {view.uid for view in views if view.phase == "Executing"}
        for uid in self._answers.keys() - executing:
            del self._answers[uid]
        held, probes = self._circuits.held(self.now)
        versions = [self._decoded(each, self._decoder.version) for each in self.versions.values()]
        return ObservedRuns(
            job=self._view() if self.job is not None else None,
            now=self.now,
            versions=sorted(versions, key=lambda each: each.version),
            active=[view for view in views if not view.ended],
            finished=[view for view in views if view.ended],
            identity=f"process-{self._process}",
            slots=100,
            calling=frozenset(self._calls),
            answers=dict(self._answers),
            held=held,
            probes=probes,
            uncounted=[view for view in views if view.ended],
        )

    def _decoded(self, document: Document, decode: Callable[[Document], Any]) -> Any:
        """As it is stored now, decoded once."""
        identity = (document["metadata"]["uid"], document["metadata"]["resourceVersion"])
        if identity not in self._views:
            self._views[identity] = decode(document).view
        return self._views[identity]

    def _end_calls(self) -> None:
        for uid, call in list(self._calls.items()):
            if call.ends <= self.now:
                del self._calls[uid]
                self._answers[uid] = call.answer
                endpoint = endpoint_of(URL)
                self._circuits.ended(endpoint, call.answer.outcome, call.began, self.now)

    def _apply(self, action: RunAction) -> bool:
        """Whether it was carried out; what is refused is decided anew."""
        match action:
            case StartRun():
                return self._start(action)
            case SetStatus(kind="JobRun"):
                return self._put(self.runs, action)
            case SetStatus():
                assert self.job is not None
                return self._put({"app": self.job}, action)
            case CreateRunVersion():
                return self._create(self.versions, bodies.version(self._view(), action))
            case CreateRun():
                made = self._create(self.runs, bodies.run(self._view(), action))
                if made:
                    self.ticks.add(action.name)
                return made
            case DeleteRecord():
                documents = self.runs if action.kind == "JobRun" else self.versions
                del documents[action.name]
                return True

    def _view(self) -> Any:
        assert self.job is not None
        return self._decoded(self.job, self._decoder.job)

    def _start(self, action: StartRun) -> bool:
        run = self.runs[action.record.name]
        before = dict(run["status"])
        self._may_start(run)
        if not self._put(self.runs, action.record):
            return False
        attempt = run["status"]["attempt"]
        assert attempt == before.get("attempt", 0) + 1
        name = run["metadata"]["name"]
        assert (name, attempt) not in self.called, f"{name} is called twice in an attempt"
        self.called[name, attempt] = self.now
        chance = Random(f"{self._seed} {name} {attempt}")
        outcome = chance.choice(OUTCOMES)
        answer = Answer(
            outcome,
            message=outcome,
            retryable=outcome in RETRYABLE,
            retry_after=chance.choice((None, 5.0)) if outcome == "Unavailable" else None,
        )
        self._circuits.begun(endpoint_of(URL), self.now)
        ends = self.now + chance.choice((0.0, 0.1, 3.0, LONGEST_CALL))
        self._calls[run["metadata"]["uid"]] = Under(self.now, ends, answer)
        return True

    # What must hold.

    def _may_start(self, run: Document) -> None:
        """Asked before the run is put on record as executing."""
        spec, own, name = self.spec, run["spec"], run["metadata"]["name"]
        assert not spec.get("suspend"), f"{name} starts though its job is suspended"
        assert not own.get("canceled"), f"{name} starts though it is canceled"
        executing = [each for each in self.runs.values() if _phase(each) == "Executing"]
        limits = spec.get("runs", {}).get("limits", {})
        most = limits.get("maxConcurrency", 10**6)
        assert len(executing) < most, f"{len(executing) + 1} execute, {most} may"
        keys = Counter(each["spec"].get("concurrencyKey") for each in executing)
        key, per_key = own.get("concurrencyKey"), limits.get("maxConcurrencyPerKey", 10**6)
        assert key is None or keys[key] < per_key, f"{keys[key] + 1} of {key} execute"
        begin = parse_time(own.get("notBefore")) or 0.0
        assert self.now >= begin, f"{name} starts before its time"
        again = parse_time(run["status"].get("nextRetryTime")) or 0.0
        assert self.now >= again, f"{name} is tried again before its time"
        if "ttl" in own and not run["status"].get("attempt"):
            since = max(begin, parse_time(run["metadata"]["creationTimestamp"]) or 0.0)
            assert self.now < since + _seconds(own["ttl"]), f"{name} starts though it has expired"
        self._holds_key(run)
        self._starts.append(self.now)
        if self.rate is not None:
            number, window = self.rate
            since = max(self._rated_since, self.now - window)
            within = sum(each > since for each in self._starts)
            assert within <= 2 * number - 1, f"{within} began within {window:g} s"

    def _holds_key(self, run: Document) -> None:
        key = run["spec"].get("idempotencyKey")
        if key is None or run["status"].get("attempt"):
            return
        for other in self.runs.values():
            if other is run or other["spec"].get("idempotencyKey") != key:
                continue
            free = _phase(other) == "Canceled" or _phase(other) in ENDED_BADLY
            begun = other["status"].get("attempt")
            assert free or not begun, f"{run['metadata']['name']} has the key of another"

    def _may_be_written(self, run: Document, status: Mapping[str, Any]) -> None:
        before, name = _phase(run), run["metadata"]["name"]
        assert before not in TERMINAL, f"{name} has ended, and is written"
        if status.get("reason") == "RetryBackoff" and before == "Executing":
            wait = (parse_time(status["nextRetryTime"]) or 0.0) - self.now
            retry = self.spec.get("runs", {}).get("retry", {})
            longest = max(5.0, _seconds(retry.get("maxDelay", "1h")))
            assert -1e-3 <= wait <= longest + 1e-3, f"{name} waits {wait:g} s"

    def _counts_each_once(self) -> None:
        counted, ended = self.counted(), Counter(_COUNTS_AS[each] for each in self.ended.values())
        assert counted <= ended, f"{counted} are counted, {ended} have ended"

    # The API server.

    def _made(self, kind: str, name: str, spec: Document) -> Document:
        self._tell(f"{kind} {name} {spec}")
        return self._stored(
            {
                "apiVersion": API_VERSION,
                "kind": kind,
                "metadata": {"name": name, "namespace": "default"},
                "spec": spec,
            }
        )

    def _create(self, documents: dict[str, Document], body: Document) -> bool:
        name = body["metadata"]["name"]
        if name in documents:
            return False
        documents[name] = self._stored(body)
        self._tell(f"made {body['kind']} {name}")
        return True

    def _stored(self, body: Document) -> Document:
        self._revision += 1
        metadata = {
            **body["metadata"],
            "uid": f"uid-{body['kind']}-{body['metadata']['name']}-{self._revision}",
            "resourceVersion": str(self._revision),
            "creationTimestamp": format_time(self.now),
            "generation": 1,
        }
        return {"status": {"observedGeneration": -1}, **body, "metadata": metadata}

    def _change(self, document: Document, spec: Document) -> None:
        self._revision += 1
        document["spec"] = spec
        metadata = document["metadata"]
        metadata["resourceVersion"] = str(self._revision)
        metadata["generation"] += 1
        self._wake = self.now
        self._tell(f"changed {metadata['name']} to {spec}")

    def _put(self, documents: Mapping[str, Document], action: SetStatus) -> bool:
        document = documents.get(action.name)
        if document is None or document["metadata"]["resourceVersion"] != action.resource_version:
            return False
        if action.kind == "JobRun":
            self._may_be_written(document, action.status)
        self._revision += 1
        document["metadata"]["resourceVersion"] = str(self._revision)
        document["status"] = dict(action.status)
        if action.kind == "HTTPJob":
            self._counts_each_once()
        elif _phase(document) in TERMINAL:
            self.ended[document["metadata"]["uid"]] = _phase(document)
        words = (action.status.get(each) for each in ("phase", "state", "reason", "attempt"))
        self._tell(f"{action.name}: {' '.join(str(each) for each in words if each)}")
        return True

    def _tell(self, words: str) -> None:
        self.story.append(f"{self.now - BEGIN:9.2f} {words}")

    def due(self, cron_seconds: float) -> set[str]:
        """Names of the runs for all ticks of a schedule that comes so often, until the last one
        that was decided on."""
        assert self.job is not None
        uid = self.job["metadata"]["uid"]
        created = parse_time(self.job["metadata"]["creationTimestamp"]) or 0.0
        schedule = self.job["status"].get("schedule") or {}
        decided = parse_time(schedule.get("lastTickTime")) or created
        names, tick = set(), created - created % cron_seconds + cron_seconds
        while tick <= decided:
            names.add(tick_name("app", uid, tick))
            tick += cron_seconds
        return names


def moment(seconds: float) -> str:
    """As a spec has it."""
    return format_time_micro(seconds)


def _phase(run: Document) -> str:
    return str(run["status"].get("phase", "Queued"))


def _rate(spec: Mapping[str, Any]) -> tuple[int, float] | None:
    rate = spec.get("runs", {}).get("limits", {}).get("rate")
    return None if rate is None else (rate["max"], _seconds(rate["window"]))


def _seconds(text: str) -> float:
    return float(parse_duration(text))
