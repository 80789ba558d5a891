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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wavegate.api.defaults import fill_rollout, override_rollout
from wavegate.api.rollout import RolloutSettings
from wavegate.domain.fleet import Fleet
from wavegate.domain.lineup import Lineup, NodeKey, Role
from wavegate.domain.observed import DeploymentView, ExecutionView, NodeView, VersionView
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.places import needs_place
from wavegate.domain.sizes import Sizes, pinned_sizes
from wavegate.domain.spread import Group, group_of, in_turn


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
    in_wave: frozenset[str]
    """Those of them that the current wave waits for."""
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
    progressed: float | None = None
    """When a member became stable last; None where none has."""

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
        return self.filled and not self.in_wave


@dataclass(frozen=True, slots=True)
class Take:
    """A node that is to be claimed for a rollout's version."""

    node: str
    wave: int


def settings_of(deployment: DeploymentView, version: VersionView) -> RolloutSettings:
    """The version's settings, with those that the deployment gives itself, defaults filled in."""
    assert version.spec is not None
    rollout = override_rollout(version.spec.rollout, deployment.rollout)
    return fill_rollout(rollout, version.spec.type)


def progress(
    fleet: Fleet, deployment: DeploymentView, version: VersionView, lineup: Lineup
) -> Progress:
    """How far a rollout has come, counted from what each node is to it."""
    rollout = settings_of(deployment, version)
    joiners = frozenset(lineup.joiners)
    candidates = fleet.ordered(lineup.of(Role.CANDIDATE))
    if joiners:
        candidates.sort(key=joiners.__contains__)
    members = {wave: tuple(taken.values()) for wave, taken in lineup.members.items() if taken}
    current = max(members, default=0)
    unsettled = {name: _current(fleet, name) for name in fleet.ordered(lineup.of(Role.UNSETTLED))}
    begun = bool(lineup.begun)
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
        failed=dict(lineup.failed),
        updated=frozenset(lineup.of(Role.UPDATED)),
        unsettled=unsettled,
        in_wave=frozenset(n for n, each in unsettled.items() if lineup.counts(each, current)),
        candidates=candidates,
        able=able,
        canaries=canaries,
        absent=fleet.ordered(lineup.of(Role.ABSENT)),
        joiners=joiners,
        withdrawn={key: why for key, why in lineup.withdrawn.items() if key not in lineup.failed},
        occupied=frozenset(lineup.occupied),
        progressed=lineup.progressed,
    )


def _current(fleet: Fleet, name: str) -> ExecutionView:
    current = fleet.chains[name].current
    assert current is not None
    return current


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
    able = frozenset(fleet.nodes)
    if rollout.canary_selector.match_labels:
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
) -> Iterator[Take]:
    """Whom to claim now, one after the other.

    ``may_advance``: the current wave was judged and nothing stands against the next one.
    ``free_places``: None where there is no limit; only nodes with something stable to lose need
    one.
    """
    wave, room, line = max(1, run.current), run.vacancies(), run.line
    if run.rollout.strategy == "Immediate" or run.is_rollback:
        wave, room, line = 1, len(run.candidates), run.candidates
    elif run.filled and not may_advance:
        return
    elif run.filled:
        wave, line = wave + 1, run.candidates
        room = run.sizes.of(wave)
    if not (run.is_canary and wave == 1):
        first_key = run.rollout.spread_by[:1]
        line = _in_turn(fleet, line, first_key, run.members, wave, run.joiners)
    for name in line:
        if room <= 0:
            break
        if needs_place(fleet.chains.get(name), one_shot=fleet.one_shot):
            if free_places is not None and free_places <= 0:
                continue
            free_places = None if free_places is None else free_places - 1
        yield Take(name, wave)
        room -= 1
