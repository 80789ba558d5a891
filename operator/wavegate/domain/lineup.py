"""Line-up: what the nodes are to a rollout, in the terms in which it is counted.

A node is told again when it changes (see stance), and what it was before is taken away with that:
so a pass does not have to look at those that have not changed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import Enum

from wavegate.domain.observed import ExecutionView

NodeKey = tuple[str, str]
"""Name and uid: a node of the same name with another uid is another node."""


class Role(Enum):
    """What a node is to a rollout now."""

    NONE = "none"
    UPDATED = "updated"
    UNSETTLED = "unsettled"
    CANDIDATE = "candidate"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Stance:
    """What a node is to a rollout, and what its claims have told of it."""

    role: Role = Role.NONE
    begun: bool = False
    """Whether anything of the rollout was ever made there."""
    joins: bool = False
    occupied: bool = False
    """Whether a pod of another claim does not stop: it is left out until that is gone."""
    members: tuple[ExecutionView, ...] = ()
    """Those that count in a wave."""
    failed: Mapping[NodeKey, ExecutionView] = field(default_factory=dict)
    """The first failure of the node, and of others that had its name."""
    withdrawn: Mapping[NodeKey, str] = field(default_factory=dict)
    until: float = math.inf
    """When time alone may change it."""


class Lineup:
    """What all nodes are to a rollout."""

    def __init__(self) -> None:
        self.stances: dict[str, Stance] = {}
        self.by_role: dict[str, set[str]] = {role.value: set() for role in Role}
        self.begun: set[str] = set()
        self.joiners: set[str] = set()
        self.occupied: set[str] = set()
        self.members: dict[int, dict[str, ExecutionView]] = defaultdict(dict)
        """By wave and name."""
        self._stable_at: dict[int, float] = {}
        """By wave, when one of its members became stable last, where it has been asked for."""
        self.failed: dict[NodeKey, ExecutionView] = {}
        self.withdrawn: dict[NodeKey, str] = {}

    def put(self, name: str, stance: Stance | None) -> None:
        """This is what the node is now; None: nothing to the rollout any more."""
        before = self.stances.get(name)
        if before is not None:
            self._take_away(name, before)
        if stance is None:
            self.stances.pop(name, None)
            return
        self.stances[name] = stance
        self.by_role[stance.role.value].add(name)
        if stance.begun:
            self.begun.add(name)
        if stance.joins:
            self.joiners.add(name)
        if stance.occupied:
            self.occupied.add(name)
        for each in stance.members:
            self.members[each.wave][each.name] = each
            self._stable_at.pop(each.wave, None)
        self.failed.update(stance.failed)
        self.withdrawn.update(stance.withdrawn)

    def _take_away(self, name: str, stance: Stance) -> None:
        self.by_role[stance.role.value].discard(name)
        for names in (self.begun, self.joiners, self.occupied):
            names.discard(name)
        for each in stance.members:
            del self.members[each.wave][each.name]
            self._stable_at.pop(each.wave, None)
        for key in stance.failed:
            del self.failed[key]
        for key in stance.withdrawn:
            del self.withdrawn[key]

    @property
    def progressed(self) -> float | None:
        """When a member became stable last; None where none has."""
        for wave in self.members.keys() - self._stable_at.keys():
            times = (each.stable_at or 0.0 for each in self.members[wave].values())
            self._stable_at[wave] = max(times, default=0.0)
        return max(self._stable_at.values(), default=0.0) or None

    def counts(self, execution: ExecutionView, wave: int) -> bool:
        """Whether the execution, or another one on its node, counts in the wave."""
        if execution.name in self.members.get(wave, ()):
            return True
        return any(each.wave == wave for each in self.stances[execution.node].members)

    def of(self, role: Role) -> Set[str]:
        """Names of the nodes that are that, in no order."""
        return self.by_role[role.value]
