"""What must hold after every single write, checked by a watcher of the world.

The numbers are those of the project's list of invariants (docs/architecture.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict

from sim.world import World
from wavegate.domain.actions import Action, CreateExecution, CreatePod, SetStatus
from wavegate.domain.observed import ExecutionView


class Invariants:
    """Watches a world; ``places`` is the largest number of nodes that may be down at once."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.terminal: dict[str, str] = {}
        self.revisions: dict[str, int] = {}
        self.failed_gate: dict[str, set[str]] = {}
        """By workload hash: nodes that were stable on it when its gate failed."""

    def __call__(self, world: World, action: Action) -> None:
        self._one_pod_a_node(world)
        self._places(world)
        self._terminal_states_stay(world)
        self._revisions_rise(world)
        if isinstance(action, CreateExecution):
            self._waves_in_order(world, action)
            self._failed_workloads_stay_away(world, action)
        if isinstance(action, CreatePod):
            self._newest_claim_gets_the_pod(world, action)
        if isinstance(action, SetStatus) and action.kind == "FleetDeployment":
            self._remember_failed(world, action)

    def _one_pod_a_node(self, world: World) -> None:
        """1. At most one live pod of a job on a node."""
        nodes = Counter(pod.node for pod in world.pods.values() if not pod.terminal)
        assert max(nodes.values(), default=0) <= 1, f"two pods on a node: {nodes}\n{world.story()}"

    def _places(self, world: World) -> None:
        """2. At most as many nodes without their stable execution as there are places."""
        assert world.job is not None
        assert world.job.spec is not None
        if world.job.spec.suspend:
            return
        down = [node for node, chain in _chains(world).items() if _is_down(world, node, chain)]
        assert len(down) <= self.places, f"{down} are down, places: {self.places}\n{world.story()}"

    def _terminal_states_stay(self, world: World) -> None:
        """5. A terminal state never changes."""
        states = {f"ex/{name}": each.observed for name, each in world.executions.items()}
        states |= {f"fd/{name}": each.state for name, each in world.deployments.items()}
        ended = ("Completed", "Failed", "Stopped", "Canceled")
        for name, state in states.items():
            before = self.terminal.get(name)
            assert before in (None, state), f"{name}: {before} became {state}\n{world.story()}"
            if state in ended:
                self.terminal[name] = state

    def _revisions_rise(self, world: World) -> None:
        """5. observedGeneration and revision never fall."""
        assert world.job is not None
        documents = {"job": world.job.status}
        documents |= {name: each.status for name, each in world.executions.items()}
        documents |= {f"fd/{name}": each.status for name, each in world.deployments.items()}
        for name, status in documents.items():
            revision = int(status.get("revision") or 0)
            assert revision >= self.revisions.get(name, 0), f"{name}: revision fell"
            self.revisions[name] = revision

    def _waves_in_order(self, world: World, action: CreateExecution) -> None:
        """3. No node of wave k+1 gets the version before wave k was judged."""
        if action.wave <= 1:
            return
        for each in world.executions.values():
            same = each.workload_hash == action.workload_hash
            earlier = each.deployment == action.deployment and 0 < each.wave < action.wave
            judged = each.stable_at or each.terminal or each.withdrawn
            assert not (same and earlier and not judged), (
                f"{action.name} of wave {action.wave} before {each.name} was judged\n"
                f"{world.story()}"
            )

    def _remember_failed(self, world: World, action: SetStatus) -> None:
        status = action.status
        if status.get("state") != "Failed" or world.deployments[action.name].type == "Rollback":
            return
        workload = str(status.get("workloadHash"))
        stable_on = {
            each.node
            for each in world.executions.values()
            if each.workload_hash == workload and each.stable_at
        }
        self.failed_gate.setdefault(workload, stable_on)

    def _failed_workloads_stay_away(self, world: World, action: CreateExecution) -> None:
        """4, 12. A failed workload reaches no further node, and is not started anew by itself."""
        stable_on = self.failed_gate.get(action.workload_hash)
        if stable_on is None or action.node in stable_on:
            return
        raise AssertionError(
            f"{action.node} gets a workload that failed, by {action.deployment}\n{world.story()}"
        )

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
    if not stable:
        return False
    last = stable[-1]
    after = [each for each in chain if each.attempt > last.attempt]
    taken = bool(after) and (not last.terminal or last.details.get("reason") == "Replaced")
    failed = sum(each.observed == "Failed" for each in after)
    return taken and failed < 2


def most_places(max_parallel: int, canaries: int) -> int:
    """The largest wave."""
    return max(max_parallel, canaries)
