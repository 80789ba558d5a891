"""The kinds are removed before the jobs: nothing of them goes on running without an owner."""

from __future__ import annotations

from pathlib import Path

import pytest

import wavelab
from support.few import few
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

CRDS = Path(__file__).parents[2] / "crds"


@pytest.mark.row("Deletion")
def test_pods_go_once_their_owner_s_kind_is_gone_and_come_back_with_it(
    cluster: wavelab.Cluster, space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", few(nodes=["sim-001", "sim-002"], strategy="Immediate"))
    space.wait("it runs", lambda: len(space.running("app")) == 2)
    try:
        cluster.kubectl("delete", "crd", "executions.wavegate.dev")
        operator.wait_for_log("kind Execution is no longer served: removing its pods")
        space.wait("no pod is left", lambda: not space.list("Pod"))
    finally:
        cluster.kubectl("apply", "--filename", str(CRDS))
    space.wait("it runs again", lambda: len(space.running("app")) == 2, seconds=120)
    space.delete("FleetJob", "app")
