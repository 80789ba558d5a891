"""Every example is taken by the real API server, and the operator acts on it as it says.

Simulated nodes with the labels that the example's selector asks for; what a user sees shortly after
``kubectl apply`` is asserted: a version, an accepted rollout that takes nodes, and no complaint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import wavelab
from integration.conftest import NAMESPACE, Api
from support import shared
from support.examples import Example, example_files, shown_in_readme, shown_on_pages
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = pytest.mark.cluster

EXAMPLES = example_files()
JOBS = {job["metadata"]["name"]: job for example in EXAMPLES for job in example.jobs}
SHOWN = [*EXAMPLES, *shown_in_readme(), *shown_on_pages()]
STRICT = "fieldValidation=Strict&fieldManager=example"


def test_there_are_examples_and_the_readme_shows_a_job() -> None:
    assert {"pipeline.yaml", "container.yaml"} <= {each.source for each in EXAMPLES}
    assert [job["metadata"]["name"] for each in shown_in_readme() for job in each.jobs]


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_the_server_takes_it_with_strict_validation(example: Example, api: Api) -> None:
    for each in example.objects:
        own = {**each, "metadata": {**each["metadata"], "namespace": NAMESPACE}}
        code, answer = api.create(own, dry=True)
        assert code == 201, answer.get("message")
        assert _lost(each["spec"], answer["spec"], "spec") == []


def _lost(given: Any, stored: Any, path: str) -> list[str]:
    """Paths whose value the server does not keep; what it adds are defaults."""
    if isinstance(given, dict) and isinstance(stored, dict):
        return [
            lost
            for key, value in given.items()
            for lost in _lost(value, stored.get(key), f"{path}.{key}")
        ]
    return [] if given == stored else [path]


@pytest.fixture
def matching_nodes(example: Example, cluster: wavelab.Cluster) -> Iterator[list[str]]:
    """Three simulated nodes with the labels that the example's jobs, or those named, select by."""
    labels: dict[str, str] = {}
    for job in [*example.jobs, *(job for job in JOBS.values() if _names(example, job))]:
        canaries = job["spec"].get("rollout", {}).get("canarySelector", {})
        for selector in (job["spec"].get("selector", {}), canaries):
            labels |= selector.get("matchLabels", {})
    names = [f"example-{shared.worker()}-{number}" for number in range(3)]
    cluster.add_simulated(names, labels)
    yield names
    for name in names:
        cluster.remove_node(name)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.source)
def test_it_is_rolled_out_and_nothing_is_wrong_with_it(
    example: Example, matching_nodes: list[str], space: Space, operator: OperatorProcess
) -> None:
    acted_on = [job for job in JOBS.values() if job not in example.jobs and _names(example, job)]
    for job in acted_on:
        at_once = {**job["spec"], "rollout": {"strategy": "Immediate"}}
        _apply(space, {**job, "spec": at_once})
        name = job["metadata"]["name"]
        space.wait("the job is there to be acted on", lambda n=name: _completed(space, n))
    for each in example.objects:
        _apply(space, each)
    for each in example.objects:
        name = each["metadata"]["name"]
        if example.needs and each["kind"] == "FleetJob":
            space.wait("what it needs is named", lambda n=name: _asks_for(space, n, example.needs))
            continue
        rollout = f"{name}-v1" if each["kind"] == "FleetJob" else name
        space.wait("its rollout goes on", lambda n=rollout: _goes_on(space, n))
        if each["kind"] == "FleetJob":
            space.wait("it is on its nodes", lambda n=name: _is_placed(space, n))
            assert space.get("JobVersion", f"{name}-v1"), space.story()
            assert not space.condition(name, "Stalled"), space.condition(name, "Stalled")
    for job in [*acted_on, *example.jobs]:
        space.delete("FleetJob", job["metadata"]["name"])
    space.wait("nothing is left of it", lambda: not space.list("Pod"))


def _names(example: Example, job: dict[str, Any]) -> bool:
    """Whether a deployment of the example acts on this job of another one."""
    return any(each["spec"].get("jobName") == job["metadata"]["name"] for each in example.objects)


def _apply(space: Space, each: dict[str, Any]) -> None:
    path = f"{space.path(each['kind'], each['metadata']['name'])}?{STRICT}"
    space.client.request("PATCH", path, each, content="application/apply-patch+yaml")


def _goes_on(space: Space, deployment: str) -> bool:
    """Whether a deployment is carried out; AssertionError where it was refused or has failed."""
    state = space.deployment(deployment).get("state")
    assert state not in ("Failed", "Canceled"), space.story()
    return state in ("InProgress", "Completed")


def _completed(space: Space, job: str) -> bool:
    return space.deployment(f"{job}-v1").get("state") == "Completed"


def _is_placed(space: Space, job: str) -> bool:
    """Whether the first version has claimed nodes and a pod is there."""
    return bool(space.executions(job, 1)) and bool(space.list("Pod"))


def _asks_for(space: Space, job: str, needs: tuple[str, ...]) -> bool:
    """Whether the job is stalled and names what it needs."""
    said = str(space.condition(job, "Stalled").get("message", ""))
    return all(need in said for need in needs)
