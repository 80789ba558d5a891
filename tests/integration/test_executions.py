"""Executions are found: by node, job, version and deployment, and page by page where many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import wavelab
from integration.conftest import NODES
from support.jobs import container
from support.space import Space
from wavelab.simulated import simulated_name

pytestmark = pytest.mark.cluster

PAGE = 7
ELSEWHERE = [simulated_name(3), simulated_name(5)]


@pytest.fixture
def two_jobs(settled: Space) -> Iterator[Space]:
    """``app`` with version 1 everywhere and version 2 on its canary, ``other`` on two nodes."""
    other = container("other:1", strategy="Immediate")
    settled.apply("other", {**other, "selector": {"matchIds": ELSEWHERE}})
    settled.apply("app", container("app:2", autoPromote=False))
    settled.wait("other has its nodes", lambda: len(settled.executions("other")) == 2)
    settled.wait("v2 has its canary", lambda: len(settled.executions("app", 2)) == 1)
    yield settled
    settled.delete("FleetJob", "other")


def test_executions_are_found_by_kubectl_as_a_user_looks_for_them(
    two_jobs: Space, cluster: wavelab.Cluster
) -> None:
    known = {each["metadata"]["name"]: each["spec"] for each in two_jobs.list("Execution")}
    canary = two_jobs.executions("app", 2)[0]["spec"]["nodeName"]

    def found(selector: str) -> set[str]:
        text = cluster.kubectl(
            "get", "ex", "--namespace", two_jobs.name, "--field-selector", selector, "--output=name"
        )
        return {line.rsplit("/", maxsplit=1)[-1] for line in text.split()}

    def those(**fields: Any) -> set[str]:
        return {
            name
            for name, spec in known.items()
            if all(spec[field] == value for field, value in fields.items())
        }

    on_node = found(f"spec.nodeName={ELSEWHERE[0]}")
    assert on_node == those(nodeName=ELSEWHERE[0])
    assert {known[name]["jobName"] for name in on_node} == {"app", "other"}
    assert found("spec.jobName=other") == those(jobName="other")
    assert len(found("spec.jobName=app,spec.jobVersion=1")) == NODES
    second = found("spec.jobName=app,spec.jobVersion=2")
    assert second == found("spec.deploymentName=app-v2") == those(jobName="app", jobVersion=2)
    assert len(second) == 1
    assert found(f"spec.nodeName={canary},spec.deploymentName=app-v2") == second
    assert found("spec.nodeName=nowhere") == set()


def test_a_job_s_executions_are_listed_in_pages(two_jobs: Space) -> None:
    pages: list[list[str]] = []
    token = ""
    while token or not pages:
        query = f"fieldSelector=spec.jobName%3Dapp&limit={PAGE}&continue={token}"
        answer = two_jobs.client.get(f"{two_jobs.path('Execution')}?{query}")
        pages.append([each["metadata"]["name"] for each in answer["items"]])
        token = answer["metadata"].get("continue", "")
    assert [len(page) for page in pages if page] == [PAGE, PAGE, PAGE], "21 executions"
    listed = [name for page in pages for name in page]
    assert sorted(listed) == sorted(each["metadata"]["name"] for each in two_jobs.executions("app"))
