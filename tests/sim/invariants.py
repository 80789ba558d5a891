"""What must hold after every single write, checked by a watcher of the world.

The numbers are those of the project's list of invariants (docs/architecture.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict

from sim.schema import status_fits_the_schema
from sim.world import FINE, World
from wavegate.api.rollout import HealthCheck
from wavegate.domain import executions, rollout
from wavegate.domain.actions import (
    Action,
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    DeletePod,
    SetStatus,
)
from wavegate.domain.observed import DeploymentView, ExecutionView


class Invariants:
    """Watches a world.

    ``places``: the largest number of nodes that may be down at once; None: no limit.
    """

    def __init__(self, places: int | None) -> None:
        self.places = places
        self.states: dict[tuple[str, str], str] = {}
        """By kind and name, as last seen."""
        self.counted: dict[str, tuple[int, int]] = {}
        """By object: observedGeneration and revision, as last written."""
        self.totals: dict[str, int] = {}
        """By deployment's uid: the pinned number of nodes."""
        self.stable_on: dict[str, set[str]] = defaultdict(set)
        """By workload hash: uids of nodes that were ever stable on it."""

        self.leaving: dict[str, str] = {}
        """By node that left the selector: uid of the pod that was stopped for it."""

    def __call__(self, world: World, action: Action) -> None:
        status_fits_the_schema(world, action)
        if isinstance(action, DeletePod) and action.why == "NoLongerMatches":
            self._remember_leaving(world, action)
        self._one_pod_a_node(world)
        if not world.is_late:
            self._pulls_within_a_wave(world, action)
        self._states_change_as_the_tables_say(world)
        self._counters_rise(world)
        if not world.is_late:
            self._decided_on_what_is_true(world, action)
        if isinstance(action, SetStatus):
            self._remember_stable(world, action)

    def _decided_on_what_is_true(self, world: World, action: Action) -> None:
        """What a former leader's late writes may break until the next pass undoes it."""
        self._places(world)
        match action:
            case CreateExecution():
                self._waves_in_order(world, action)
                self._canaries_first(world, action)
                self._failed_workloads_stay_away(world, action)
                self._only_an_open_rollout_takes(world, action)
                self._nothing_up_to_date_is_claimed(world, action)
            case CreatePod():
                self._newest_claim_gets_the_pod(world, action)
            case DeletePod():
                self._what_runs_as_it_should_is_left_alone(world, action)
            case CreateDeployment():
                self._back_to_what_completed(world, action)
            case SetStatus(kind="FleetDeployment"):
                self._completed_is_stamped_and_the_total_stays(world, action)
            case SetStatus(kind="Execution"):
                self._healthy_is_not_judged_failed(world, action)

    def _one_pod_a_node(self, world: World) -> None:
        """1. At most one live pod of a job on a node."""
        nodes = Counter(pod.node for pod in world.pods.values() if not pod.terminal)
        assert max(nodes.values(), default=0) <= 1, f"two pods on a node: {nodes}\n{world.story()}"

    def _pulls_within_a_wave(self, world: World, action: Action) -> None:
        """At most a wave's width of pods pull images, each for a rollout that goes on."""
        if not isinstance(action, CreatePull):
            return
        version = next(e for e in world.versions.values() if e.uid == action.version_uid)
        by = [
            each
            for each in world.deployments.values()
            if each.to_version == version.version and not each.terminal and not each.paused
        ]
        assert by, f"{action.node} pulls for a rollout that does not go on\n{world.story()}"
        width = min(each.wave_size for each in by)
        assert len(world.pulls) <= width, f"{list(world.pulls)} pull, {width} may\n{world.story()}"

    def _places(self, world: World) -> None:
        """2. At most as many nodes without their stable execution as there are places."""
        if self.places is None:
            return
        assert world.job is not None
        assert world.job.spec is not None
        if world.job.spec.suspend or _is_stopped(world):
            return
        down = {node for node, chain in _chains(world).items() if _is_down(world, node, chain)}
        down |= {node for node, uid in self.leaving.items() if _still_stops(world, node, uid)}
        assert len(down) <= self.places, f"{down} are down, places: {self.places}\n{world.story()}"

    def _states_change_as_the_tables_say(self, world: World) -> None:
        """5. A terminal state never changes; any other only as the transition tables say."""
        # By uid: of a node that is gone the records go, too, and their names may come again.
        states = {("ex", f"{e.name} {e.uid}"): e.observed for e in world.executions.values()}
        states |= {("fd", f"{e.name} {e.uid}"): e.state for e in world.deployments.values()}
        for key, state in states.items():
            before = self.states.get(key, state)  # whatever it was when the watching began
            assert state == before or (before, state) in _TRANSITIONS[key[0]], (
                f"{key[1]}: {before or 'nothing'} became {state}\n{world.story()}"
            )
            self.states[key] = state

    def _counters_rise(self, world: World) -> None:
        """5. observedGeneration and revision never fall."""
        assert world.job is not None
        documents = {"job": world.job.status}
        documents |= {f"{each.name} {each.uid}": each.status for each in world.executions.values()}
        documents |= {f"{each.name} {each.uid}": each.status for each in world.deployments.values()}
        for name, status in documents.items():
            now = (int(status.get("observedGeneration") or 0), int(status.get("revision") or 0))
            before = self.counted.get(name, now)
            assert now[0] >= before[0], f"{name}: observedGeneration fell"
            assert now[1] >= before[1], f"{name}: revision fell"
            self.counted[name] = now

    def _waves_in_order(self, world: World, action: CreateExecution) -> None:
        """3. No node of wave k+1 gets the version before wave k was judged."""
        if action.wave <= 1:
            return
        for each in world.executions.values():
            same = each.workload_hash == action.workload_hash and each.name not in world.late
            earlier = each.deployment == action.deployment and 0 < each.wave < action.wave
            judged = each.stable_at or each.terminal or each.withdrawn or _is_gone(world, each)
            assert not (same and earlier and not judged), (
                f"{action.name} of wave {action.wave} before {each.name} was judged\n"
                f"{world.story()}"
            )

    def _remember_leaving(self, world: World, action: DeletePod) -> None:
        pod = world.pods[action.name]
        owner = next((e for e in world.executions.values() if e.uid == pod.owner_uid), None)
        if owner is not None and owner.stable_at and not world.is_late:
            self.leaving[pod.node] = pod.uid

    def _canaries_first(self, world: World, action: CreateExecution) -> None:
        """3. Wave 1 takes what canarySelector matches; later ones follow one that was stable."""
        if action.wave == 0:
            return
        by = world.deployments[action.deployment]
        rollout = (by.status.get("resolved") or {}).get("rollout") or {}
        if by.type == "Rollback" or rollout.get("strategy") != "Canary":
            return
        if action.wave > 1:
            proven = self.stable_on[action.workload_hash]
            assert proven, f"{action.name} follows no stable canary\n{world.story()}"
            return
        wanted = rollout["canarySelector"]["matchLabels"].items()
        labels = world.nodes[action.node].labels
        assert wanted <= labels.items(), f"{action.node} is no canary: {labels}\n{world.story()}"

    def _remember_stable(self, world: World, action: SetStatus) -> None:
        execution = world.executions.get(action.name)
        if action.kind == "Execution" and execution is not None and execution.stable_at:
            self.stable_on[execution.workload_hash].add(execution.node_uid)

    def _failed_workloads_stay_away(self, world: World, action: CreateExecution) -> None:
        """4, 11, 12. A workload that failed gets no further node and is not started anew."""
        tries = [
            each
            for each in world.said()
            if each.type != "Rollback"
            and each.sequence
            and each.workload_hash == action.workload_hash
            and each.reason != "Superseded"
        ]
        newest = max(tries, key=lambda each: each.sequence, default=None)
        if newest is None or not _has_failed(newest):
            return
        if action.workload_hash == _stable_workload(world):
            return  # nothing stays empty, whatever became of the same workload in other words
        assert action.node_uid in self.stable_on[action.workload_hash], (
            f"{action.node} gets a workload that failed, by {action.deployment}\n{world.story()}"
        )

    def _only_an_open_rollout_takes(self, world: World, action: CreateExecution) -> None:
        """7, 10. Nothing is taken by a rollout that is paused, canceled or over."""
        assert world.job is not None
        assert world.job.spec is not None
        halted = world.job.spec.suspend or _is_stopped(world)
        assert not halted, f"{action.name} in a job that is to run nowhere\n{world.story()}"
        if action.wave == 0:
            return
        by = world.deployments[action.deployment]
        assert by.started is not None, f"{by.name} takes before it is pinned\n{world.story()}"
        stands = (by.terminal, by.canceled, by.paused or world.job.spec.rollout.paused)
        assert not any(stands), (
            f"{action.name} is taken by {by.name} (ended, canceled, paused: {stands})\n"
            f"{world.story()}"
        )

    def _nothing_up_to_date_is_claimed(self, world: World, action: CreateExecution) -> None:
        """14. No up-to-date execution is replaced by another of the same workload.

        A Restart replaces what was made before it was accepted.
        """
        by = next((e for e in reversed(world.said()) if e.name == action.deployment), None)
        restart = by.accepted if by is not None and by.type == "Restart" else None
        for each in world.executions.values():
            if restart is not None and each.created < restart:
                continue
            same = each.node_uid == action.node_uid and each.workload_hash == action.workload_hash
            if each.name == action.name or not same:
                continue
            replaced = each.terminal or each.attempt < action.attempt - 1
            assert replaced, f"{action.name} replaces the same workload\n{world.story()}"

    def _what_runs_as_it_should_is_left_alone(self, world: World, action: DeletePod) -> None:
        """14. The pod of a live claim that counts is not deleted while it runs."""
        if action.name in world.pulls:
            return
        pod = world.pods[action.name]
        owner = next((e for e in world.executions.values() if e.uid == pod.owner_uid), None)
        if owner is None or owner.terminal or pod.terminal or action.why not in _REPLACING:
            return
        newer = [
            each
            for each in world.executions.values()
            if each.node == owner.node and each.attempt > owner.attempt
        ]
        assert newer, f"{action.name} is deleted although its claim counts\n{world.story()}"

    def _back_to_what_completed(self, world: World, action: CreateDeployment) -> None:
        """6, 10. A rollback goes to a version that completed, and never follows a cancel."""
        if action.type != "Rollback":
            return
        stable = next(e for e in world.versions.values() if e.version == action.to_version)
        assert stable.stable_at, f"{action.name} goes to what never completed\n{world.story()}"
        undone = [e for e in world.said() if e.name == action.name.removesuffix("-rollback")]
        assert not undone[-1].canceled, f"{action.name} although it was canceled\n{world.story()}"

    def _completed_is_stamped_and_the_total_stays(self, world: World, action: SetStatus) -> None:
        """6, 13. Completed only after stableAt; joiners change no total once something was made."""
        deployment = world.deployments[action.name]
        if deployment.state == "Completed" and deployment.type != "Stop":
            version = next(e for e in world.versions.values() if e.version == deployment.to_version)
            assert version.stable_at, f"{action.name} Completed first\n{world.story()}"
            assert deployment.started is not None
            assert version.stable_at >= deployment.started
        if any(each.deployment == action.name for each in world.executions.values()):
            pinned = self.totals.setdefault(deployment.uid, deployment.total)
            assert pinned == deployment.total, f"{action.name}: totalNodes changed"
        if deployment.canceled and deployment.state == "Failed":
            raise AssertionError(f"{action.name}: cancel lost\n{world.story()}")

    def _healthy_is_not_judged_failed(self, world: World, action: SetStatus) -> None:
        """14. A pod that has been well for as long as is asked is not judged failed."""
        execution = world.executions[action.name]
        pod = next((p for p in world.pods.values() if p.owner_uid == execution.uid), None)
        if execution.observed != "Failed" or pod is None or not pod.ready or pod.terminal:
            return
        if world.fate(pod.node, world.images[pod.uid]) != FINE or pod.restarts:
            return
        version = next(e for e in world.versions.values() if e.version == execution.version)
        check = version.spec.rollout.health_check if version.spec else None
        by = next((each for each in world.said() if each.name == execution.deployment), None)
        if by is not None and by.rollout is not None:
            check = by.rollout.health_check or check
        if not world.serves(check):
            return
        since = max(pod.ready_changed or pod.created, world.operator_started)
        assert world.now - since < _enough(check), f"{action.name} is well\n{world.story()}"

    def _newest_claim_gets_the_pod(self, world: World, action: CreatePod) -> None:
        """8. A pod is made for the newest claim of its node alone."""
        claim = world.executions[action.execution]
        newer = [
            each.name
            for each in world.executions.values()
            if each.node == claim.node and each.attempt > claim.attempt
        ]
        assert not newer, f"pod for {claim.name} although there is {newer}\n{world.story()}"


def _chains(world: World) -> dict[str, list[ExecutionView]]:
    chains: dict[str, list[ExecutionView]] = defaultdict(list)
    for each in world.executions.values():
        chains[each.node].append(each)
    return {node: sorted(chain, key=lambda e: e.attempt) for node, chain in chains.items()}


def _is_down(world: World, node: str, chain: list[ExecutionView]) -> bool:
    """Whether the operator took the node's stable execution and nothing has replaced it."""
    present = world.nodes.get(node)
    if present is None or present.unschedulable or not present.ready:
        return False
    stable = [each for each in chain if each.stable_at]
    if not stable or any(each.name in world.late for each in chain):
        return False
    last = stable[-1]
    after = [each for each in chain if each.attempt > last.attempt]
    taken = bool(after) and (not last.terminal or last.details.get("reason") == "Replaced")
    if not taken or world.disturbed.get(node, 0.0) >= after[0].created:
        return False
    return sum(each.observed == "Failed" for each in after) < 2


def _still_stops(world: World, node: str, uid: str) -> bool:
    """Whether a pod that was stopped is there yet, and not a minute beyond its grace period."""
    pod = next((each for each in world.pods.values() if each.uid == uid), None)
    return pod is not None and pod.deletion is not None and world.now < pod.deletion + 60


def _is_gone(world: World, execution: ExecutionView) -> bool:
    node = world.nodes.get(execution.node)
    return node is None or node.uid != execution.node_uid


def _has_failed(deployment: DeploymentView) -> bool:
    return deployment.state == "Failed" or (
        deployment.state == "Canceled" and deployment.reason == "Canceled"
    )


def _is_stopped(world: World) -> bool:
    """Whether a user's Stop is what was accepted last, be it deleted since."""
    accepted = [each for each in world.said() if each.sequence]
    newest = max(accepted, key=lambda each: each.sequence, default=None)
    return newest is not None and newest.type == "Stop" and newest.state != "Canceled"


def _stable_workload(world: World) -> str:
    """Of the version that was stamped last, if its rollout did complete."""
    stamped = [each for each in world.versions.values() if each.stable_at]
    last = max(stamped, key=lambda each: (each.stable_at or 0.0, each.version), default=None)
    completed = last is not None and any(
        each.to_version == last.version and each.state == "Completed" for each in world.said()
    )
    return last.workload_hash if last is not None and completed else ""


def _enough(check: HealthCheck | None) -> float:
    """Seconds after which a pod that is well must have been found so."""
    if check is None:
        return 15.0
    shortest = check.min_healthy_time or check.interval * (check.success_threshold or 2)
    return shortest + 2 * check.interval


_TRANSITIONS = {
    "ex": {(before, after) for before, _, after in executions.TRANSITIONS},
    "fd": {(before, after) for before, _, after in rollout.TRANSITIONS},
}
_REPLACING = ("Replaced", "Ended")
"""Why a pod is deleted, where its claim must be one that no longer counts."""
