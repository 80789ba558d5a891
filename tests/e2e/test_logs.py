"""``wavegate logs`` from real kubelets: whose lines they are, and lines as they come."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import wavelab
from e2e.conftest import ROOT
from support.space import Space

pytestmark = pytest.mark.nodes

JOB = "talks"


def talking() -> dict[str, Any]:
    """A pipeline that says hello ten times a second."""
    return {
        "type": "pipeline",
        "config": {
            "input": {"generate": {"interval": "100ms", "mapping": 'root = "hello"'}},
            "output": {"stdout": {}},
        },
        "template": {"spec": {"terminationGracePeriodSeconds": 1}},
        "rollout": {
            "strategy": "Canary",
            "autoPromote": True,
            "maxParallel": 2,
            "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "60s"},
        },
    }


@pytest.fixture
def talks(edge: Space) -> Iterator[Space]:
    edge.apply(JOB, talking())
    edge.wait("it runs", lambda: edge.job_state(JOB) == "Running", seconds=180)
    yield edge
    edge.delete("FleetJob", JOB)


def command(cluster: wavelab.Cluster, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    program = [sys.executable, "-u", "-m", "wavegate.cli.main"]
    return [*program, "logs", JOB, "-n", "edge", *arguments], environment


def test_each_line_tells_its_node_and_new_ones_come_by_themselves(
    talks: Space, real_cluster: wavelab.Cluster
) -> None:
    line, environment = command(real_cluster, "--tail", "3")
    done = subprocess.run(
        line, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    nodes = sorted(talks.running(JOB))
    said = [text.split(maxsplit=1) for text in done.stdout.splitlines()]
    assert [node for node, _ in said] == [node for node in nodes for _ in range(3)]
    assert {words for _, words in said} == {"hello"}
    line, environment = command(real_cluster, "--wave", "1", "-f", "--tail", "0")
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        canary = {following.stdout.readline().split()[0] for _ in range(5)}
        following.terminate()
    assert len(canary) == 1
    (first,) = [each for each in talks.executions(JOB, 1) if each["spec"]["rolloutWave"] == 1]
    assert canary == {first["spec"]["nodeName"]}
