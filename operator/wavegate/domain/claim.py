"""Claim: an Execution is the claim of a job on a node.

It is created first; then the old one is stopped (its pod first, then its record); its pod is made
when no pod of the job is left on the node. Of a node's executions the one with the highest
attempt counts. A pod's name is one per job and node, so the API server itself refuses a second:
old and new never run together, and a crash anywhere loses no intent.

| executions of a node (attempt: state) | pod on it | what is done next |
| --- | --- | --- |
| 1: Running, claim wanted | of 1 | create 2, delete the pod of 1 |
| 1: Running, 2: new | of 1 | delete the pod of 1 |
| 1: Running, 2: new | of 1, terminating | wait |
| 1: Running, 2: new | of 1, overdue (see overdue) | 2 is withdrawn (StopOverdue), and waits |
| 1: Running, 2: new | none | record 1 Stopped, create the pod of 2 |
| 1: Stopped, 2: new | none | create the pod of 2 |
| 1: Completed, 2: new | of 1, ended | delete the pod of 1 |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wavegate.domain.observed import ExecutionView, PodView


class Kind(NamedTuple):
    """What a node counts as, by its current claim."""

    version: int
    workload_hash: str
    observed: str
    is_stable: bool
    is_live: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A job's executions on one node, by attempt, and its pods there.

    It is kept from pass to pass as long as none of them changes, and so is what follows from it.
    """

    node: str
    executions: tuple[ExecutionView, ...]
    pods: tuple[PodView, ...] = ()
    """Pods with the job's label on the node that some Execution controls: they occupy it."""
    current: ExecutionView | None = field(init=False)
    """The claim that counts: the highest attempt, ended or not."""
    live: ExecutionView | None = field(init=False)
    """The current claim, if it has not ended."""
    is_stable: bool = field(init=False)
    """Whether the current claim, ended or not, was ever stable."""
    last_stable: ExecutionView | None = field(init=False)
    """The newest claim that was ever stable."""
    older_open: tuple[ExecutionView, ...] = field(init=False)
    """Claims that a newer one has replaced and whose end is not yet recorded."""
    own_pod: PodView | None = field(init=False)
    """The pod of the current claim."""
    older_pods: tuple[PodView, ...] = field(init=False)
    """Pods of this job's older claims, ended ones too: the node is not free before they go."""
    foreign_pods: tuple[PodView, ...] = field(init=False)
    """Pods of older claims, or of a former job of the name: the node is occupied by them."""
    stopping_pods: tuple[PodView, ...] = field(init=False)
    """Pods that are told to stop."""
    kind: Kind | None = field(init=False)
    """What the node counts as; None where it has only pods."""

    def __post_init__(self) -> None:
        current = self.executions[-1] if self.executions else None
        older, uid = self.executions[:-1], current.uid if current is not None else ""
        uids = {each.uid for each in older if each.uid}
        own = [pod for pod in self.pods if uid and pod.owner_uid == uid]
        stable = [each for each in self.executions if each.stable_at]
        self._set(
            current=current,
            live=current if current is not None and not current.terminal else None,
            is_stable=current is not None and bool(current.stable_at),
            last_stable=stable[-1] if stable else None,
            older_open=tuple([each for each in older if not each.terminal]),
            own_pod=own[0] if own else None,
            older_pods=tuple([pod for pod in self.pods if pod.owner_uid in uids]),
            foreign_pods=tuple([pod for pod in self.pods if pod.owner_uid != uid or not uid]),
            stopping_pods=tuple([pod for pod in self.pods if pod.deletion is not None]),
            kind=_kind(current) if current is not None else None,
        )

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def next_attempt(self) -> int:
        return self.executions[-1].attempt + 1 if self.executions else 1

    def before(self, execution: ExecutionView) -> ExecutionView | None:
        """The claim that ``execution`` replaced."""
        earlier = [each for each in self.executions if each.attempt < execution.attempt]
        return earlier[-1] if earlier else None

    def failure_of(self, workload: str) -> ExecutionView | None:
        """The node's last try of a workload, if that failed and none was ever stable."""
        tries = [each for each in self.executions if each.workload_hash == workload]
        if not tries or tries[-1].observed != "Failed" or any(each.stable_at for each in tries):
            return None
        return tries[-1]

    @property
    def failures_in_a_row(self) -> Sequence[ExecutionView]:
        """The failed claims at the end of the chain, newest first, up to one that was stable.

        Those on an earlier node of the same name are another node's.
        """
        failed: list[ExecutionView] = []
        for each in reversed(self.executions):
            if each.node_uid != self.executions[-1].node_uid:
                break
            if each.stable_at and each.observed != "Failed":
                break
            if each.observed == "Failed":
                failed.append(each)
            if each.stable_at:
                break
        return failed


def _kind(current: ExecutionView) -> Kind:
    return Kind(
        current.version,
        current.workload_hash,
        current.observed,
        bool(current.stable_at),
        not current.terminal,
    )
