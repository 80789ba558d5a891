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
from dataclasses import dataclass

from wavegate.domain.observed import ExecutionView, PodView


@dataclass(frozen=True, slots=True)
class Chain:
    """A job's executions on one node, by attempt, and its pods there."""

    node: str
    executions: tuple[ExecutionView, ...]
    pods: tuple[PodView, ...] = ()
    """Pods with the job's label on the node that some Execution controls: they occupy it."""

    @property
    def current(self) -> ExecutionView | None:
        """The claim that counts: the highest attempt, ended or not."""
        return self.executions[-1] if self.executions else None

    @property
    def live(self) -> ExecutionView | None:
        """The current claim, if it has not ended."""
        current = self.current
        return current if current is not None and not current.terminal else None

    @property
    def older_open(self) -> tuple[ExecutionView, ...]:
        """Claims that a newer one has replaced and whose end is not yet recorded."""
        return tuple(each for each in self.executions[:-1] if not each.terminal)

    @property
    def older_pods(self) -> tuple[PodView, ...]:
        """Pods of this job's older claims, ended ones too: the node is not free before they go."""
        older = {each.uid for each in self.executions[:-1] if each.uid}
        return tuple(pod for pod in self.pods if pod.owner_uid in older)

    @property
    def own_pod(self) -> PodView | None:
        """The pod of the current claim."""
        current = self.current
        if current is None or not current.uid:
            return None
        return next((pod for pod in self.pods if pod.owner_uid == current.uid), None)

    @property
    def foreign_pods(self) -> tuple[PodView, ...]:
        """Pods of older claims, or of a former job of the name: the node is occupied by them."""
        current = self.current
        uid = current.uid if current is not None else ""
        return tuple(pod for pod in self.pods if pod.owner_uid != uid or not uid)

    @property
    def next_attempt(self) -> int:
        return self.executions[-1].attempt + 1 if self.executions else 1

    def before(self, execution: ExecutionView) -> ExecutionView | None:
        """The claim that ``execution`` replaced."""
        earlier = [each for each in self.executions if each.attempt < execution.attempt]
        return earlier[-1] if earlier else None

    @property
    def last_stable(self) -> ExecutionView | None:
        """The newest claim that was ever stable."""
        return next((each for each in reversed(self.executions) if each.stable_at), None)

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
