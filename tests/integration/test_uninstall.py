"""Removed in any order: nothing hangs, and what runs or is left is what the docs say.

``make faults-real`` tries all orders, ``make test`` two of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

import wavelab
from integration.conftest import ROOT
from support.jobs import container
from support.operator_process import OperatorProcess
from support.space import GROUP, PLURALS, Document, Space
from wavelab.client import ApiError

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

CRDS = str(ROOT / "crds")
NODES = 100
NOT_SERVED = 404
LONGEST = 60.0
"""Seconds after the last step until nothing is Terminating any more."""

STOPS = 120.0
"""Seconds until the pods of what was removed are gone."""

ORDERS = (
    "crds operator namespace job",
    "operator job crds namespace",
    "job operator crds namespace",
    "operator crds namespace job",
    "namespace crds operator job",
    "crds namespace operator job",
)
"""A job that went with its namespace or its kind needs no step; it is tried all the same."""

TRIED = ORDERS if os.environ.get("REMOVAL_ORDERS") == "all" else ORDERS[:2]


@pytest.fixture
def everywhere(
    hundred_nodes: int, cluster: wavelab.Cluster, space: Space, operator: OperatorProcess
) -> Iterator[Space]:
    """A job on a hundred nodes; the CRDs are put back at the end."""
    space.apply("app", container(strategy="Immediate", autoPromote=None, healthCheck=None))
    space.wait("it runs", lambda: len(space.running("app")) == hundred_nodes)
    yield space
    restore(cluster)


def restore(cluster: wavelab.Cluster) -> None:
    cluster.kubectl("apply", "--filename", CRDS)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", CRDS)


def gone(space: Space) -> bool:
    return not space.list("Pod")


class Removal:
    """What is there, and the steps that take it away, each with what is to be seen after it."""

    def __init__(self, cluster: wavelab.Cluster, space: Space, operator: OperatorProcess) -> None:
        self._cluster = cluster
        self._space = space
        self._operator = operator
        self._steps: dict[str, Callable[[], None]] = {
            "operator": self._remove_operator,
            "crds": self._remove_crds,
            "namespace": self._remove_namespace,
            "job": self._remove_job,
        }
        self._runs = True
        """Whether the job's pods are to be there."""

    def __call__(self, step: str) -> None:
        self._steps[step]()

    def _remove_operator(self) -> None:
        """Nothing happens to the pods: they run on, and nobody looks after them."""
        before = {pod["metadata"]["uid"] for pod in self._space.list("Pod")}
        self._operator.stop()
        time.sleep(2)  # nothing is to happen: there is nothing to wait for
        after = {pod["metadata"]["uid"] for pod in self._space.list("Pod")}
        assert after == before
        assert len(after) == (NODES if self._runs else 0)

    def _remove_crds(self) -> None:
        """A running operator removes the pods; without one they stay, some of them or all."""
        self._cluster.kubectl("delete", "--filename", CRDS)
        if self._operator.running and self._runs:
            self._wait("no pod is left", lambda: gone(self._space), STOPS)
        self._runs = self._runs and not self._operator.running

    def _remove_namespace(self) -> None:
        self._cluster.kubectl("delete", "namespace", self._space.name, "--wait=false")
        path = f"/api/v1/namespaces/{self._space.name}"
        self._wait("it is gone", lambda: not self._space.client.exists(path), LONGEST)
        self._runs = False

    def _remove_job(self) -> None:
        """The operator stops its pods, or the garbage collector does, which takes longer."""
        try:
            self._space.delete("FleetJob", "app")
        except ApiError as error:
            if error.code != NOT_SERVED:  # with its kind
                raise
        self._wait("no pod is left", lambda: gone(self._space), STOPS)
        self._runs = False

    def terminating(self) -> list[str]:
        """What is being deleted and still there."""
        name = self._space.name
        paths = [
            f"/api/v1/namespaces/{name}/pods",
            "/api/v1/namespaces",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            *(f"{GROUP}/{plural}" for plural in PLURALS.values()),
        ]
        return [
            f"{path} {each['metadata']['name']}"
            for path in paths
            for each in self._items(path)
            if "deletionTimestamp" in each["metadata"]
        ]

    def left(self) -> list[str]:
        """What is there of the kinds and of the namespace."""
        crds = self._items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        spaces = self._items("/api/v1/namespaces")
        names = [each["metadata"]["name"] for each in [*crds, *spaces]]
        return [each for each in names if "wavegate.dev" in each or each == self._space.name]

    def _items(self, path: str) -> list[Document]:
        try:
            return list(self._space.client.get(path)["items"])
        except ApiError as error:
            if error.code != NOT_SERVED:
                raise
            return []

    def _wait(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"never came true: {what}: {self.terminating()}"
            time.sleep(0.2)


@pytest.mark.row("Deletion")
@pytest.mark.parametrize("order", TRIED)
def test_nothing_hangs_whatever_goes_first(
    everywhere: Space,
    cluster: wavelab.Cluster,
    operator: OperatorProcess,
    order: str,
    measured: Callable[[str], None],
) -> None:
    removal, told = Removal(cluster, everywhere, operator), []
    for step in order.split():
        begun = time.monotonic()
        removal(step)
        told.append(f"{step} {time.monotonic() - begun:.0f} s")
    begun = time.monotonic()
    while terminating := removal.terminating():
        assert time.monotonic() < begun + LONGEST, terminating
        time.sleep(0.2)
    measured(f"{NODES} nodes, removed: {', '.join(told)}; {time.monotonic() - begun:.0f} s more")
    assert gone(everywhere)
    assert removal.left() == []


@pytest.mark.row("Deletion")
def test_the_operator_first_and_then_the_crds_until_they_are_back(
    everywhere: Space, cluster: wavelab.Cluster, operator: OperatorProcess
) -> None:
    operator.stop()
    cluster.kubectl("delete", "--filename", CRDS)
    # What the garbage collector has missed it finds once it knows the kinds again.
    restore(cluster)
    everywhere.wait("no pod is left", lambda: gone(everywhere), seconds=120)
    assert not everywhere.list("FleetJob")
