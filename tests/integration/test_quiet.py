"""That an idle operator asks for nothing, how soon it is ready, and how much memory it takes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest

import wavelab
from bench import rangespec
from support.answering import Endpoint
from support.asking import Asked
from support.jobs import container
from support.operator_process import USER, OperatorProcess
from support.space import PLURALS, Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

QUIET_SECONDS = 60


def ran(space: Space, version: int, nodes: int) -> bool:
    done = space.deployment(f"app-v{version}").get("state") == "Completed"
    return done and len(space.running("app")) == nodes


def test_an_idle_operator_asks_for_nothing(
    cluster: wavelab.Cluster,
    space: Space,
    operator: OperatorProcess,
    fifty_nodes: int,
    measured: Callable[[str], None],
) -> None:
    space.apply("app", container("app:1", strategy="Immediate"))
    space.wait("v1 runs everywhere", lambda: ran(space, 1, fifty_nodes))
    last = Counter[str]()
    settled_since, said = time.time(), 0
    while time.time() - settled_since < QUIET_SECONDS:
        now = rangespec.count(cluster.audit_events(), USER, 0, space.name)
        if now != last:
            last, settled_since, said = now, time.time(), len(operator.log())
            assert sum(now.values()) < 10 * fifty_nodes, f"it never comes to rest: {now}"
        time.sleep(1.0)
    assert operator.log()[said:] == "", "it says nothing either, although it is to say every step"
    measured(f"0 requests in {QUIET_SECONDS} s, after {sum(last.values())} for {fifty_nodes} nodes")
    measured(f"resident: {operator.resident_mib():.0f} MiB")
    space.delete("FleetJob", "app")


def test_its_token_is_in_no_log_no_metric_and_no_object(
    space: Space, operator: OperatorProcess, fifty_nodes: int
) -> None:
    space.apply("app", container("app:1", strategy="Immediate"))
    space.wait("v1 runs everywhere", lambda: ran(space, 1, fifty_nodes))
    endpoint = Endpoint()
    try:
        asked = Asked(space, endpoint)
        asked.job("calls")
        asked.run("debugged", "calls", debug=True)
        assert "requestHeaders" in asked.ended("debugged")["debug"]
    finally:
        endpoint.close()
    token = operator.token()
    assert len(token) > 100
    objects = [space.list(kind) for kind in PLURALS]
    events = space.client.get(f"/apis/events.k8s.io/v1/namespaces/{space.name}/events")
    told = [operator.log_file.read_text(), operator.metrics(), json.dumps([objects, events])]
    assert [token in each for each in told] == [False, False, False]
    space.delete("FleetJob", "app")


def test_it_is_ready_within_five_seconds_and_small_with_a_hundred_nodes(
    space: Space, operator: OperatorProcess, hundred_nodes: int, measured: Callable[[str], None]
) -> None:
    space.apply("app", container("app:1", strategy="Immediate"))
    space.wait("v1 runs everywhere", lambda: ran(space, 1, hundred_nodes))
    operator.stop()
    operator.start()
    seconds, memory = operator.ready_seconds(), operator.resident_mib()
    measured(f"ready after {seconds:.2f} s, {memory:.0f} MiB resident with {hundred_nodes} nodes")
    assert seconds < 5
    assert memory < 150
    space.delete("FleetJob", "app")
