"""Names of the lengths that a name may have, the longest among them, and one character more."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from generated.answers import objections
from generated.bases import JOBS, object_of
from sim.world import CRASHES, FINE, spec
from support.told import Stage, roles
from wavegate.api.jobrun import MAX_RUN_NAME
from wavegate.api.names import MAX_DEPLOYMENT_NAME, MAX_JOB_NAME
from wavegate.api.runbatch import MAX_BATCH_NAME
from wavegate.kube.errors import Invalid
from wavegate.runs.states import TERMINAL
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.store import Document

MAX_NODE_NAME: Final = 253
MADE: Final = ("JobVersion", "FleetDeployment", "Execution", "Pod", "ConfigMap", "JobRun")
"""Kinds of which the operator makes objects under names that follow from others."""

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def _lengths() -> list[int]:
    """Of names of jobs and runs, those that are tried: ``HOSTILE=all`` tries each."""
    if os.environ.get("HOSTILE") == "all":
        return list(range(1, MAX_JOB_NAME + 1))
    return [1, 2, 3, 8, 16, 24, 32, *range(MAX_JOB_NAME - 2, MAX_JOB_NAME + 1)]


def name_of(length: int) -> str:
    """A DNS label, or from 64 characters on several of them."""
    parts = "x1-" * length if length < 64 else f"{'y' * 31}." * length
    return f"{parts[: length - 1]}z".replace(".z", "yz")


def test_a_name_has_its_length_and_is_one() -> None:
    for length in range(1, MAX_NODE_NAME + 1):
        assert len(name_of(length)) == length
        assert all(_LABEL.fullmatch(part) for part in name_of(length).split("."))


def _play(story: Callable[[Stage], Awaitable[None]], *nodes: str) -> list[Document]:
    """What the operator has made in a story."""

    async def run() -> list[Document]:
        cluster = SimulatedCluster(roles())
        made: dict[str, Document] = {}

        def changed(change: Any) -> None:
            if change.kind.resource.kind in MADE and change.new:
                document = change.document
                made[document["metadata"]["uid"]] = document

        cluster.server.store.listeners.append(changed)
        for name in nodes:
            cluster.fleet.add(name)
        cluster.keep_running()
        try:
            await story(Stage(cluster))
        finally:
            await cluster.close()
        return list(made.values())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def _are_valid(made: list[Document]) -> None:
    for each in made:
        name, labels = each["metadata"]["name"], each["metadata"].get("labels", {})
        assert _LABEL.fullmatch(name), f"{each['kind']} {name}"
        assert all(map(_VALUE.fullmatch, labels.values())), f"{each['kind']} {name}: {labels}"


def test_a_fleet_job_of_any_name_is_rolled_out_and_goes_back() -> None:
    names = [name_of(length) for length in _lengths()]

    async def story(stage: Stage) -> None:
        stage.cluster.fleet.fate = lambda _, image: CRASHES if image == "app:2" else FINE
        settings = {"strategy": "Rolling", "maxFailedNodes": 0, "healthCheck": {"deadline": "1m"}}
        for image in ("app:1", "app:2"):
            for name in names:
                stage.cluster.apply(name, {**spec(image, **settings), "config": {"a": 1}})
            if image == "app:1":
                for name in names:
                    await stage.ended(f"{name}-v1")
        for name in names:
            await stage.ended(f"{name}-v2-rollback")

    made = _play(story, "n1")
    assert {each["kind"] for each in made} == {*MADE} - {"JobRun"}
    _are_valid(made)


def test_a_rollout_reaches_nodes_of_any_name() -> None:
    nodes = [name_of(length) for length in range(1, MAX_NODE_NAME + 1)]
    job = name_of(MAX_JOB_NAME)

    async def story(stage: Stage) -> None:
        settings = {"strategy": "Rolling", "maxParallel": "50%", "prePull": True}
        stage.cluster.apply(job, spec("app:1", **settings))
        await stage.ended(f"{job}-v1")

    made = _play(story, *nodes)
    reached = [each["spec"]["nodeName"] for each in made if each["kind"] == "Execution"]
    assert sorted(reached) == sorted(nodes)
    _are_valid(made)


def test_runs_of_any_name_of_jobs_of_any_name_complete_and_ticks_make_others() -> None:
    names = [name_of(length) for length in _lengths()]
    assert MAX_RUN_NAME == MAX_JOB_NAME

    async def story(stage: Stage) -> None:
        hourly = {"schedule": {"cron": "@hourly"}}
        for name in names:
            http = {"url": "http://echo.example/"}
            stage.cluster.create("HTTPJob", name, {"http": http, "trigger": hourly})
            stage.cluster.create("JobRun", name, {"jobName": name})

        def ended() -> set[str]:
            runs = stage.cluster.list("JobRun")
            return {
                f"{each['spec']['jobName']} {each['metadata']['name'] == each['spec']['jobName']}"
                for each in runs
                if each["status"]["phase"] == "Completed"
            }

        wanted = {f"{name} {own}" for name in names for own in (True, False)}
        await stage.until("all have run, and a tick of each", lambda: ended() == wanted)
        phases = {each["status"]["phase"] for each in stage.cluster.list("JobRun")}
        assert phases <= set(TERMINAL)

    _are_valid(_play(story))


LONGEST: Final = {
    "FleetJob": MAX_JOB_NAME,
    "FleetDeployment": MAX_DEPLOYMENT_NAME,
    "HTTPJob": MAX_JOB_NAME,
    "JobRun": MAX_RUN_NAME,
    "RunBatch": MAX_BATCH_NAME,
}
_SPECS: Final[dict[str, Any]] = {
    "FleetJob": JOBS["plain"]["spec"],
    "FleetDeployment": {"jobName": "app", "type": "Stop"},
    "HTTPJob": {"http": {"url": "http://echo.example/"}},
    "JobRun": {"jobName": "app"},
    "RunBatch": {"jobName": "app", "items": [{"key": "a"}]},
}


@pytest.mark.parametrize(("kind", "most"), LONGEST.items())
def test_a_longer_name_is_refused_by_the_schema_that_names_the_field(kind: str, most: int) -> None:
    longest, longer = (object_of(kind, "x" * each, _SPECS[kind]) for each in (most, most + 1))
    assert objections(longest, None) == []
    [said] = objections(longer, None)
    assert said.startswith(f"metadata.name: must be a DNS label (a-z, 0-9, -) of at most {most}")


def test_a_longer_name_of_a_node_is_refused_by_the_server() -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(Invalid, match=r"metadata\.name"):
            stage.cluster.fleet.add(name_of(MAX_NODE_NAME + 1))

    _play(story)
