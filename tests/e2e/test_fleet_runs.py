"""Jobs that are executed when asked, on real nodes: each run asks them once, and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.test_one_shot import example, nodes_of
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

pytestmark = pytest.mark.nodes

JOB = "free-space"


@pytest.fixture(scope="module")
def space(real_client: Client, operator: OperatorProcess) -> Space:
    return Space(real_client, "asked")


@pytest.fixture
def asked(space: Space) -> Iterator[Space]:
    """A namespace with the job of the example, which asks nobody by itself."""
    space.apply(JOB, example("query-hourly"))
    yield space
    for kind in ("JobRun", "FleetJob"):
        for each in space.list(kind):
            space.delete(kind, each["metadata"]["name"])
    space.wait("its pods are gone", lambda: not space.list("Pod"))


def _ask(space: Space, run: str) -> None:
    space.apply(run, {"jobKind": "FleetJob", "jobName": JOB}, kind="JobRun")


def _status(space: Space, run: str) -> dict[str, Any]:
    return dict((space.get("JobRun", run) or {}).get("status", {}))


@pytest.mark.row("JobRun.status.nodes", "JobRun.status.result", "Execution.spec.runName")
def test_the_example_is_asked_twice_and_each_run_has_what_the_nodes_said(
    asked: Space, real_client: Client
) -> None:
    nodes = sorted(nodes_of(real_client))
    for run in ("first", "second"):
        _ask(asked, run)
        asked.wait(
            f"{run} ended", lambda run=run: _status(asked, run).get("phase") == "Completed", 120
        )
    for run in ("first", "second"):
        status = _status(asked, run)
        assert status["nodes"] == {"total": 3, "asked": 3, "succeeded": 3, "failed": 0}
        lines = [line.split(": ", 1) for line in status["result"].splitlines()]
        assert [node for node, _ in lines] == nodes
        assert all(said.endswith("% /") for _, said in lines), status["result"]
        own = [each for each in asked.list("Execution") if each["spec"]["runName"] == run]
        assert sorted(each["spec"]["nodeName"] for each in own) == nodes
    assert asked.list("FleetDeployment") != []
    assert not [each for each in asked.list("Execution") if each["spec"]["jobName"] == JOB]
    # What a run made goes with it.
    asked.delete("JobRun", "first")
    asked.wait("its job is gone", lambda: asked.get("FleetJob", "first") is None)
    asked.wait(
        "and its executions",
        lambda: {each["spec"]["runName"] for each in asked.list("Execution")} == {"second"},
    )


@pytest.mark.row("JobRun.spec.canceled")
def test_a_run_that_is_canceled_ends_when_its_containers_have(asked: Space) -> None:
    spec = example("query-hourly")
    spec["config"] = {"command": ["sleep", "3600"]}
    spec["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    asked.apply(JOB, spec)
    asked.wait(
        "its newest version is made",
        lambda: any(
            each["spec"]["jobSpec"]["config"] == spec["config"] for each in asked.list("JobVersion")
        ),
    )
    _ask(asked, "third")

    def at_work() -> int:
        phases = [each.get("status", {}).get("phase") for each in asked.list("Pod")]
        return phases.count("Running")

    asked.wait("it is at work on all nodes", lambda: at_work() == 3, 120)
    asked.patch("JobRun", "third", {"canceled": True})
    asked.wait("it is canceled", lambda: _status(asked, "third").get("phase") == "Canceled", 120)
    assert not asked.list("Pod")
    assert _status(asked, "third")["nodes"]["succeeded"] == 0
