"""What a fleet of a hundred nodes costs the API server, held to bench/rangespec.yaml."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

import wavelab
from bench import rangespec
from support.few import deploy
from support.jobs import container
from support.operator_process import USER, OperatorProcess
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

SPEC = rangespec.load()
WAVES = {
    "strategy": "Rolling",
    "maxParallel": "20%",
    "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "60s"},
}


def test_a_fleet_costs_exactly_the_requests_that_it_may(
    cluster: wavelab.Cluster,
    space: Space,
    operator: OperatorProcess,
    hundred_nodes: int,
    measured: Callable[[str], None],
) -> None:
    assert hundred_nodes == SPEC.nodes
    problems: list[str] = []

    def play(act: str, deployment: str, begin: Callable[[], None]) -> None:
        began = time.time()
        begin()
        space.wait(
            f"{deployment} is complete",
            lambda: space.deployment(deployment).get("state") == "Completed",
        )
        counted = settled(cluster, began, space.name)
        told = rangespec.outside(SPEC.acts[act], counted, SPEC.nodes, time.time() - began)
        problems.extend(f"{act}: {line}" for line in told)
        measured(f"{act}, {SPEC.nodes} nodes: {dict(sorted(counted.items()))}")

    play("create", "app-v1", lambda: space.apply("app", container("app:1", strategy="Immediate")))
    play("roll", "app-v2", lambda: space.apply("app", container("app:2", **WAVES)))
    play(
        "rollback",
        "back",
        lambda: deploy(space, "back", type="Rollback", toVersion=1, rollout=WAVES),
    )
    assert not problems, "\n".join(problems)
    lag = re.search(r"^wavegate_event_loop_lag_seconds_count (\S+)", operator.metrics(), re.M)
    assert lag
    assert float(lag[1]) > 0, "the operator tells how late its event loop is"
    space.delete("FleetJob", "app")
    space.wait("nothing is left of the job", lambda: not space.list("Pod"))


def settled(cluster: wavelab.Cluster, since: float, namespace: str | None) -> Counter[str]:
    """The requests once none has come for three seconds: what is removed later counts as well."""
    last, seen_at = Counter[str](), time.monotonic()
    while time.monotonic() < seen_at + 3:
        now = rangespec.count(cluster.audit_events(), USER, since, namespace)
        if now != last:
            last, seen_at = now, time.monotonic()
        time.sleep(0.2)
    return last


def test_a_start_reads_everything_once(
    cluster: wavelab.Cluster,
    space: Space,
    operator: OperatorProcess,
    hundred_nodes: int,
    measured: Callable[[str], None],
) -> None:
    operator.stop()
    began = time.time()
    operator.start()
    counted = settled(cluster, began, None)
    measured(f"start, {hundred_nodes} nodes: {dict(sorted(counted.items()))}")
    assert not rangespec.outside(SPEC.acts["start"], counted, SPEC.nodes, time.time() - began)
