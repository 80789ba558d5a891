"""Plan: one pass over one job, from what is observed to what is to be done.

``plan`` is pure: the same snapshot gives the same plan. It is level-triggered: everything it needs
is in the snapshot, nothing in the event that caused it, so that any pass may be lost or repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from wavegate.api.conditions import READY, STALLED, Condition, set_conditions
from wavegate.api.names import version_name
from wavegate.domain import conditions, deletion, deployments, hold, versions, waiting, work
from wavegate.domain.actions import Plan, PrepareVersion, Probe, SetStatus, Step, Urgency
from wavegate.domain.claim import Chain
from wavegate.domain.conditions import State
from wavegate.domain.evidence import clean
from wavegate.domain.fallback import next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.leaving import (
    NO_LONGER_MATCHES,
    is_leaving,
    needs_place_to_leave,
    reason_to_stop,
)
from wavegate.domain.observed import DeploymentView, ExecutionView, Observed, VersionView
from wavegate.domain.places import holds_place, needs_place
from wavegate.domain.records import stable_version_status, stamped
from wavegate.domain.rollback import rollback_places
from wavegate.domain.rollout import Outlook, outlook
from wavegate.domain.sources import source_of
from wavegate.domain.timeouts import queue_ends, wanted_until
from wavegate.domain.times import format_time
from wavegate.domain.verdict import Judgement, deadline, judge
from wavegate.domain.waves import Progress, lineage, next_takes, progress, settings_of, sizes
from wavegate.domain.work import NewClaim
from wavegate.drivers.driver import DocumentError, driver_for
from wavegate.drivers.pod import render_pod

_RETRY_PREPARATION = 30.0
_LONGEST_REFUSAL = 700
"""Characters of a server's words that are kept, so that the way out fits behind them."""


def plan(observed: Observed) -> Plan:
    """Decide what is to be done for one job now."""
    if observed.job.deleting:
        return Plan(steps=_not_busy(observed, deletion.stop_everything(observed)))
    if observed.job.spec is None:
        return Plan(steps=_not_busy(observed, _invalid(observed)))
    return _Pass(Fleet(observed, observed.job.spec)).run()


def _not_busy(observed: Observed, steps: Iterable[Step | None]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step is not None and step.key not in observed.busy)


def _invalid(observed: Observed) -> list[Step]:
    """A stored spec that this release does not understand: say so, and touch nothing."""
    job = observed.job
    wanted = [
        Condition(READY, "False", "InvalidSpec", job.invalid),
        Condition(STALLED, "True", "InvalidSpec", job.invalid),
    ]
    document = {
        **job.status,
        "conditions": set_conditions(
            job.status.get("conditions") or (), wanted, format_time(observed.now), job.generation
        ),
    }
    for counted in ("revision", "updatedAt", "observedGeneration"):
        document.pop(counted, None)
    status = stamped(document, job.status, job.generation, observed.now)
    if status is None:
        return []
    action = SetStatus("FleetJob", job.name, job.uid, job.resource_version, status)
    return [Step(f"FleetJob/{job.name}", Urgency.RECORD, (action,))]


@dataclass
class _Pass:
    """The working state of one pass; what it collects becomes the Plan."""

    fleet: Fleet
    steps: list[Step | None] = field(default_factory=list)
    wake_ups: list[float] = field(default_factory=list)
    deadlines: dict[str, float] = field(default_factory=dict)
    """By node, of the executions being judged."""
    judgements: dict[str, tuple[ExecutionView, Judgement]] = field(default_factory=dict)
    blocker: State | None = None
    prepared: dict[int, bool] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    """Nodes on which a stable execution stops: each holds a place until its pod is gone."""

    def run(self) -> Plan:
        fleet = self.fleet
        self.steps += deletion.stop_former(fleet.observed)
        holding = hold.holding(fleet)
        self._judge(held=bool(holding.why))
        self.steps += deployments.refuse_users(fleet)
        self.steps.append(versions.new_version(fleet))
        self.steps.append(versions.new_deployment(fleet))
        self.steps += [deployments.supersede(fleet, each) for each in deployments.superseded(fleet)]
        run, stands = self._rollout(holding)
        self._wake_for_timeouts(run)
        stops = self._stops(run)
        claims = self._claims(run, stands)
        for name in self._nodes(claims):
            self.steps.append(self._node(name, claims.get(name), run, stops.get(name, "")))
        doing = waiting.doing(fleet, run, self.deadlines)
        if run is not None and stands is not None:
            self._record_rollout(run, stands, doing)
        self._find_blocker()
        state = conditions.job_state(fleet, run, stands, doing, self.blocker)
        self.steps.append(conditions.job_status(fleet, run, state))
        wake_at = min((at for at in self.wake_ups if at > fleet.now), default=None)
        return Plan(_not_busy(fleet.observed, self.steps), self._probes(holding), wake_at)

    def _judge(self, held: bool) -> None:
        fleet = self.fleet
        for name, chain in fleet.chains.items():
            execution = chain.live
            if execution is None or execution.assumed or fleet.spec.suspend:
                continue
            judgement = judge(fleet, chain, execution, held)
            self.judgements[name] = (execution, judgement)
            if judgement.wake_at is not None:
                self.wake_ups.append(judgement.wake_at)
            if execution.stable_at or judgement.stable_at:
                continue
            pod = chain.own_pod
            record = fleet.observed.health.get(pod.uid) if pod is not None else None
            ends = deadline(fleet, chain, execution, record)
            if ends is not None:
                self.deadlines[name] = ends
                self.wake_ups.append(ends)

    def _rollout(self, holding: hold.Holding) -> tuple[Progress | None, Outlook | None]:
        """The open rollout and where it stands; a job without one has neither."""
        fleet = self.fleet
        deployment = deployments.active(fleet)
        if deployment is None or deployment in deployments.superseded(fleet):
            return None, None
        if fleet.spec.suspend and not deployment.canceled:
            return None, None
        version = fleet.versions.get(deployment.to_version)
        if version is None or version.spec is None:
            name = version_name(fleet.job.name, deployment.to_version)
            words = (
                f"version {deployment.to_version} of the job is missing: JobVersion {name} is gone;"
                f" change the spec, or set spec.canceled of FleetDeployment {deployment.name}"
            )
            if version is not None:
                said = clean(version.invalid, _LONGEST_REFUSAL)
                words = f"version {deployment.to_version} is not understood: {said}"
            self.blocker = State("", "VersionMissing", words, stalled=True)
            return None, None
        run = progress(fleet, deployment, version)
        if holding.until is not None:
            self.wake_ups.append(holding.until)
        return run, outlook(fleet, run, holding.why, holding.given_up, holding.until)

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
        due: dict[str, str] = {}
        for name, chain in fleet.chains.items():
            node, live = fleet.nodes.get(name), chain.live
            if node is None or live is None or not (why := reason_to_stop(fleet, node, live)):
                continue
            due[name] = why
            if is_leaving(chain, fleet.now):
                self.leaving.add(name)
        free = self._places_to_leave(run) if due else None
        stops: dict[str, str] = {}
        for name in fleet.ordered(due):
            chain = fleet.chains[name]
            if due[name] == NO_LONGER_MATCHES and needs_place_to_leave(chain):
                if free is not None and free <= 0:
                    continue
                free = None if free is None else free - 1
                self.leaving.add(name)
            stops[name] = due[name]
        return stops

    def _places_to_leave(self, run: Progress | None) -> int | None:
        if run is not None:
            return self._free_places(run)
        newest = self.fleet.accepted[-1] if self.fleet.accepted else None
        version = self.fleet.versions.get(newest.to_version) if newest is not None else None
        if newest is None or version is None or version.spec is None:
            return None
        return self._places_to_catch_up(newest, version)

    def _places_to_catch_up(self, newest: DeploymentView, version: VersionView) -> int | None:
        """Free places while no rollout is open; None: no limit."""
        rollout = settings_of(newest, version)
        if rollout.strategy == "Immediate":
            return None
        size = sizes(rollout, "Update", len(self.fleet.targets(version))).wave
        return size - self._held_places()

    def _claims(self, run: Progress | None, stands: Outlook | None) -> dict[str, NewClaim]:
        """Which nodes get which version now."""
        fleet = self.fleet
        if fleet.spec.suspend:
            return {}
        claims: dict[str, NewClaim] = {}
        if run is not None and stands is not None:
            claims = self._takes(run, stands)
        newest = fleet.accepted[-1] if fleet.accepted else None
        if run is None and newest is not None and newest.state == "Completed":
            claims = self._catch_up(newest)
        name_of = newest.name if newest is not None else ""
        for name, node in fleet.nodes.items():
            if name in claims:
                continue
            chain = fleet.chains.get(name)
            if chain is not None and chain.live is not None:
                continue
            following = next_version(fleet, chain, node)
            if following is None or not self._is_prepared(following.version):
                continue
            if fleet.now < following.not_before:
                self.wake_ups.append(following.not_before)
                continue
            claims[name] = NewClaim(following.version, 0, name_of)
        return claims

    def _takes(self, run: Progress, stands: Outlook) -> dict[str, NewClaim]:
        if run.deployment.started is None or not stands.may_take:
            return {}
        if not run.candidates or not self._is_prepared(run.version):
            return {}
        taken = next_takes(self.fleet, run, stands.may_advance, self._free_places(run))
        name = run.deployment.name
        return {take.node: NewClaim(run.version, take.wave, name) for take in taken}

    def _free_places(self, run: Progress) -> int | None:
        rollout = run.rollout
        if rollout.strategy == "Immediate" and not run.is_rollback:
            return None
        if run.is_rollback:
            limit = rollback_places(run)
        else:
            wave = run.current + 1 if run.judged else max(1, run.current)
            limit = run.sizes.of(wave)
        return limit - self._held_places()

    def _held_places(self) -> int:
        held = 0
        for name, chain in self.fleet.chains.items():
            if not holds_place(chain) or name not in self.fleet.nodes:
                continue
            current = chain.current
            version = self.fleet.versions.get(current.version) if current is not None else None
            usable = version is not None and self.fleet.is_target(version, name)
            ends = self.deadlines.get(name)
            usable = usable and chain.stop_overdue(self.fleet.now) is None
            held += usable or (ends is not None and self.fleet.now < ends)
        return held + len(self.leaving)

    def _catch_up(self, newest: DeploymentView) -> dict[str, NewClaim]:
        """After a rollout that completed, targets not up to date are brought to it, by places."""
        fleet = self.fleet
        stable = fleet.stable
        if stable is None or stable.spec is None or not self._is_prepared(stable):
            return {}
        free = self._places_to_catch_up(newest, stable)
        claims: dict[str, NewClaim] = {}
        for name in fleet.targets(stable):
            chain = fleet.chains.get(name)
            live = chain.live if chain is not None else None
            if chain is None or live is None or live.workload_hash == stable.workload_hash:
                continue
            if _has_failed(chain, stable):
                continue
            if needs_place(chain) and free is not None:
                if free <= 0:
                    continue
                free -= 1
            claims[name] = NewClaim(stable, 0, newest.name)
        return claims

    def _is_prepared(self, version: VersionView) -> bool:
        """Whether the version's ConfigMap is there and its pod was accepted; asks for it if not."""
        if version.version not in self.prepared:
            self.prepared[version.version] = self._prepare(version)
        return self.prepared[version.version]

    def _prepare(self, version: VersionView) -> bool:
        fleet = self.fleet
        if version.version in fleet.versions_in_use:
            return True
        outcome = fleet.observed.prepared.get(version.version)
        if outcome is not None and outcome.ok:
            return True
        if outcome is not None:
            said = clean(outcome.message, _LONGEST_REFUSAL)
            words = (
                f"the pod of v{version.version} is refused: {said}; change spec.template, or what"
                f" refuses it; tried again every {_RETRY_PREPARATION:g} s"
            )
            self.blocker = State("", "TemplateRefused", words, stalled=True)
            retry_at = outcome.at + _RETRY_PREPARATION
            if fleet.now < retry_at:
                self.wake_ups.append(retry_at)
                return False
        self.steps.append(self._preparation(version))
        return False

    def _preparation(self, version: VersionView) -> Step | None:
        fleet = self.fleet
        assert version.spec is not None
        try:
            data = driver_for(version.spec.type).document(version.spec)
        except DocumentError as error:
            self.blocker = State("", "TemplateRefused", str(error), stalled=True)
            return None
        node = next(iter(fleet.targets(version)), "none")
        pod = render_pod(
            job=fleet.job, version=version, node=node, execution="dry-run", deployment=version.name
        )
        action = PrepareVersion(version.version, version.name, version.uid, data, pod)
        return Step(f"Preparation/{version.name}", Urgency.CREATE, (action,))

    @cached_property
    def open_names(self) -> frozenset[str]:
        """Names of open deployments, and of those that they took over: their records are kept."""
        names = (lineage(self.fleet, each) for each in self.fleet.deployments if not each.terminal)
        return frozenset().union(*names)

    def _nodes(self, claims: dict[str, NewClaim]) -> list[str]:
        return self.fleet.ordered({*self.fleet.chains, *claims})

    def _node(
        self, name: str, new: NewClaim | None, run: Progress | None, stop: str
    ) -> Step | None:
        fleet = self.fleet
        if f"node/{name}" in fleet.observed.busy:
            return None
        chain = fleet.chains.get(name) or Chain(name, ())
        live = chain.live
        if stop:
            return work.stop(fleet, chain, stop)
        if chain.older_open and (step := work.end_older(fleet, chain)):
            return step
        if name in self.judgements:
            step = work.record(fleet, chain, *self.judgements[name])
            if step is not None:
                return step
        if chain.older_open:
            return None
        if new is not None:
            return work.claim(fleet, chain, new)
        if (
            live is not None
            and not live.assumed
            and (step := work.keep_running(fleet, chain, live))
        ):
            return step
        wanted = run.version if run is not None else fleet.stable
        return work.remove_leftovers(fleet, chain, wanted, self.open_names)

    def _record_rollout(self, run: Progress, stands: Outlook, doing: str) -> None:
        if stands.stamp_stable:
            write = stable_version_status(self.fleet, run.version)
            key = f"JobVersion/{run.version.name}"
            self.steps.append(Step(key, Urgency.RECORD, (write,)))
        ready = {name: at for name, at in self.deadlines.items() if name in run.unsettled}
        self.steps.append(deployments.record(self.fleet, run, stands, ready, doing))

    def _find_blocker(self) -> None:
        fleet = self.fleet
        if self.blocker is None and fleet.strangers:
            pod = fleet.strangers[0]
            words = (
                f"pod {pod.name} carries the job's label but is not ours; delete or relabel it,"
                " then its node goes on by itself"
            )
            self.blocker = State("", "Stranger", words, stalled=True)
        if self.blocker is None and fleet.observed.refusals:
            key, refusal = sorted(fleet.observed.refusals.items())[0]
            stalled = refusal.reason == "Stranger"
            help_ = "delete what is in its place, or rename the job; " if stalled else ""
            said = clean(refusal.message, _LONGEST_REFUSAL)
            words = f"{key}: {said}; {help_}tried again by itself"
            self.blocker = State("", refusal.reason or "Refused", words, stalled=stalled)

    def _probes(self, holding: hold.Holding) -> tuple[Probe, ...]:
        fleet = self.fleet
        if fleet.spec.suspend:
            return ()
        judged = [
            (chain, chain.live)
            for chain in fleet.chains.values()
            if chain.live is not None and chain.live.stable_at is None
        ]
        probes = [_probe(fleet, chain, execution) for chain, execution in judged]
        probes += [_probe(fleet, chain, execution) for chain, execution in holding.references]
        return tuple(probe for probe in probes if probe is not None)


def _has_failed(chain: Chain, version: VersionView) -> bool:
    return any(
        each.observed == "Failed"
        and not each.stable_at
        and each.workload_hash == version.workload_hash
        for each in chain.executions
    )


def _probe(fleet: Fleet, chain: Chain, execution: ExecutionView) -> Probe | None:
    pod = next((each for each in chain.pods if each.owner_uid == execution.uid), None)
    version = fleet.versions.get(execution.version)
    if pod is None or version is None or version.spec is None or pod.terminal:
        return None
    criteria = fleet.criteria(version)
    if criteria is None:
        return None
    source = source_of(version.spec)
    return Probe(pod.namespace, pod.name, pod.uid, criteria, source)
