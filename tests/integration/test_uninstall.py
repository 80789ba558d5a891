"""Removed in other orders than jobs, operator, CRDs: no pod goes on without an owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import wavelab
from support.crds import CRDS, install_crds
from support.jobs import container
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]


@pytest.fixture
def everywhere(
    hundred_nodes: int, cluster: wavelab.Cluster, space: Space, operator: OperatorProcess
) -> Iterator[Space]:
    """A job on a hundred nodes; the CRDs are put back at the end."""
    space.apply("app", container(strategy="Immediate", autoPromote=None, healthCheck=None))
    space.wait(
        "it runs",
        lambda: len(space.running("app")) == hundred_nodes,
        why=lambda: operator.log()[-5000:],
    )
    yield space
    install_crds(cluster)


def gone(space: Space) -> bool:
    return not space.list("Pod")


@pytest.mark.row("Deletion")
def test_the_crds_first_while_the_operator_runs(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    cluster.kubectl("delete", "--filename", CRDS)
    everywhere.wait("no pod is left", lambda: gone(everywhere), seconds=120)
    operator.stop()
    assert gone(everywhere)


@pytest.mark.row("Deletion")
def test_the_operator_first_and_then_the_jobs(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    operator.stop()
    assert len(everywhere.running("app")) == 100, "without an operator jobs run on"
    everywhere.delete("FleetJob", "app")
    everywhere.wait("no pod is left", lambda: gone(everywhere), seconds=120)
    cluster.kubectl("delete", "--filename", CRDS)


@pytest.mark.row("Deletion")
def test_the_operator_first_and_then_the_crds_until_they_are_back(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    operator.stop()
    cluster.kubectl("delete", "--filename", CRDS)
    # What the garbage collector has missed it finds once it knows the kinds again.
    install_crds(cluster)
    everywhere.wait("no pod is left", lambda: gone(everywhere), seconds=120)
    assert not everywhere.list("FleetJob")


def test_the_crds_come_back_after_a_while(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    """The operator, which has looked for them in vain, hears of jobs as it did."""
    cluster.kubectl("delete", "--filename", CRDS)
    operator.wait_for_log("not served: FleetJob, FleetDeployment, HTTPJob")
    everywhere.wait("no pod is left", lambda: gone(everywhere), seconds=120)
    install_crds(cluster)
    operator.wait_for_log("now served: FleetJob, FleetDeployment, HTTPJob")
    everywhere.apply("app", container(strategy="Immediate", autoPromote=None, healthCheck=None))
    everywhere.wait("it runs again", lambda: len(everywhere.running("app")) == 100)
    everywhere.wait("it says so", lambda: everywhere.job_state("app") == "Running")


def test_the_operator_before_its_crds(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    """As where everything is applied at once, and the operator is the first to be there."""
    everywhere.delete("FleetJob", "app")
    everywhere.wait("no pod is left", lambda: gone(everywhere))
    operator.stop()
    cluster.kubectl("delete", "--filename", CRDS)
    operator.launch()
    operator.wait_for_log("not served: FleetJob, FleetDeployment, HTTPJob")
    install_crds(cluster)
    operator.wait_for_log("now served: ")
    operator.wait_for_log("leading as")
    operator.wait_for_log("ready after")
    everywhere.apply("other", container(strategy="Immediate", autoPromote=None, healthCheck=None))
    everywhere.wait("it runs", lambda: len(everywhere.running("other")) == 100)
    everywhere.wait("it says so", lambda: everywhere.job_state("other") == "Running")
