"""Plan: one pass over one job, from what is observed to what is to be done.

``plan`` is pure: the same snapshot gives the same plan. It is level-triggered: everything it needs
is in the snapshot, nothing in the event that caused it, so that any pass may be lost or repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from wavegate.domain import (
    asked,
    blockers,
    conditions,
    cordon,
    deletion,
    deployments,
    hold,
    late_starts,
    leaving,
    overdue,
    prepull,
    retention,
    versions,
    waiting,
    work,
)
from wavegate.domain.actions import Plan, PrepareVersion, Probe, Step, Urgency
from wavegate.domain.capacity import held_places, places_of_rest, places_of_rollout
from wavegate.domain.claim import Chain
from wavegate.domain.conditions import State
from wavegate.domain.fallback import home
from wavegate.domain.finding import Finding, Question, find, probe_of
from wavegate.domain.fleet import Fleet
from wavegate.domain.memory import Memory
from wavegate.domain.observed import (
    Cordon,
    DeploymentView,
    ExecutionView,
    Observed,
    VersionView,
)
from wavegate.domain.places import needs_place
from wavegate.domain.portion import Portion
from wavegate.domain.records import stable_version_status
from wavegate.domain.rollout import Outlook, outlook
from wavegate.domain.sources import NOT_CONFIGURED
from wavegate.domain.stance import Scope, scope
from wavegate.domain.stopping import SUSPENDED, stop_progress, stop_reason
from wavegate.domain.timeouts import is_over, queue_ends, wanted_until
from wavegate.domain.waves import Progress, next_takes, progress
from wavegate.domain.work import NewClaim
from wavegate.drivers.driver import DocumentError, driver_for
from wavegate.drivers.pod import render_pod


def plan(observed: Observed, memory: Memory | None = None) -> Plan:
    """Decide what is to be done for one job now.

    ``memory``: of the passes before, for this job. The plan is the same without, and takes longer.
    """
    if observed.kind_gone:
        return Plan(steps=_not_busy(observed, deletion.remove_ownerless(observed)))
    if observed.job.deleting:
        left = cordon.leftovers(observed, cordon.closed(observed.nodes))
        opened = [cordon.undo(*each) for each in left.items()]
        steps = [*deletion.stop_everything(observed), *opened]
        if not observed.job.uid:
            return Plan(_not_busy(observed, [*steps, *deployments.without_job(observed)]))
        return Plan(steps=_not_busy(observed, steps))
    spec = observed.job.spec or asked.spec_of_run(observed)
    if spec is None:
        return Plan(steps=_not_busy(observed, conditions.invalid(observed)))
    return _Pass(Fleet(observed, spec, memory)).run()


def _not_busy(observed: Observed, steps: Iterable[Step | None]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step is not None and step.key not in observed.busy)


@dataclass
class _Pass:
    """The working state of one pass; what it collects becomes the Plan."""

    fleet: Fleet
    steps: list[Step | None] = field(default_factory=list)
    wake_ups: list[float] = field(default_factory=list)
    blocker: State | None = None
    prepared: dict[int, bool] = field(default_factory=dict)
    loud: Mapping[str, Finding] = field(default_factory=dict)
    """What was found of nodes on which there is something to do, now or later, in order."""
    deadlines: dict[str, float] = field(default_factory=dict)
    """By node, of the executions being judged."""
    leaving: set[str] = field(default_factory=set)
    """Nodes on which a stable execution stops: each holds a place until its pod is gone."""
    cordoned: dict[str, Cordon] = field(default_factory=dict)
    """By node, cordons that are to be undone."""
    ending: bool = False
    """Whether the open rollout has failures that end it, on record or not."""
    taken_back: int = 0
    """The version of which nothing begins any more; 0: there is none."""

    def run(self) -> Plan:
        fleet = self.fleet
        self.steps += deletion.stop_former(fleet.observed)
        self.cordoned = cordon.leftovers(fleet.observed, fleet.closed)
        self.steps += deployments.end_asked(fleet)
        self.steps += deployments.answer_users(fleet)
        self.steps.append(versions.new_version(fleet))
        self.steps.append(versions.new_deployment(fleet))
        self.steps += [
            deployments.supersede(fleet, *pair) for pair in deployments.superseded(fleet)
        ]
        holding = hold.holding(fleet)
        rollout = self._open_rollout()
        self._look_at_nodes(Question(fleet, rollout, self._spared(holding)))
        run, stands = self._stands(rollout, holding) if rollout is not None else (None, None)
        self._wake_for_timeouts(run)
        self.ending = run is not None and late_starts.is_ending(run, self._failing(run))
        self.taken_back = late_starts.taken_back(fleet, run, stands, ending=self.ending)
        stops = self._stops(run)
        claims = self._claims(run, stands)
        self._act_on_nodes(claims, stops)
        self.steps += prepull.pulls(fleet, run, stands, claims)
        # Where judging is held, that says who cannot be read.
        is_held = stands is not None and stands.reason == "MetricsUnreadable"
        doing = "" if is_held else waiting.doing(fleet, run, self.deadlines)
        self.blocker = self.blocker or blockers.in_the_way(fleet)
        if run is not None and stands is not None:
            obstacle = self.blocker.message if self.blocker is not None else ""
            self._record_rollout(run, stands, doing or obstacle)
        self.steps += retention.remove_old(fleet)
        # Of the spec as it is now no version is made: nothing to an open rollout of another one.
        over_all = blockers.together(blockers.config_too_large(fleet), self.blocker)
        state = conditions.job_state(fleet, run, stands, doing, over_all)
        self.steps.append(conditions.job_status(fleet, run, state))
        self.wake_ups += overdue.looks_at(fleet)
        wake_at = min((at for at in self.wake_ups if fleet.now < at < math.inf), default=None)
        steps, looks = _not_busy(fleet.observed, self.steps), tuple(overdue.looks(fleet))
        return Plan(steps, self._halted(), self._probes(holding), looks, wake_at)

    def _open_rollout(self) -> Scope | None:
        """The open rollout; a job without one may have a Stop to record, or one that waits."""
        fleet = self.fleet
        deployment = deployments.active(fleet)
        ended = {each.name for each, _ in deployments.superseded(fleet)}
        if deployment is None or deployment.name in ended:
            return None
        if deployment.type == "Stop":
            self.steps.append(deployments.record_stop(fleet, stop_progress(fleet, deployment)))
            return None
        if asked.rests(fleet):
            return None
        if fleet.spec.suspend and not deployment.canceled:
            if not deployment.sequence and fleet.is_users(deployment):
                words = "the job is suspended; begins when spec.suspend of FleetJob"
                words = f"{words} {fleet.job.name} is turned off"
                wait = deployments.wait_for(fleet.now, deployment, SUSPENDED, words)
                self.steps.append(wait)
            return None
        version = fleet.versions.get(deployment.to_version)
        if version is None or version.spec is None:
            self.blocker = blockers.version_missing(fleet, deployment, version)
            return None
        return scope(fleet, deployment, version)

    def _spared(self, holding: hold.Holding) -> dict[str, float]:
        """By node, until when the deadline of its execution does not count."""
        fleet = self.fleet
        if stop_reason(fleet) or not (holding.places or holding.readable_since):
            return {}
        spared = ((each, holding.until(fleet, each)) for each in fleet.unproven)
        return {chain.node: until for chain, until in spared if until is not None}

    def _look_at_nodes(self, asked: Question) -> None:
        fleet = self.fleet
        versions = (asked.wanted, fleet.stable, fleet.once(home))
        standings = [fleet.standing(each) for each in versions if each is not None]
        fleet.memory.look(
            fleet.chains, standings, asked.context, asked.spared, partial(find, asked)
        )
        loud = fleet.memory.loud
        self.loud = {name: loud[name] for name in fleet.ordered(loud)}
        self.deadlines = {
            name: each.deadline for name, each in self.loud.items() if each.deadline is not None
        }
        self.wake_ups += [each.wake_at for each in self.loud.values()]

    def _stands(self, rollout: Scope, holding: hold.Holding) -> tuple[Progress, Outlook]:
        """How far the open rollout has come, and where it stands."""
        fleet = self.fleet
        lineup = fleet.memory.lineup
        run = progress(fleet, rollout.deployment, rollout.version, lineup)
        own = fleet.judging_of(rollout.version, rollout.deployment.name)
        held = holding.of_rollout(fleet, own, run.unsettled.values())
        if held.until is not None:
            self.wake_ups.append(held.until)
        return run, outlook(fleet, run, held.why, held.given_up, held.until)

    def _failing(self, run: Progress) -> list[ExecutionView]:
        """Members of its current wave whose failure is reached and not on record yet."""
        wave = {name: run.unsettled[name] for name in run.in_wave}
        return [each for name, each in wave.items() if self.loud.get(name, _NOTHING).fails]

    def _waits(self, name: str, chain: Chain) -> bool:
        overdue = self.fleet.now >= self.deadlines.get(name, math.inf)
        return late_starts.waits(chain, self.taken_back, overdue=overdue)

    def _halted(self) -> frozenset[str]:
        """Steps under way that would begin what is taken back."""
        fleet = self.fleet
        waiting = (
            f"node/{name}"
            for name, chain in fleet.memory.unstable.items()
            if self._waits(name, chain)
        )
        return fleet.observed.busy.intersection(waiting)

    def _wake_for_timeouts(self, run: Progress | None) -> None:
        ends = [wanted_until(self.fleet)]
        if run is not None:
            ends.append(queue_ends(run.deployment, run.version))
            away = (self.fleet.nodes.get(name) for name in (*run.absent, *run.unsettled))
            lost_after = self.fleet.settings.lost_after
            ends += [node.ready_changed + lost_after for node in away if node and not node.ready]
        self.wake_ups += [each for each in ends if each is not None]

    def _stops(self, run: Progress | None) -> dict[str, str]:
        """Nodes on which the job is to stop now, with the reason; those that left, by places."""
        fleet = self.fleet
        due = {name: each.leaves for name, each in self.loud.items() if each.leaves}
        self.leaving = {each for each in due if leaving.holds_place(fleet, fleet.chains[each])}
        free = self._free(self._places_to_leave(run)) if due else None
        stops, taken = leaving.by_places(fleet, due, free)
        self.leaving |= taken
        return stops

    def _free(self, places: int | None) -> int | None:
        """How many of a number of places nobody holds; None where there is no limit."""
        if places is None:
            return None
        return places - held_places(self.fleet, self.leaving)

    def _places_to_leave(self, run: Progress | None) -> int | None:
        if run is not None:
            return places_of_rollout(run)
        newest = self.fleet.accepted[-1] if self.fleet.accepted else None
        number = newest.to_version if newest is not None else 0
        version = self.fleet.versions.get(number) or self.fleet.stable  # a Stop has none
        return places_of_rest(self.fleet, newest, version)

    def _claims(self, run: Progress | None, stands: Outlook | None) -> dict[str, NewClaim]:
        """Which nodes get which version now."""
        fleet = self.fleet
        if stop_reason(fleet) or asked.rests(fleet):
            return {}
        claims: dict[str, NewClaim] = {}
        if run is not None and stands is not None:
            claims = self._takes(run, stands)
        newest = fleet.accepted[-1] if fleet.accepted else None
        if run is None and newest is not None and newest.state == "Completed":
            claims = self._catch_up(newest)
        name_of = newest.name if newest is not None else ""
        portion = Portion(fleet)
        for name, found in self.loud.items():
            following = found.following
            if following is None or name in claims or not self._is_prepared(following.version):
                continue
            if fleet.now < following.not_before:
                self.wake_ups.append(following.not_before)
                continue
            if not portion.admits(name):
                break
            claims[name] = NewClaim(following.version, 0, name_of)
        return claims

    def _takes(self, run: Progress, stands: Outlook) -> dict[str, NewClaim]:
        pinned = run.deployment.started is not None and run.deployment.total == run.sizes.total
        if not pinned or not stands.may_take or self.ending:
            return {}
        if not run.candidates or not self._is_prepared(run.version):
            return {}
        free = self._free(places_of_rollout(run))
        portion, name = Portion(self.fleet), run.deployment.name
        claims: dict[str, NewClaim] = {}
        for take in next_takes(self.fleet, run, stands.may_advance, free):
            if not portion.admits(take.node):
                break
            claims[take.node] = NewClaim(run.version, take.wave, name)
        return claims

    def _catch_up(self, newest: DeploymentView) -> dict[str, NewClaim]:
        """After a rollout that completed, targets not up to date are brought to it, by places."""
        fleet = self.fleet
        stable = fleet.stable
        if stable is None or stable.spec is None or is_over(fleet, stable.workload_hash):
            return {}
        lagging = [name for name, each in self.loud.items() if each.lags]
        if lagging and (missing := fleet.judging_of(stable, newest.name).missing_source):
            self.blocker = State("", NOT_CONFIGURED, missing, stalled=True)
            return {}
        free = self._free(places_of_rest(fleet, newest, stable))
        claims: dict[str, NewClaim] = {}
        portion = Portion(fleet)
        for name in lagging:
            if needs_place(fleet.chains.get(name), one_shot=fleet.one_shot) and free is not None:
                if free <= 0:
                    continue
                free -= 1
            if not portion.admits(name):
                break
            claims[name] = NewClaim(stable, 0, newest.name)
        return claims if claims and self._is_prepared(stable) else {}

    def _is_prepared(self, version: VersionView) -> bool:
        """Whether the version's ConfigMap is there and its pod was accepted; asks for it if not."""
        if version.version not in self.prepared:
            self.prepared[version.version] = self._prepare(version)
        return self.prepared[version.version]

    def _prepare(self, version: VersionView) -> bool:
        fleet = self.fleet
        if fleet.one_shot and self._document(version) is None:
            return False  # also what was prepared may be out of what is allowed now
        if fleet.is_in_use(version):
            return True
        outcome = fleet.observed.prepared.get(version.version)
        if outcome is not None and outcome.ok:
            return True
        if outcome is not None:
            self.blocker = blockers.template_refused(version, outcome.message)
            retry_at = outcome.at + blockers.RETRY_PREPARATION
            if fleet.now < retry_at:
                self.wake_ups.append(retry_at)
                return False
        self.steps.append(self._preparation(version))
        return False

    def _preparation(self, version: VersionView) -> Step | None:
        fleet = self.fleet
        data = self._document(version)
        if data is None:
            return None
        node = next(iter(fleet.targets(version)), "none")
        pod = render_pod(
            job=fleet.job,
            version=version,
            node=node,
            execution="dry-run",
            deployment=version.name,
            settings=fleet.settings,
        )
        action = PrepareVersion(version.version, version.name, version.uid, data, pod)
        return Step(f"Preparation/{version.name}", Urgency.CREATE, (action,))

    def _document(self, version: VersionView) -> dict[str, str] | None:
        """What the version's ConfigMap is to hold; None where its driver refuses the config."""
        assert version.spec is not None
        driver = driver_for(version.spec.type)
        try:
            return driver.document(version.spec, version.driver_image, self.fleet.settings)
        except DocumentError as error:
            self.blocker = State("", "TemplateRefused", str(error), stalled=True)
            return None

    def _act_on_nodes(self, claims: Mapping[str, NewClaim], stops: Mapping[str, str]) -> None:
        """The next step on each node on which there is something to do."""
        due = {
            name
            for name, each in self.loud.items()
            if each.pressing is not None or each.step is not None
        }
        busy = self.fleet.observed.busy
        for name in self.fleet.ordered(due.union(claims, stops, self.cordoned)):
            if f"node/{name}" not in busy:
                self.steps.append(self._step(name, claims.get(name), stops.get(name, "")))

    def _step(self, name: str, new: NewClaim | None, stop: str) -> Step | None:
        fleet = self.fleet
        found = self.loud.get(name, _NOTHING)
        chain = fleet.chains.get(name) or Chain(name, ())
        if stop:
            return work.stop(fleet, chain, stop)
        due = found.pressing
        if self._waits(name, chain):
            due, found = late_starts.record_of(found), _NOTHING
        if due is not None:
            return due
        if name in self.cordoned:
            return cordon.undo(name, self.cordoned[name])
        return work.claim(fleet, chain, new) if new is not None else found.step

    def _record_rollout(self, run: Progress, stands: Outlook, doing: str) -> None:
        if stands.stamp_stable:
            write = stable_version_status(self.fleet, run.version, run.deployment)
            key = f"JobVersion/{run.version.name}"
            self.steps.append(Step(key, Urgency.RECORD, (write,)))
        ready = {name: at for name, at in self.deadlines.items() if name in run.unsettled}
        self.steps.append(deployments.record(self.fleet, run, stands, ready, doing))

    def _probes(self, holding: hold.Holding) -> tuple[Probe, ...]:
        fleet = self.fleet
        if stop_reason(fleet):
            return ()
        judged = (each.probe for each in self.loud.values())
        references = (probe_of(fleet, *each) for each in holding.references)
        return tuple(probe for probe in (*judged, *references) if probe is not None)


_NOTHING: Final = Finding()
