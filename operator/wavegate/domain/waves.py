"""Waves: how far a rollout has come, recomputed from its executions, and whom it takes next.

Canaries are wave 1, among the nodes that canarySelector matches; later waves follow (how many nodes
each has: see sizes). Nodes come in the order of a stable hash of (job uid, node name), and a wave
takes from them as spreadBy says (see spread), joiners last. The current wave is the highest that an
execution records. A wave is filled, then judged; it ends when each member is stable or failed, and
its first failure is a node's verdict: retries and fallbacks are wave 0. Withdrawn members are not
counted and are replaced.

A node that may be a canary and is stable with the version already, as one whose pod was evicted in
its turn is later, stands in for the canaries where no other may be one: it has shown what they are
to show.

Invariants: a node is a member of one wave of a rollout; no node of wave k+1 is taken before every
member of wave k has its verdict on record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wavegate.api.defaults import fill_rollout, override_rollout
from wavegate.api.rollout import RolloutSettings
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView, NodeView, VersionView
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.overdue import stop_overdue
from wavegate.domain.places import needs_place
from wavegate.domain.sizes import Sizes, pinned_sizes
from wavegate.domain.spread import Group, group_of, in_turn

NodeKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """A rollout as its executions tell it."""

    deployment: DeploymentView
    version: VersionView
    rollout: RolloutSettings
    sizes: Sizes
    members: Mapping[int, Sequence[ExecutionView]]
    """By wave, withdrawn ones left out."""
    failed: Mapping[NodeKey, ExecutionView]
    """The first failure of each node that failed the version without ever being stable on it."""
    updated: frozenset[str]
    """Nodes that are up to date and stable, without those that failed before."""
    unsettled: Mapping[str, ExecutionView]
    """Nodes with an up-to-date claim that has no verdict yet."""
    candidates: Sequence[str]
    """Targets that are still to be taken, in the order in which they come, joiners last."""
    able: frozenset[str]
    """Nodes that may be canaries, targets or not; empty where no canary is looked for any more."""
    canaries: Sequence[str]
    """Candidates that may be canaries, in the order in which the canary wave takes them."""
    absent: Sequence[str]
    """Nodes that are waited for: NotReady since the start, or about to get it anyway."""
    joiners: frozenset[str]
    withdrawn: Mapping[NodeKey, str] = field(default_factory=dict)
    """Why each node whose execution was withdrawn from its wave was."""
    occupied: frozenset[str] = frozenset()
    """Nodes on which a pod of another claim does not stop: left out until it is gone."""

    @property
    def added(self) -> int:
        """Nodes that came since the start.

        Of nodes that got their label since, and are older, as many as there are more now than then.
        """
        known = (self.updated, self.unsettled, self.candidates, self.absent, self.failed)
        return max(len(self.joiners), sum(map(len, known)) - self.sizes.total)

    @property
    def current(self) -> int:
        """The wave in progress; 0 before the first."""
        return max(self.members, default=0)

    @property
    def shown_wave(self) -> int:
        """The wave in progress as people count: from 1, also before its first node is taken."""
        return max(1, self.current)

    @property
    def shown_waves(self) -> int:
        """How many waves it takes, never less than the one in progress."""
        return max(self.sizes.waves, self.shown_wave)

    @property
    def is_rollback(self) -> bool:
        return self.deployment.type == "Rollback"

    @property
    def is_one_shot(self) -> bool:
        """Whether the version runs to completion."""
        return self.version.spec is not None and is_one_shot(self.version.spec.type)

    @property
    def is_canary(self) -> bool:
        """Whether the wave in progress, or the first to come, is a canary wave with a gate."""
        return self.sizes.canary > 0 and self.current <= 1

    def vacancies(self) -> int:
        """How many more members the current wave, or the first, takes."""
        wave = max(1, self.current)
        return self.sizes.of(wave) - len(self.members.get(wave, ()))

    @property
    def line(self) -> Sequence[str]:
        """Candidates for the current wave, or for the first."""
        return self.canaries if self.is_canary else self.candidates

    @property
    def has_stand_in(self) -> bool:
        """Whether a node that may be a canary is stable with the version, in no wave of it."""
        return self.current == 0 and not self.able.isdisjoint(self.updated)

    @property
    def filled(self) -> bool:
        """Whether the current wave has all its members, or nobody is left to join it."""
        begun = self.current > 0 or self.has_stand_in or self.deployment.promoted_gate
        return begun and (self.vacancies() <= 0 or not self.line)

    @property
    def judged(self) -> bool:
        """Whether the current wave is filled and each member is stable or failed."""
        return self.filled and not any(
            member.node in self.unsettled for member in self.members.get(self.current, ())
        )


@dataclass(frozen=True, slots=True)
class Take:
    """A node that is to be claimed for a rollout's version."""

    node: str
    wave: int


def lineage(fleet: Fleet, deployment: DeploymentView) -> frozenset[str]:
    """Names of the rollouts whose executions count for this one.

    A version with the workload of the open rollout that it supersedes takes that over. A Restart
    counts what it has made itself.
    """
    names = {deployment.name}
    if deployment.type == "Restart":
        return frozenset(names)
    earlier = [each for each in fleet.accepted if each.sequence < (deployment.sequence or 1 << 62)]
    for each in reversed(earlier):
        same = each.workload_hash == _workload(fleet, deployment)
        if each.reason != "Superseded" or not same or each.type == "Rollback":
            break
        names.add(each.name)
    return frozenset(names)


def _workload(fleet: Fleet, deployment: DeploymentView) -> str:
    version = fleet.versions.get(deployment.to_version)
    return version.workload_hash if version is not None else deployment.workload_hash


def settings_of(deployment: DeploymentView, version: VersionView) -> RolloutSettings:
    """The version's settings, with those that the deployment gives itself, defaults filled in."""
    assert version.spec is not None
    rollout = override_rollout(version.spec.rollout, deployment.rollout)
    return fill_rollout(rollout, version.spec.type)


def progress(fleet: Fleet, deployment: DeploymentView, version: VersionView) -> Progress:
    """Recompute a rollout from its executions; linear in the job's executions and nodes."""
    rollout = settings_of(deployment, version)
    names = lineage(fleet, deployment)
    workload = version.workload_hash
    since = deployment.created if fleet.is_users(deployment) else 0.0
    goes_back = deployment.type == "Rollback" and not fleet.is_users(deployment)
    members: dict[int, list[ExecutionView]] = defaultdict(list)
    failed: dict[NodeKey, ExecutionView] = {}
    withdrawn: dict[NodeKey, str] = {}
    begun = False
    for chain in fleet.chains.values():
        for execution in chain.executions:
            if execution.deployment not in names or execution.workload_hash != workload:
                continue
            if execution.deployment == deployment.name and execution.created < since:
                continue  # of an earlier deployment of that name, which a user has deleted
            begun = True
            if execution.withdrawn and not _left_after_its_verdict(execution):
                withdrawn[execution.node_key] = execution.details["withdrawn"]
            verdictless = execution.observed == "Stopped" and not execution.stable_at
            if execution.wave > 0 and not execution.withdrawn and not verdictless:
                members[execution.wave].append(execution)
            if execution.observed == "Failed" and not execution.stable_at:
                failed.setdefault(execution.node_key, execution)
        # What goes back by itself leaves such a node with what it has; a user may want it again.
        before = chain.failure_of(workload) if goes_back else None
        if before is not None:
            failed[before.node_key] = before
    updated, unsettled = _up_to_date(fleet, version, deployment, failed)
    occupied = frozenset(name for name, chain in fleet.chains.items() if stop_overdue(fleet, chain))
    for name in occupied:
        unsettled.pop(name, None)
    joiners = frozenset(_joiners(fleet, deployment, version))
    candidates, absent = _remaining(
        fleet, deployment, version, {*updated, *unsettled, *occupied}, failed, joiners
    )
    targets = len(fleet.targets(version))
    pinned = pinned_sizes(rollout, deployment, targets, begun=begun, now=fleet.now)
    able, canaries = _canaries(fleet, rollout, pinned, members, candidates, joiners)
    if pinned.canary:
        drawn = len(members.get(1, ())) + len(canaries)
        pinned = replace(pinned, canary=min(pinned.canary, max(1, drawn)))
    return Progress(
        deployment=deployment,
        version=version,
        rollout=rollout,
        sizes=pinned,
        members=members,
        failed=failed,
        updated=frozenset(updated),
        unsettled=unsettled,
        candidates=candidates,
        able=able,
        canaries=canaries,
        absent=absent,
        joiners=joiners,
        withdrawn={key: why for key, why in withdrawn.items() if key not in failed},
        occupied=occupied,
    )


def _left_after_its_verdict(execution: ExecutionView) -> bool:
    """Whether its node went away only after it was stable: that withdraws nothing."""
    return bool(execution.stable_at) and execution.details["withdrawn"] == "NodeGone"


def is_up_to_date(
    execution: ExecutionView, version: VersionView, deployment: DeploymentView, now: float
) -> bool:
    """Whether an execution is what the deployment wants on its node.

    It has the version's workload and, for a Restart, was made since that was accepted; times have
    whole seconds, and what was made in that very second is new enough.
    """
    if execution.workload_hash != version.workload_hash:
        return False
    if deployment.type != "Restart":
        return True
    accepted = deployment.accepted if deployment.accepted is not None else now
    return execution.created >= accepted


def _up_to_date(
    fleet: Fleet,
    version: VersionView,
    deployment: DeploymentView,
    failed: Mapping[NodeKey, ExecutionView],
) -> tuple[set[str], dict[str, ExecutionView]]:
    updated: set[str] = set()
    unsettled: dict[str, ExecutionView] = {}
    for name, chain in fleet.chains.items():
        current = chain.current
        if current is None or current.node_key in failed:
            continue
        if not is_up_to_date(current, version, deployment, fleet.now):
            continue
        if current.observed == "Completed" or (current.stable_at and not current.terminal):
            updated.add(name)
        elif not current.terminal and _is_there(fleet, current):
            unsettled[name] = current
    return updated, unsettled


def _is_there(fleet: Fleet, execution: ExecutionView) -> bool:
    """Whether it can still come to a verdict: one that was lost is judged again on its return."""
    node = fleet.node_of(execution)
    return node is not None and (execution.observed != "Lost" or node.ready)


def _remaining(
    fleet: Fleet,
    deployment: DeploymentView,
    version: VersionView,
    done: set[str],
    failed: Mapping[NodeKey, ExecutionView],
    joiners: frozenset[str],
) -> tuple[list[str], list[str]]:
    placement = fleet.placement(version)
    candidates: list[str] = []
    absent: list[str] = []
    for name, node in fleet.nodes.items():
        if name in done or (name, node.uid) in failed or not placement.belongs(node):
            continue
        absence = placement.absence(node)
        if not absence and _takeable(fleet, deployment, name):
            candidates.append(name)
        elif not absence or (absence == "NotReady" and _waited_for(fleet, deployment, node)):
            absent.append(name)
    candidates = fleet.ordered(candidates)
    candidates.sort(key=lambda name: name in joiners)
    return candidates, absent


def _takeable(fleet: Fleet, deployment: DeploymentView, name: str) -> bool:
    """A rollback takes what runs something else; empty nodes get the stable version anyway.

    Unless that is not for them: a user may go back to a version of a wider selector.
    """
    if deployment.type != "Rollback":
        return True
    chain = fleet.chains.get(name)
    if chain is not None and chain.live is not None:
        return True
    return fleet.stable is None or not fleet.is_target(fleet.stable, name)


def _waited_for(fleet: Fleet, deployment: DeploymentView, node: NodeView) -> bool:
    started = deployment.started
    if started is None or node.ready_changed < started:
        return False  # absent since before the start: left out, and caught up later
    return fleet.now - node.ready_changed < fleet.settings.lost_after


def _joiners(fleet: Fleet, deployment: DeploymentView, version: VersionView) -> list[str]:
    """Nodes of the version that came after the start: new, or first claimed as a joiner."""
    started = deployment.started
    if started is None:
        return []
    joiners = []
    for name, node in fleet.nodes.items():
        if not fleet.belongs(version, node):
            continue
        chain = fleet.chains.get(name)
        first = chain.executions[0] if chain is not None and chain.executions else None
        came = node.created if first is None else first.created
        if came > started and (first is None or first.wave == 0):
            joiners.append(name)
    return joiners


def may_be_canary(rollout: RolloutSettings, node: NodeView) -> bool:
    """Whether the node has the labels of canarySelector; any has, where it has none."""
    wanted = rollout.canary_selector.match_labels
    return all(node.labels.get(key) == value for key, value in wanted.items())


def _canaries(
    fleet: Fleet,
    rollout: RolloutSettings,
    pinned: Sizes,
    members: Mapping[int, Sequence[ExecutionView]],
    candidates: Sequence[str],
    joiners: frozenset[str],
) -> tuple[frozenset[str], list[str]]:
    """The nodes that may be canaries, and those of them that are still to be taken, in order."""
    if not pinned.canary or max(members, default=0) > 1:
        return frozenset(), []
    able = frozenset(name for name, node in fleet.nodes.items() if may_be_canary(rollout, node))
    if len(members.get(1, ())) >= pinned.canary:
        return able, []
    left = [name for name in candidates if name in able]
    return able, _in_turn(fleet, left, rollout.spread_by, members, 1, joiners)


def _in_turn(
    fleet: Fleet,
    names: Sequence[str],
    keys: Sequence[str],
    members: Mapping[int, Sequence[ExecutionView]],
    wave: int,
    joiners: frozenset[str],
) -> list[str]:
    if not keys:
        return list(names)
    counts: dict[int, Counter[Group]] = defaultdict(Counter)
    for number, taken in members.items():
        nodes = (fleet.node_of(each) for each in taken)
        counts[number].update(group_of(node, keys) for node in nodes if node is not None)
    groups = {name: group_of(fleet.nodes[name], keys) for name in names}
    line = in_turn(groups, counts[wave], sum(counts.values(), Counter()))
    line.sort(key=lambda name: name in joiners)
    return line


def next_takes(
    fleet: Fleet, run: Progress, may_advance: bool, free_places: int | None
) -> list[Take]:
    """Whom to claim now.

    ``may_advance``: the current wave was judged and nothing stands against the next one.
    ``free_places``: None where there is no limit; only nodes with something stable to lose need
    one.
    """
    wave, room, line = max(1, run.current), run.vacancies(), run.line
    if run.rollout.strategy == "Immediate" or run.is_rollback:
        wave, room, line = 1, len(run.candidates), run.candidates
    elif run.filled and not may_advance:
        return []
    elif run.filled:
        wave, line = wave + 1, run.candidates
        room = run.sizes.of(wave)
    if not (run.is_canary and wave == 1):
        first_key = run.rollout.spread_by[:1]
        line = _in_turn(fleet, line, first_key, run.members, wave, run.joiners)
    takes: list[Take] = []
    for name in line:
        if room <= 0:
            break
        if needs_place(fleet.chains.get(name), one_shot=fleet.one_shot):
            if free_places is not None and free_places <= 0:
                continue
            free_places = None if free_places is None else free_places - 1
        takes.append(Take(name, wave))
        room -= 1
    return takes
