"""Why: what a run of an HTTPJob, or the HTTPJob, waits for. As `why`, which has it for the fleet.

| question | answered by |
| --- | --- |
| what it waits for | status.message: the operator's words |
| since when | who suspended the job; when the operator wrote that; the begin of the call |
| evidence | runs that take the places, limits, windows, the last error |
| who can unblock it, how | the reason (see run_ways_out) |
| when it acts next | the time that is waited for, by the operator's own rules, or when it expires |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wavegate.api.asked import Asked
from wavegate.api.httpjob import HTTPJobSpec, Window
from wavegate.cache.decode import OwnDecoder
from wavegate.cache.decode_runs import RunDecoder
from wavegate.cache.fleet_runs import asked_view
from wavegate.cli import run_webhooks
from wavegate.cli.calendar import local_time
from wavegate.cli.ownership import set_by
from wavegate.cli.pass_ways_out import PASS_ENDS, PASS_WAITS, STUCK
from wavegate.cli.run_sight import run_summary
from wavegate.cli.run_ways_out import JOB_WAYS, RUN_ENDS, RUN_WAITS
from wavegate.cli.sight import Document, at, condition, kind_of
from wavegate.cli.ways_out import UNKNOWN
from wavegate.cli.why import Answer, Facts, answered
from wavegate.domain.times import format_time, parse_time
from wavegate.runs.callbacks import CallbackView, due
from wavegate.runs.observed import AskedJobView
from wavegate.runs.rate import clock_of, next_time
from wavegate.runs.settle import CALLBACK_PENDING, retry_of
from wavegate.runs.states import TERMINAL
from wavegate.runs.waiting import expires
from wavegate.runs.windows import opens

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MOST_NAMED: Final = 3


@dataclass(frozen=True)
class RunSight:
    """An HTTPJob (None: there is none) with all its runs."""

    job: Document | None
    runs: Sequence[Document]

    def in_phase(self, *phases: str) -> list[Document]:
        return [each for each in self.runs if run_summary(each)["phase"] in phases]

    @property
    def waiting(self) -> list[Document]:
        return self.in_phase("Delayed", "Queued", "Waiting")

    @property
    def executing(self) -> list[Document]:
        return self.in_phase("Executing")


def why_run(sight: RunSight, run: Document, facts: Facts) -> Answer:
    """Of one run."""
    told = run_summary(run)
    phase, reason = told["phase"], told["reason"] or "Pending"
    over_nodes, is_over = told["jobKind"] == "FleetJob", phase in TERMINAL
    waits_by, ends_by = (PASS_WAITS, PASS_ENDS) if over_nodes else (RUN_WAITS, RUN_ENDS)
    unknown = STUCK if over_nodes and phase == "Executing" else replace(UNKNOWN, ends=is_over)
    way = (ends_by if is_over else waits_by).get(reason, unknown)
    waits = _Waits(sight, run, reason, facts.now)
    coming, if_not = (None, "") if way.ends else waits.next()
    evidence = [facts.operator] if facts.operator and not way.ends else []
    evidence += _of_end(sight, run) if way.ends else waits.evidence()
    evidence += run_webhooks.evidence(sight.job, run)
    way = replace(way, how=(*run_webhooks.ways(sight.job, run), *way.how))
    filled = {
        **_named_job(told["jobKind"], told["job"]),
        "run": told["name"],
        "first": at(run, "status", "duplicateOf") or "RUN",
    }
    since = _since_run(sight, run, reason)
    says = told["message"]
    if phase == "Executing":
        what = (
            "its nodes"
            if over_nodes
            else "the call back of its endpoint"
            if reason == CALLBACK_PENDING
            else "the answer to its call"
        )
        says = f"{what}: {says}"
    answer = answered(
        run, phase, reason, says, since, evidence, way, facts.operator, filled, coming
    )
    return replace(answer, if_not=if_not if answer.next_at else "")


def why_http_job(sight: RunSight, facts: Facts) -> Answer:
    """Of an HTTPJob: of its runs, where it is as it should be."""
    job = sight.job
    assert job is not None
    metadata, status = job["metadata"], job.get("status") or {}
    is_seen = status.get("observedGeneration") == metadata.get("generation")
    state = str(status.get("state") or "NotSeen") if is_seen else "NotSeen"
    way = JOB_WAYS.get(state, JOB_WAYS["Pending"])
    filled = _named_job("HTTPJob", metadata["name"])
    says = str(status.get("message") or "")
    evidence = [facts.operator] if facts.operator else []
    if not is_seen:
        says = f"the operator, which has not seen generation {metadata.get('generation')} yet"
    suspended = set_by(job, "suspend") if state == "Suspended" else None
    if suspended:
        evidence.append(f"spec.suspend was set by {suspended[0]} at {suspended[1]}")
    coming = None
    spec = _view(job).spec
    if spec is not None and spec.trigger.schedule is not None:
        coming = parse_time(at(status, "schedule", "nextTickTime")) if state == "Active" else None
        evidence.append(_of_schedule(spec, job, coming))
    if coming is not None:
        way = replace(way, then="with the next tick of its schedule")
    evidence += [*_of_waiting(sight), *run_webhooks.evidence(job)]
    way = replace(way, how=(*run_webhooks.ways(job), *way.how))
    if way.ends and sight.waiting:
        first = min(sight.waiting, key=lambda run: run_summary(run)["creationTime"])
        words = "wavegate why jr/{first} {n} says more of the first run that waits"
        way = replace(way, how=(words, *way.how))
        filled["first"] = first["metadata"]["name"]
    ready = condition(job, "Ready").get("lastTransitionTime")
    since = suspended[1] if suspended else str(ready or metadata.get("creationTimestamp") or "")
    reason = str(status.get("reason") or "") if is_seen else "Pending"
    answer = answered(
        job, state, reason, says, since, evidence, way, facts.operator, filled, coming
    )
    return replace(answer, runs_now=_runs_now(sight))


def with_runs(answer: Answer, sight: RunSight) -> Answer:
    """Of a FleetJob that is executed when asked: with what its runs do, beside its nodes."""
    runs_now = answer.runs_now
    if sight.executing:
        before = f"; {runs_now}" if runs_now != "nothing" else ""
        runs_now = f"{_runs_now(sight)}{before}"
    return replace(answer, runs_now=runs_now, evidence=(*answer.evidence, *_of_waiting(sight)))


class _Waits:
    """What a run that has not ended waits for, by the rules of the operator."""

    def __init__(self, sight: RunSight, run: Document, reason: str, now: float) -> None:
        self._sight, self._reason, self._now = sight, reason, now
        self._document = run
        self._run = RunDecoder().run(run).view
        self._job = _view(sight.job) if sight.job is not None else None
        self._spec = self._job.spec if self._job is not None else None

    def next(self) -> tuple[float | None, str]:
        """When it acts next, where time alone decides; and what happens then if nothing came."""
        until = self._until()
        end = expires(self._run, self._spec) if self._spec is not None else None
        if self._reason == "Executing" and self._run.job_kind == "FleetJob":
            return None, ""
        if self._reason == "Executing":
            return until, "that attempt counts as TimedOut, and is tried again while some are left"
        if self._reason == CALLBACK_PENDING:
            words = "without a heartbeat until then that attempt counts as Crashed, at its deadline"
            return until, f"{words} as TimedOut, and is tried again while some are left"
        if end is not None and (until is None or end < until):
            return max(end, self._now), "it is Expired, and does not start any more"
        return until, ""

    def evidence(self) -> list[str]:
        """What can be held against the operator's words."""
        found = []
        if self._run.canceled:
            found.append("spec.canceled is set: the operator ends it")
        spec, told = self._spec, run_summary(self._document)
        if spec is not None and self._run.attempt and "attempt" not in told["message"]:
            most = retry_of(self._run, spec).max_attempts
            found.append(f"attempt {self._run.attempt} of {most}")
        error = told["lastError"]
        if error["class"] and error["message"] not in told["message"]:
            found.append(f"the last attempt failed: {error['class']}: {error['message']}")
        if spec is not None:
            found += self._of_reason(spec)
            end = expires(self._run, spec)
            if end is not None:
                found.append(f"it expires at {format_time(end)} if it has not started")
        if self._job is not None and self._job.invalid:
            found.append(f"{self._job.kind} {self._job.name}: {self._job.invalid}")
        if self._reason not in (
            "Executing",
            CALLBACK_PENDING,
            "Scheduled",
            "RetryBackoff",
            "Pending",
        ):
            found += _of_waiting(self._sight, besides=told["name"])
        return found

    def _until(self) -> float | None:
        spec, run = self._spec, self._run
        found: float | None = None
        match self._reason:
            case "Scheduled":
                found = run.not_before
            case "RetryBackoff":
                found = run.next_retry
            case "CircuitOpen":
                times = _TIME.findall(run_summary(self._document)["message"])
                found = parse_time(times[0]) if times else None
            case "OutsideWindow" if spec is not None:
                found = opens(spec.trigger.windows, spec.trigger.time_zone, self._now)
            case "RateLimited" if spec is not None:
                found = self._granted(spec)
            case "CallbackPending" if run.callback is not None:
                found = due(run.callback, None, 0.0)
            case "Executing" if isinstance(spec, HTTPJobSpec) and run.started is not None:
                own = run.overrides.timeout if run.overrides else None
                longest = own if own is not None else spec.http.timeout
                found = run.started + longest * (2 if spec.http.fallback_url else 1)
        return found if found is not None and found > self._now else None

    def _granted(self, spec: Asked) -> float | None:
        rate = spec.runs.limits.rate
        if rate is None or self._job is None:
            return None
        status, decoder = self._job.status, RunDecoder()
        runs = [decoder.run(each).view for each in self._sight.runs]
        known = [(run.rate_clock, run.started) for run in runs]
        known.append((parse_time(status.get("rateClock")), parse_time(status.get("updatedAt"))))
        return next_time(rate, clock_of(rate, known), self._now)

    def _of_reason(self, spec: Asked) -> list[str]:
        limits, key = spec.runs.limits, self._run.concurrency_key
        executing = self._sight.executing
        match self._reason:
            case "CallbackPending":
                return _of_call_back(self._run.callback)
            case "ConcurrencyLimit":
                told = f"maxConcurrency {limits.max_concurrency}" if limits.max_concurrency else ""
                return [_named(told, executing)]
            case "KeyConcurrencyLimit":
                same = [each for each in executing if each["spec"].get("concurrencyKey") == key]
                told = f"maxConcurrencyPerKey {limits.max_concurrency_per_key}, key {key}"
                return [_named(told, same)]
            case "PoolMissing" | "PoolInvalid" | "PoolLimited":
                return [f"pools: {', '.join(limits.pools)}"]
            case "RateLimited" if limits.rate is not None:
                return [f"rate: {limits.rate.max} calls in {limits.rate.window:g} s"]
            case "OutsideWindow":
                windows = "; ".join(_window(each) for each in spec.trigger.windows)
                here = local_time(spec.trigger.time_zone, self._now)
                return [f"windows ({spec.trigger.time_zone}): {windows}; it is {here} there"]
            case "JobSuspended" if self._sight.job is not None:
                by = set_by(self._sight.job, "suspend")
                return [f"spec.suspend was set by {by[0]} at {by[1]}"] if by else []
            case _:
                return []


def _of_call_back(callback: CallbackView | None) -> list[str]:
    if callback is None or callback.accepted is None:
        return []
    heard = format_time(callback.heartbeat) if callback.heartbeat is not None else "none yet"
    found = [f"answered 202 at {format_time(callback.accepted)}", f"heartbeat on record: {heard}"]
    if callback.deadline is not None:
        found.append(f"its deadline, whatever is heard: {format_time(callback.deadline)}")
    return found


def _view(job: Document) -> AskedJobView:
    if kind_of(job) == "HTTPJob":
        return RunDecoder().job(job).view
    return asked_view(OwnDecoder().job(job).view)


def _named_job(kind: str, name: str) -> dict[str, str]:
    """What the texts of ways out say of a job."""
    short = {"FleetJob": "fj"}.get(kind, "hj")
    ref = f"{short}/{name}" if kind == "FleetJob" else name
    return {"kind": kind, "job": name, "short": short, "ref": ref}


def _since_run(sight: RunSight, run: Document, reason: str) -> str:
    told, created = run_summary(run), str(at(run, "metadata", "creationTimestamp") or "")
    if told["completionTime"]:
        return str(told["completionTime"])
    if reason in ("Executing", CALLBACK_PENDING):
        return str(told["startTime"])
    if reason == "JobSuspended" and sight.job is not None and (by := set_by(sight.job, "suspend")):
        return max(created, by[1])
    # The status is written anew only where the phase or the reason changes.
    written = [
        str(each.get("time", ""))
        for each in at(run, "metadata", "managedFields") or ()
        if each.get("subresource") == "status"
    ]
    told_first = condition(run, "Ready").get("lastTransitionTime")
    return max(written, default="") or str(told_first or created)


def _of_end(sight: RunSight, run: Document) -> list[str]:
    told, found = run_summary(run), []
    if told["attempt"]:
        began = f", the last one began at {told['startTime']}"
        found.append(f"attempts made: {told['attempt']}{began}")
    error = told["lastError"]
    if error["class"] and error["message"] not in told["message"]:
        found.append(f"the last attempt failed: {error['class']}: {error['message']}")
    first = at(run, "status", "duplicateOf")
    found += [
        f"{first} is {run_summary(each)['phase']}"
        for each in sight.runs
        if each["metadata"]["name"] == first
    ]
    again = [
        each["metadata"]["name"]
        for each in sight.runs
        if each["spec"].get("replayOf") == told["name"]
    ]
    if again:
        found.append(f"it was replayed: {', '.join(sorted(again)[:_MOST_NAMED])}")
    return found


def _of_waiting(sight: RunSight, besides: str = "") -> list[str]:
    """How many runs of the job wait, for what, and since when the first of them.

    ``besides``: name of the run of which it is said already.
    """
    waiting = [each for each in sight.waiting if each["metadata"]["name"] != besides]
    if not waiting:
        return []
    reasons = Counter(run_summary(each)["reason"] or "Pending" for each in waiting)
    counted = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    first = min(run_summary(each)["creationTime"] for each in waiting)
    other, several = "other " if besides else "", len(waiting) > 1
    runs = (
        f"{len(waiting)} {other}run{'s' if several else ''} of the job wait{'' if several else 's'}"
    )
    return [f"{runs}: {counted}; the first was asked for at {first}"]


def _runs_now(sight: RunSight) -> str:
    executing = sight.executing
    if not executing:
        return "nothing"
    return _named("", executing)


def _named(limit: str, runs: Sequence[Document]) -> str:
    """``maxConcurrency 1: a executes since …``."""
    told = [
        f"{each['metadata']['name']} since {run_summary(each)['startTime']}"
        for each in runs[:_MOST_NAMED]
    ]
    if len(runs) > _MOST_NAMED:
        told.append(f"and {len(runs) - _MOST_NAMED} more")
    words = f"{len(runs) or 'none'} execute{'s' if len(runs) == 1 else ''}"
    names = f" ({', '.join(told)})" if told else ""
    return f"{limit}{': ' if limit else ''}{words}{names}"


def _of_schedule(spec: Asked, job: Document, coming: float | None) -> str:
    schedule, zone = spec.trigger.schedule, spec.trigger.time_zone
    assert schedule is not None
    words = f"schedule {schedule.cron} ({zone})"
    if coming is not None:
        words += f": next tick {local_time(zone, coming)} there"
    record = at(job, "status", "schedule") or {}
    for count, name in (("missedTicks", "missed"), ("skippedTicks", "skipped")):
        if record.get(count):
            words += f", {record[count]} {name} so far"
    return words


def _window(window: Window) -> str:
    if window.cron is not None:
        return window.cron
    days = f"{', '.join(window.days)} " if window.days else ""
    return f"{days}{window.start} to {window.end}"
