"""The pass over one job's runs: what is observed in, what is to be written and called out.

It is level-triggered: everything follows from the objects, from the calls that this process makes
and from their answers, so that any pass may be lost or repeated. What has ended is put on record
first; then runs start as far as limits and slots go; the rest says why it waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cached_property
from itertools import chain
from typing import Any, Final

from wavegate.api.asked import Asked
from wavegate.api.canonical import http_job_hash
from wavegate.api.httpjob import HTTPJobSpec
from wavegate.api.jobrun import Phase
from wavegate.api.names import run_version_name
from wavegate.domain.actions import SetStatus, Urgency
from wavegate.domain.times import format_time, format_time_micro
from wavegate.runs import notes
from wavegate.runs.actions import CreateRunVersion, RunPlan, RunStep
from wavegate.runs.callbacks import CallbackView, due
from wavegate.runs.circuit import circuit_holds
from wavegate.runs.counting import counting, later_than_counted
from wavegate.runs.dependencies import unmet
from wavegate.runs.duplicates import Standing
from wavegate.runs.held import Held
from wavegate.runs.history import tidied
from wavegate.runs.limits import Allowance, rate_clock
from wavegate.runs.lineage import MAX_DEPTH, TOO_DEEP
from wavegate.runs.making import of_ends, of_tick
from wavegate.runs.observed import AskedJobView, ObservedRuns, RunVersionView, RunView
from wavegate.runs.order import in_turn
from wavegate.runs.passing import passing
from wavegate.runs.payload import problems
from wavegate.runs.report import report
from wavegate.runs.settle import LOST, heard_of, retry_of, settled, silence
from wavegate.runs.starting import start
from wavegate.runs.states import TERMINAL, may_follow
from wavegate.runs.statuses import facts_of, is_told, status_of
from wavegate.runs.target import endpoint_of, url_of
from wavegate.runs.ticking import Ticking, ticking
from wavegate.runs.triggering import Triggering, triggering
from wavegate.runs.version_policy import version_for
from wavegate.runs.waiting import (
    eligible_since,
    expires,
    held,
    of_job,
    phase_of,
    queue_full,
    queued_behind,
    unmade,
)
from wavegate.runs.webhooks import Telling, outbox, telling
from wavegate.runs.windows import opens

_BEFORE_QUEUED: Final = {
    "Delayed": ("Due", "its time has come"),
    "Waiting": ("DependenciesMet", "what its job depends on lets it start"),
}
"""By phase, reason and message of a run that can start now, or waits from now on for other jobs."""

TOLD_AFTER: Final = 1.0
"""Seconds that a run waits before that is put on record: most do not wait so long."""


def plan(observed: ObservedRuns) -> RunPlan:
    """What is to be done for a job's runs now."""
    return _Pass(observed).plan()


class _Pass:
    def __init__(self, observed: ObservedRuns) -> None:
        self.observed = observed
        self.now = observed.now
        job = observed.job
        self.job = job if job is not None and not job.deleting else None
        self.spec: Asked | None = self.job.spec if self.job else None
        self.versions = [each for each in observed.versions if not each.deleting]
        self.steps: list[RunStep] = []
        self.abandon: set[str] = set()
        self.wanting = False
        self.pools: set[str] = set()
        self.telling = Telling()
        self._pending = len(observed.undelivered)
        self._wakes: list[float | None] = []
        self._clock: float | None = None

    def plan(self) -> RunPlan:
        ticks, triggers = self._made()
        waiting = self._end({run.uid for run in ticks.cancel})
        executing = [run for run in self.observed.active if run.phase == "Executing"]
        if self.spec is None or self.job is None or self.job.rolls_out:
            self._tell([(run, of_job(run, self.job)) for run in waiting], None)
        else:
            if isinstance(self.spec, HTTPJobSpec):
                self._version(self.spec)
            self._begin(self.spec, waiting, [*executing, *self.observed.leaving])
            if self.observed.tidy:
                removals, wake_at = tidied(self.observed, self.job, self.versions)
                self.steps += removals
                self._wakes.append(wake_at)
            self._tell_webhook(self.job)
        self._report(ticks, triggers)
        gone = self.observed.calling - {run.uid for run in executing}
        return RunPlan(
            steps=tuple(self.steps),
            abandon=frozenset(self.abandon | gone),
            wanting=self.wanting,
            pools=frozenset(self.pools),
            tell=self.telling.begin,
            wanting_to_tell=self.telling.wanting,
            wake_at=min((at for at in self._wakes if at is not None), default=None),
        )

    # What ends.

    def _end(self, replaced: Set[str]) -> list[RunView]:
        """Put ends on record; the runs that are left and do not execute.

        ``replaced``: uids of those in whose place the run of a newer tick is made.
        """
        waiting = []
        for run in self.observed.active:
            status = self._ended(run, run.uid in replaced)
            if status is not None:
                self._set(run, status, Urgency.RECORD)
            elif run.phase != "Executing":
                waiting.append(run)
        return waiting

    def _ended(self, run: RunView, replaced: bool) -> dict[str, Any] | None:
        canceled = "spec.canceled is set" if run.canceled else self.observed.cancels.get(run.uid)
        if run.phase == "Executing" and run.job_kind == "FleetJob":
            return self._passed(run, "Canceling" if canceled else "Replacing" if replaced else "")
        if run.phase == "Executing":
            answer = self.observed.answers.get(run.uid)
            if answer is not None:
                return self._settled(run, answer)
            if canceled:
                self.abandon.add(run.uid)
                words = f"{canceled}; what the endpoint makes of the call is not known"
                return self._canceled(run, "Canceled", words)
            if replaced:
                self.abandon.add(run.uid)
            elif run.callback is not None and run.callback.accepted is not None:
                return self._waits_for_call_back(run, run.callback)
            elif run.uid not in self.observed.calling:
                return self._settled(run, LOST)
        elif canceled:
            return self._canceled(run, "Canceled", canceled)
        elif run.invalid:
            return self._canceled(run, "InvalidSpec", run.invalid)
        if replaced:
            return self._canceled(run, "Replaced", "a newer tick of the schedule replaces it")
        return None if run.phase == "Executing" else self._expired(run)

    def _passed(self, run: RunView, stop: str) -> dict[str, Any] | None:
        found, version = self.observed.passes.get(run.uid), self._version_of(run.version)
        retry = retry_of(run, version.spec if version else self.spec)
        made = passing(run, found, version, retry, self.now, stop, self.observed.refusals)
        self.steps += [made.step] if made.step is not None else []
        return made.status

    def _waits_for_call_back(self, run: RunView, callback: CallbackView) -> dict[str, Any] | None:
        heard, since = self.observed.heartbeats.get(run.uid), self.observed.leads_since
        if answer := silence(callback, heard, since, self.now):
            return self._settled(run, answer)
        self._wakes.append(due(callback, heard, since))
        return heard_of(run, callback, heard, self.now)

    def _expired(self, run: RunView) -> dict[str, Any] | None:
        end = expires(run, self.spec) if self.spec is not None else None
        if end is None:
            return None
        if end > self.now:
            self._wakes.append(end)
            return None
        words = f"it had not started by {format_time(end)}"
        return status_of(run, "Expired", "Expired", words, self.now, **facts_of(run))

    def _settled(self, run: RunView, answer: Any) -> dict[str, Any]:
        version = self._version_of(run.version)
        retry = retry_of(run, version.spec if version else self.spec)
        return settled(run, answer, retry, self.now)

    def _canceled(self, run: RunView, reason: str, words: str, **facts: Any) -> dict[str, Any]:
        facts |= {**facts_of(run), "holder": None}
        return status_of(run, "Canceled", reason, words, self.now, **facts)

    # Versions and ticks.

    def _version(self, spec: HTTPJobSpec) -> None:
        """A changed spec becomes a version."""
        if self._is_current():
            return
        assert self.job is not None
        known = [each.version for each in self.observed.versions]
        number = max([int(self.job.status.get("version") or 0), *known], default=0) + 1
        name = run_version_name(self.job.name, number)
        action = CreateRunVersion(name, number, self.job.raw_spec, http_job_hash(spec))
        self.steps.append(RunStep(f"JobVersion/{name}", Urgency.CREATE, (action,)))

    def _is_current(self) -> bool:
        assert self.job is not None
        return bool(self.versions) and self.versions[-1].version_key == self.job.version_key

    @property
    def _newest(self) -> RunVersionView | None:
        """By which a run executes that is asked for now; None: it is being made."""
        is_made = bool(self.versions) and (self.spec is None or self._is_current())
        return self.versions[-1] if is_made else None

    def _version_of(self, number: int) -> RunVersionView | None:
        return next((each for each in self.versions if each.version == number), None)

    def _made(self) -> tuple[Ticking, Triggering]:
        """Runs that the job makes by itself: for ticks, and for the ends of other jobs' runs."""
        job = self.job
        if job is None or job.spec is None:
            return Ticking(), Triggering()
        ticks = ticking(job, self._own(job), self.now)
        triggers = triggering(job, self.observed.upstreams, self._own(job), self.now)
        if ticks.create:
            made = tuple(of_tick(job, tick) for tick in ticks.create)
            self.steps.append(RunStep("JobRun/schedule", Urgency.CREATE, made))
        if triggers.ends:
            run = of_ends(job, triggers.ends)
            self.steps.append(RunStep("JobRun/dependencies", Urgency.CREATE, (run,)))
        self._wakes.append(ticks.wake_at)
        return ticks, triggers

    def _own(self, job: AskedJobView) -> Iterator[RunView]:
        """The job's own runs. Most passes need none of them, and there may be thousands."""
        runs = chain(self.observed.active, self.observed.finished)
        return (run for run in runs if run.owner_uid == job.uid)

    # What begins.

    def _begin(self, spec: Asked, waiting: list[RunView], executing: list[RunView]) -> None:
        current = self._is_current()
        opening = opens(spec.trigger.windows, spec.trigger.time_zone, self.now)
        depends = unmet(spec.trigger.depends_on, self.observed.upstreams, self.now)
        candidates: dict[str, RunVersionView] = {}
        able: list[RunView] = []
        left: list[tuple[RunView, Held]] = []
        starting = [run for run in waiting if run.uid in self.observed.calling]
        for run in waiting:
            # One whose write has failed takes nobody's place until it may be tried again.
            if run.uid in self.observed.calling or run.step_key in self.observed.delayed:
                continue
            version = self._chosen(run, spec) if current or run.version else None
            if version is None and run.version:
                self._refuse(run, "VersionMissing", f"version {run.version} of its job is gone")
                continue
            reason = (
                held(run, self.now, spec.suspend, opening)
                or (unmade(self.job) if version is None else None)
                or queued_behind(run, self.observed.active, spec)
                or depends
            )
            if reason is None and version is None:
                continue  # it is being made
            is_due = reason is None or not may_follow(run.phase, phase_of(run, reason.reason))
            if is_due and run.phase in _BEFORE_QUEUED:
                status = status_of(run, "Queued", *_BEFORE_QUEUED[run.phase], self.now)
                self._set(run, status, Urgency.RECORD)
            elif reason is not None:
                left.append((run, reason))
            elif version is not None:
                candidates[run.uid] = version
                able.append(run)
        left += self._start(spec, able, candidates, executing, starting)
        self._tell(left, spec)

    def _chosen(self, run: RunView, spec: Asked) -> RunVersionView | None:
        if run.attempt and run.job_kind == "FleetJob":
            return self._version_of(run.version)  # what it made at its begin
        pinned = run.version or self.versions[-1].version
        return version_for(spec.runs.version_policy, pinned, self.versions)

    @cached_property
    def _standing(self) -> Standing:
        return Standing(chain(self.observed.active, self.observed.finished))

    def _refused(self, run: RunView, spec: Asked, version: RunVersionView | None) -> bool:
        """Whether it is refused before anything is on record of it."""
        if run.status.get("reason"):
            return False
        if run.lineage_depth > MAX_DEPTH:
            self._refuse(run, "LineageTooDeep", TOO_DEEP)
            return True
        if run.idempotency_key or spec.runs.dedup_window:
            found = self._standing.duplicated_by(run, spec.runs.dedup_window)
            if found is not None:
                self._refuse(run, found.reason, found.message, duplicateOf=found.first)
                return True
        if run.payload is not None and version is not None:
            assert version.spec is not None
            words = problems(run.payload, version.spec.runs.payload_schema)
            if words:
                self._refuse(run, "PayloadInvalid", f"spec.{words}")
                return True
        return False

    def _refuse(self, run: RunView, reason: str, words: str, **facts: Any) -> None:
        self._set(run, self._canceled(run, reason, words, **facts), Urgency.RECORD)

    def _start(
        self,
        spec: Asked,
        able: list[RunView],
        versions: dict[str, RunVersionView],
        executing: list[RunView],
        starting: list[RunView],
    ) -> Iterator[tuple[RunView, Held]]:
        """Start what may, in order; yields what may not, and why.

        ``starting``: runs that were chosen before, of which that is not on record yet.
        """
        assert self.job is not None
        runs = chain(self.observed.active, self.observed.finished)
        self._clock = rate_clock(self.job, runs, self.now)
        limits, pools = spec.runs.limits, self.observed.pools
        allowance = Allowance.of(limits, executing, self._clock, self.now, pools)
        for run in starting:
            allowance.take(run)
        probing: set[str] = set()
        free = self.observed.slots
        for run in in_turn(able, executing, self.observed.finished, self.now):
            version = versions[run.uid]
            assert version.spec is not None
            http = version.spec.http if isinstance(version.spec, HTTPJobSpec) else None
            endpoint = endpoint_of(url_of(http, run.namespace)) if http is not None else ""
            reason = circuit_holds(endpoint, self.observed.held, probing) or allowance.refuses(run)
            if reason is None and http is not None and not free:
                self.wanting = True
                reason = Held("OperatorBusy", "the operator makes as many calls as it may")
            if reason is None and self._refused(run, spec, version):
                continue
            if reason is not None:
                self.pools |= {reason.pool} - {""}
                yield run, reason
                continue
            free -= http is not None
            allowance.take(run)
            if endpoint in self.observed.probes:
                probing.add(endpoint)
            self._clock = allowance.clock
            self.steps.append(start(self.observed, run, version, spec, allowance))

    # What waits.

    def _tell(self, left: list[tuple[RunView, Held]], spec: Asked | None) -> None:
        if spec is not None:
            left = self._bounded(left, spec)
        for run, reason in left:
            self._wakes.append(reason.until)
            phase = phase_of(run, reason.reason)
            is_pinned = bool(run.version) or self._newest is None
            if is_pinned and is_told(run, phase, reason.reason, reason.message):
                continue
            if spec is not None and self._is_rejected(reason, spec):
                self._refuse(run, "RateLimited", reason.message)
                continue
            told = eligible_since(run, self.observed.seen.get(run.uid)) + TOLD_AFTER
            if phase != "Delayed" and told > self.now:
                self._wakes.append(told)
                continue
            if spec is not None and self._refused(run, spec, self._newest):
                continue
            end = expires(run, spec) if spec is not None else None
            facts = {
                **facts_of(run),
                "version": run.version or (self._newest.version if self._newest else None),
                "expirationTime": format_time(end) if end is not None else None,
            }
            words = status_of(run, phase, reason.reason, reason.message, self.now, **facts)
            self._set(run, words, Urgency.CLEAN)

    def _is_rejected(self, reason: Held, spec: Asked) -> bool:
        rate = spec.runs.limits.rate
        rejects = rate is not None and rate.on_limit == "Reject"
        return rejects and reason.reason == "RateLimited"

    def _bounded(self, left: list[tuple[RunView, Held]], spec: Asked) -> list[tuple[RunView, Held]]:
        """Without those that are too many: the newest of which nothing is on record."""
        over = len(left) - spec.runs.limits.max_queued
        if over <= 0:
            return left
        new = [run for run, _ in left if not run.status.get("reason")]
        new.sort(key=lambda run: (run.created, run.name))
        refused = {run.uid: run for run in new[max(0, len(new) - over) :]}
        for run in refused.values():
            self._refuse(run, "QueueFull", queue_full(spec.runs.limits.max_queued))
        return [each for each in left if each[0].uid not in refused]

    # What is told of what has ended.

    def _outbox(self, run: RunView, phase: Phase) -> dict[str, Any]:
        """What the write that ends a run says of the webhook."""
        version = self._version_of(run.version)
        spec = self.spec or (version.spec if version else None)
        told = outbox(spec.runs.webhook if spec else None, phase, self._pending, self.now)
        self._pending += told is not None
        return {"webhook": told} if told is not None else {}

    def _tell_webhook(self, job: AskedJobView) -> None:
        seen = self.observed
        self.telling = telling(job, seen.undelivered, seen.deliveries, seen.delayed, self.now)
        self.steps += self.telling.steps
        self._wakes.append(self.telling.wake_at)

    # What the job says.

    def _report(self, ticks: Ticking, triggers: Triggering) -> None:
        job = self.job
        if job is None or job.rolls_out:
            return
        facts: dict[str, Any] = {}
        if self.versions:
            facts["version"] = self.versions[-1].version
        if ticks.status is not None:
            facts["schedule"] = dict(ticks.status) or None
        if triggers.status is not None:
            facts["dependencies"] = list(triggers.status) or None
        if self.spec is not None:
            rated = self.spec.runs.limits.rate is not None and self._clock is not None
            facts["rateClock"] = format_time_micro(self._clock or 0.0) if rated else None
            facts["webhook"] = self.telling.hook
        if job.kind == "HTTPJob":
            counts = counting(job, self.observed.uncounted, self.now)
            if counts.health is not None:
                facts["health"] = counts.health
            self._wakes.append(counts.wake_at)
        step = report(job, self.observed.active, self.now, facts)
        self.steps += [step] if step is not None else []

    def _set(self, run: RunView, status: dict[str, Any], urgency: Urgency) -> None:
        if self.job is not None:
            status = later_than_counted(self.job, status, self.now)
        if status["phase"] in TERMINAL:
            status |= self._outbox(run, status["phase"])
        told = notes.of_run(run.name, status)
        action = SetStatus("JobRun", run.name, run.uid, run.resource_version, status, notes=told)
        self.steps.append(RunStep(run.step_key, urgency, (action,)))
