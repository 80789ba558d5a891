"""Finding: what the rules say of one node of a job, and until when that holds.

Each rule is in a file of its own; here is only their order on a node. Where something is to be
written, that names the time at which it was decided, in whole seconds: it holds for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from wavegate.domain import leaving, work
from wavegate.domain.actions import Probe, Step
from wavegate.domain.capacity import is_held
from wavegate.domain.catch_up import lags
from wavegate.domain.claim import Chain
from wavegate.domain.fallback import Next, next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.lineup import Stance
from wavegate.domain.observed import DeploymentView, ExecutionView, NodeView, VersionView
from wavegate.domain.overdue import overdue_at
from wavegate.domain.stance import Scope, lineage, stance
from wavegate.domain.stopping import stop_reason
from wavegate.domain.timeouts import over
from wavegate.domain.verdict import Judgement, deadline, judge

_NOW = -math.inf


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules say of one node."""

    stance: Stance | None = None
    """What it is to the open rollout, if there is one."""
    deadline: float | None = None
    """Of its execution, while that is judged."""
    holds_place: bool = False
    """Whether it is one of the nodes by which places are counted."""
    leaves: str = ""
    """Why what runs there is to stop."""
    following: Next | None = None
    """What it gets next, where it has no live claim."""
    lags: bool = False
    """Whether it is to be caught up."""
    pressing: Step | None = None
    """What comes before a new claim: the end of an older one, a verdict."""
    fails: bool = False
    """Whether that its execution has failed is to go on record now."""
    step: Step | None = None
    """What is done where it gets no new claim."""
    probe: Probe | None = None
    wake_at: float = math.inf
    """When time alone gives something to do."""
    until: float = math.inf
    """When it is to be looked at anew, if nothing changes before."""

    is_loud: bool = field(init=False)
    """Whether there is anything to do on the node, now or later, but to take it in its turn."""

    def __post_init__(self) -> None:
        says = self.leaves or self.following or self.lags or self.probe or self.pressing
        timed = self.deadline is not None or self.wake_at < math.inf
        object.__setattr__(self, "is_loud", bool(says or self.step or timed))


class Question:
    """What is asked of each node in a pass.

    ``rollout``: the open one, None where there is none; ``spared``: by node, until when the
    deadline of its execution does not count.
    """

    def __init__(self, fleet: Fleet, rollout: Scope | None, spared: Mapping[str, float]) -> None:
        self.fleet = fleet
        self.rollout = rollout
        self.spared = spared
        self.stopped = stop_reason(fleet)

    @property
    def context(self) -> tuple[object, ...]:
        """What the answers depend on, besides the job, its nodes and what is on them."""
        of = self.rollout
        if of is None:
            return (None, self.fleet.once(over))
        # A Restart counts from its acceptance, which is now as long as it is not on record.
        unborn = of.deployment.type == "Restart" and of.deployment.accepted is None
        moment = self.fleet.now if unborn else None
        return (of.deployment.name, of.version.version, moment, self.fleet.once(over))

    @cached_property
    def open_names(self) -> frozenset[str]:
        """Names of open deployments, and of those that they took over: their records are kept."""
        fleet = self.fleet
        names = (lineage(fleet, each) for each in fleet.deployments if not each.terminal)
        return frozenset().union(*names)

    @cached_property
    def completed(self) -> DeploymentView | None:
        """The newest rollout, where it has completed and none is open."""
        newest = self.fleet.accepted[-1] if self.fleet.accepted else None
        is_over = newest is not None and newest.state == "Completed"
        return newest if self.rollout is None and is_over else None

    @property
    def wanted(self) -> VersionView | None:
        """The version that is rolled out, else the stable one."""
        return self.rollout.version if self.rollout is not None else self.fleet.stable


def find(asked: Question, name: str) -> Finding:
    """The finding of the node of this name."""
    fleet = asked.fleet
    chain, node = fleet.chains.get(name), fleet.nodes.get(name)
    found = stance(fleet, asked.rollout, name, chain) if asked.rollout is not None else None
    lagging = _lags(asked, name, chain)
    following = _following(asked, chain, node)
    stands_until = found.until if found is not None else math.inf
    if chain is None:
        return Finding(found, following=following, lags=lagging, until=stands_until)
    judgement, ends = _judged(asked, chain)
    waits = [asked.spared.get(name), ends, judgement.wake_at if judgement is not None else None]
    pressing = work.end_older(fleet, chain)
    fails = pressing is None and judgement is not None and judgement.observed == "Failed"
    if pressing is None and judgement is not None and chain.live is not None:
        pressing = work.record(fleet, chain, chain.live, judgement)
    step = None if pressing is not None else _step(asked, chain)
    probe = None if asked.stopped or chain.is_stable else probe_of(fleet, chain, chain.live)
    wake_at = _soonest(fleet.now, waits)
    until = min(wake_at, stands_until, _soonest(fleet.now, _turns(fleet, chain, node)))
    if pressing is not None or step is not None:
        until = min(until, math.floor(fleet.now) + 1)
    if _is_opening(fleet, chain, probe):
        until = _NOW
    live = chain.live
    leaves = leaving.reason_to_stop(fleet, node, live) if node is not None and live else ""
    return Finding(
        found,
        ends,
        is_held(fleet, chain, ends),
        leaves,
        following,
        lagging,
        pressing,
        fails,
        step,
        probe,
        wake_at,
        until,
    )


def probe_of(fleet: Fleet, chain: Chain, execution: ExecutionView | None) -> Probe | None:
    """Whose windows are kept for an execution; None where none are."""
    pod = chain.own_pod
    if execution is None or pod is None or pod.terminal:
        return None
    judging = fleet.judging(execution)
    if judging.criteria is None:
        return None
    return Probe(pod.namespace, pod.name, pod.uid, judging.criteria, judging.source)


def _judged(asked: Question, chain: Chain) -> tuple[Judgement | None, float | None]:
    """What is to be on record of the live claim, and its deadline while it has no verdict."""
    fleet, live = asked.fleet, chain.live
    if live is None or live.assumed:
        return None, None
    if asked.stopped and fleet.node_of(live) is not None:
        return None, None
    judgement = judge(fleet, chain, live, held=chain.node in asked.spared)
    if live.stable_at or judgement.stable_at:
        return judgement, None
    pod = chain.own_pod
    record = fleet.observed.health.get(pod.uid) if pod is not None else None
    return judgement, deadline(fleet, chain, live, record)


def _step(asked: Question, chain: Chain) -> Step | None:
    fleet, live = asked.fleet, chain.live
    kept = live if live is not None and not live.assumed else None
    if kept is not None and (step := work.keep_running(fleet, chain, kept)) is not None:
        return step
    if (step := work.link(chain)) is not None:
        return step
    return work.remove_leftovers(fleet, chain, asked.wanted, asked.open_names)


def _following(asked: Question, chain: Chain | None, node: NodeView | None) -> Next | None:
    fleet = asked.fleet
    if node is None or asked.stopped or fleet.one_shot:
        return None  # what ran to completion is not put back
    if chain is not None and chain.live is not None:
        return None
    return next_version(fleet, chain, node)


def _lags(asked: Question, name: str, chain: Chain | None) -> bool:
    newest, stable = asked.completed, asked.fleet.stable
    if newest is None or stable is None:
        return False
    return lags(asked.fleet, stable, newest, name, chain)


def _turns(fleet: Fleet, chain: Chain, node: NodeView | None) -> list[float | None]:
    """When the stop of a pod, or the absence of the node, begins to take too long."""
    turns = [overdue_at(pod) for pod in chain.stopping_pods]
    if node is not None and not node.ready:
        turns.append(node.ready_changed + fleet.settings.lost_after)
    return turns


def _is_opening(fleet: Fleet, chain: Chain, probe: Probe | None) -> bool:
    """Whether its first window is about to begin: until then its deadline moves with time."""
    pod = chain.own_pod
    if probe is None or pod is None or not pod.ready:
        return False
    return probe.pod_uid not in fleet.observed.health


def _soonest(now: float, times: Iterable[float | None]) -> float:
    return min([at for at in times if at is not None and at > now], default=math.inf)
