"""Nodes that come, go and come back in a rollout."""

from __future__ import annotations

import pytest

import wavelab
from support.few import (
    AT_ONCE,
    GATED,
    ended,
    runs,
    simulated,
    status_of,
)
from support.jobs import container
from support.rollouts import awaits
from support.space import Space

pytestmark = pytest.mark.cluster


@pytest.mark.row(
    "FleetDeployment.status.addedNodes",
    "status.rollout.addedNodes",
    "status.nodes.notReady",
    "Joiner",
)
def test_row_status_added_nodes(cluster: wavelab.Cluster, jobs: Space) -> None:
    labels, selector = {"joins": "yes"}, {"matchLabels": {"joins": "yes"}}
    with simulated(cluster, {"add-1": labels, "add-2": labels}):
        jobs.apply("app", {**container(**AT_ONCE), "selector": selector})
        jobs.wait("v1 runs", lambda: runs(jobs, 1, ["add-1", "add-2"]))
        jobs.apply("app", {**container("app:2", **GATED), "selector": selector})
        jobs.wait("v2 waits at its gate", lambda: awaits(jobs, "app-v2"))
        with simulated(cluster, {"add-3": labels}):
            jobs.wait("it gets v1 at once", lambda: jobs.running("app").get("add-3") == "1")
            jobs.wait("counted", lambda: jobs.deployment("app-v2")["addedNodes"] == 1)
            jobs.wait("the job says so", lambda: status_of(jobs)["rollout"]["addedNodes"] == 1)
            assert jobs.deployment("app-v2")["totalNodes"] == 2
            assert status_of(jobs)["nodes"]["notReady"] == 0
            cluster.kubectl("label", "node", "add-1", "wavelab.dev/fate=not-ready")
            jobs.wait("it is missed", lambda: status_of(jobs)["nodes"]["notReady"] == 1)


@pytest.mark.row("Absent", "Catch-up")
def test_row_absent(cluster: wavelab.Cluster, jobs: Space) -> None:
    """A node NotReady since before the start is left out, and brought to the version later."""
    names = ["abs-1", "abs-2", "abs-3"]
    selector = {"matchLabels": {"absent": "maybe"}}
    with simulated(cluster, {name: {"absent": "maybe"} for name in names}):
        jobs.apply("app", {**container(**AT_ONCE), "selector": selector})
        jobs.wait("v1 runs", lambda: runs(jobs, 1, names))
        cluster.kubectl("label", "node", "abs-3", "wavelab.dev/fate=not-ready")
        jobs.wait("it is missed", lambda: status_of(jobs)["nodes"]["notReady"] == 1)
        jobs.apply("app", {**container("app:2", **AT_ONCE), "selector": selector})
        jobs.wait("v2 is complete", lambda: ended(jobs, "app-v2"))
        status = jobs.deployment("app-v2")
        assert (status["state"], status["totalNodes"]) == ("Completed", 2)
        assert "abs-3" not in {e["spec"]["nodeName"] for e in jobs.executions("app", 2)}
        cluster.kubectl("label", "node", "abs-3", "wavelab.dev/fate-")
        jobs.wait("it is brought to v2", lambda: runs(jobs, 2, names))
        waves = {e["spec"]["nodeName"]: e["spec"]["rolloutWave"] for e in jobs.executions("app", 2)}
        assert waves == {"abs-1": 1, "abs-2": 1, "abs-3": 0}
