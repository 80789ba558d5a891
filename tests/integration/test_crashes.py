"""The operator process killed at ten points of a rollout, and replaced by a standby."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from support.few import deploy, seen
from support.jobs import container
from support.operator_process import OperatorProcess
from support.rollouts import settled_on, waves
from support.space import Availability, Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

LEASE = "/apis/coordination.k8s.io/v1/namespaces/wavegate-system/leases/wavegate"


def stable(space: Space, version: int) -> int:
    return sum("stableAt" in e.get("status", {}) for e in space.executions("app", version))


def pods_of(space: Space, version: int) -> int:
    labels = (pod["metadata"]["labels"] for pod in space.list("Pod"))
    return sum(each.get("wavegate.dev/version") == str(version) for each in labels)


POINTS: list[tuple[str, Callable[[Space], object]]] = [
    ("the version is made", lambda s: s.get("JobVersion", "app-v2")),
    ("the deployment is made", lambda s: s.get("FleetDeployment", "app-v2")),
    ("the rollout has started", lambda s: s.deployment("app-v2").get("startedAt")),
    ("the canary is claimed", lambda s: s.executions("app", 2)),
    ("the canary's pod is made", lambda s: pods_of(s, 2)),
    ("the canary is stable", lambda s: stable(s, 2)),
    ("the gate was passed", lambda s: s.deployment("app-v2").get("canaryPromoted")),
    ("wave 2 is claimed", lambda s: waves(s, 2)[2]),
    ("wave 3 is claimed", lambda s: waves(s, 2)[3]),
    ("half of the nodes are stable", lambda s: stable(s, 2) >= 10),
]


@pytest.mark.row("Claim", "Places")
def test_killed_at_ten_points_of_a_rollout_nothing_is_lost_and_no_wave_is_too_large(
    settled: Space,
    operator: OperatorProcess,
) -> None:
    settled.apply("app", container("app:2", maxParallel=4))
    with Availability(settled, "app") as seen:
        for what, reached in POINTS:
            settled.wait(what, lambda reached=reached: reached(settled), poll=0.02)
            operator.kill()
            settled.client.delete(LEASE)  # as if its 15 s had passed
            operator.start()
        settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))
    assert seen.worst <= 4
    assert waves(settled, 2) == {1: 1, 2: 4, 3: 4, 4: 4, 5: 4, 6: 3}
    assert settled.deployment("app-v2")["state"] == "Completed"


@pytest.mark.row("status.lastAccepted", "Stop")
def test_a_stop_that_is_deleted_as_soon_as_it_has_ended_and_nobody_looks_stands(
    settled: Space,
    operator: OperatorProcess,
) -> None:
    deploy(settled, "halt", type="Stop")
    completed = lambda: settled.deployment("halt").get("state") == "Completed"  # noqa: E731
    settled.wait("it completed", completed, poll=0.02)
    operator.kill()
    settled.delete("FleetDeployment", "halt")
    settled.client.delete(LEASE)  # as if its 15 s had passed
    operator.start()
    settled.apply("app", {**container("app:1"), "description": "a word that is looked at"})
    settled.wait("it was seen", lambda: seen(settled))
    assert settled.condition("app")["reason"] == "Stopped"
    assert settled.list("Pod") == []


def test_a_standby_takes_over_from_a_killed_leader(
    settled: Space,
    operator: OperatorProcess,
    second_operator: OperatorProcess,
    measured: Callable[[str], None],
) -> None:
    second_operator.launch()
    second_operator.wait_for_log("ready after")
    assert "leading as" not in second_operator.log()
    settled.apply("app", container("app:2", maxParallel=10))
    settled.wait("the canary is claimed", lambda: settled.executions("app", 2))
    operator.kill()
    begun = time.monotonic()
    second_operator.wait_for_log("leading as")
    measured(f"take-over after {time.monotonic() - begun:.1f} s")
    settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))
    second_operator.stop()
    operator.start()


def test_it_gives_the_lease_up_when_it_is_told_to_end(operator: OperatorProcess) -> None:
    assert operator.stop() == 0
    begun = time.monotonic()
    operator.start()
    assert time.monotonic() - begun < 12, "it need not wait for the Lease to run out"
    assert re.search(r"ready after", operator.log())
