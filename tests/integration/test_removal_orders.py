"""All is removed, in orders that could be dangerous: nothing hangs, and nothing is left behind.

Removed are the operator (its process ends), the CRDs, the job, and the job's namespace. With the
namespace goes all that is in it, with the CRDs go all objects of our kinds, and so the job. Within
a minute after each removal nothing of ours is Terminating, and there is what the row says. What is
joined by ``+`` is removed in the same moment.

| order | what becomes of the job's pods |
| --- | --- |
| job, operator, CRDs, namespace | the operator stops them at once |
| operator, job, CRDs, namespace | they run on; the garbage collector stops them with the job |
| CRDs, operator, namespace | the operator stops them as the job goes, or the collector, whoever is
  first; without both, the operator half a minute later |
| namespace, operator, CRDs | they go with the namespace, and none is made again |
| operator, CRDs, namespace | they run on; with the CRDs the collector stops those whose owners it
  still knows, or none; the others run on until the namespace goes |
| job in the foreground + operator, CRDs, namespace | the collector stops them before the job goes |
| orphaned job, operator, CRDs, namespace | they run on, with their Executions, and are nobody's;
  then as in the row of the operator and the CRDs |
| orphaned job, CRDs, operator, namespace | they run on likewise; with the CRDs the collector stops
  those whose owners it still knows, and half a minute later the operator the others |

What a user has made is kept until that goes in which it is: a pod with the job's label and a
ConfigMap until the namespace goes, a FleetDeployment until its CRD does, too. Records (JobVersions,
Executions, the operator's own FleetDeployments) go with the job, but those of an orphaned one stay.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Final

import pytest

import wavelab
from support.crds import CRDS, install_crds
from support.jobs import container
from support.operator_process import USER, OperatorProcess
from support.space import PLURALS, Document, Space, is_ready
from wavegate.api.names import LABEL_JOB
from wavelab.client import ApiError
from wavelab.state import CLIENT_RATE

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

NODES: Final = 100
"""Many more than the 30 objects that the garbage collector deletes or orphans at once."""
LABELS: Final = {"removal": "orders"}
"""Of simulated nodes of these tests' own."""
PATIENCE: Final = 60.0

NOT_SERVED: Final = "FleetJob, FleetDeployment or HTTPJob is not served; looked for again"
"""What the operator says where kopf has ended for that."""
DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES: Final = "/api/v1/namespaces"
KINDS: Final = (*PLURALS, "Pod", "ConfigMap")
USERS: Final[Mapping[str, Document]] = {
    "Pod": {
        "metadata": {"name": "mine", "labels": {LABEL_JOB: "app"}},
        "spec": {
            "nodeName": "removal-000",
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "mine"}],
        },
    },
    "ConfigMap": {"metadata": {"name": "mine"}, "data": {"mine": "yes"}},
    "FleetDeployment": {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": "mine"},
        "spec": {"jobName": "app", "type": "Restart", "paused": True},
    },
}
"""What the user makes, by kind."""

JOB, OPERATOR, DEFINED, NAMESPACE = "job", "operator", "CRDs", "namespace"
FOREGROUND, ORPHANED = "job in the foreground", "orphaned job"
POLICIES: Final = {JOB: "Background", FOREGROUND: "Foreground", ORPHANED: "Orphan"}


class Pods(Enum):
    """What is to be left of the job's pods."""

    ALL = "all run as they did"
    SOME = "those that there are run as they did"
    NONE = "none"


Removals = tuple[tuple[str, Pods], ...]
"""One after the other, each with the pods that it leaves."""

ALL, SOME, NONE = Pods.ALL, Pods.SOME, Pods.NONE
ORDERS: Final[tuple[Removals, ...]] = (
    ((JOB, NONE), (OPERATOR, NONE), (DEFINED, NONE), (NAMESPACE, NONE)),
    ((OPERATOR, ALL), (JOB, NONE), (DEFINED, NONE), (NAMESPACE, NONE)),
    ((DEFINED, NONE), (OPERATOR, NONE), (NAMESPACE, NONE)),
    ((NAMESPACE, NONE), (OPERATOR, NONE), (DEFINED, NONE)),
    ((OPERATOR, ALL), (DEFINED, SOME), (NAMESPACE, NONE)),
    ((f"{FOREGROUND} + {OPERATOR}", NONE), (DEFINED, NONE), (NAMESPACE, NONE)),
    ((ORPHANED, ALL), (OPERATOR, ALL), (DEFINED, SOME), (NAMESPACE, NONE)),
    ((ORPHANED, ALL), (DEFINED, NONE), (OPERATOR, NONE), (NAMESPACE, NONE)),
)
SAMPLE: Final = (ORDERS[0], ORDERS[7])
CHOSEN: Final = ORDERS if os.environ.get("REMOVAL_ORDERS") == "all" else SAMPLE


def named(order: Removals) -> str:
    return ", ".join(what for what, _ in order)


@pytest.mark.row("Deletion")
@pytest.mark.parametrize("order", CHOSEN, ids=named)
def test_nothing_hangs_and_there_is_what_the_row_says(
    fleet: Fleet, order: Removals, measured: Callable[[str], None]
) -> None:
    took = []
    for what, pods in order:
        begun = time.monotonic()
        fleet.remove(what)
        fleet.wait(pods)
        took.append(f"{what} {time.monotonic() - begun:.1f}")
        fleet.look_at_operator()
    stopped = fleet.stopped_by_operator()
    measured(f"seconds, {NODES} nodes: {', '.join(took)}; the operator stopped {stopped} pods")
    assert stopped or order != ORDERS[0], "the collector has stopped them, and no operator"


@pytest.fixture(scope="module")
def nodes(cluster: wavelab.Cluster) -> Iterator[None]:
    """At the end the cluster is as it was."""
    names = [f"removal-{index:03}" for index in range(NODES)]
    cluster.add_simulated(names, LABELS)
    yield
    for name in names:
        cluster.remove_node(name)
    cluster.set_client_rate(CLIENT_RATE)


@pytest.fixture
def controllers(cluster: wavelab.Cluster) -> None:
    """As slow as they are shipped, and begun anew: the order before took kinds from them."""
    cluster.set_client_rate(0)


@pytest.fixture
def fleet(
    nodes: None,
    controllers: None,
    cluster: wavelab.Cluster,
    space: Space,
    operator: OperatorProcess,
) -> Iterator[Fleet]:
    """A job that runs on every node, and what a user has made beside it."""
    job = container(strategy="Immediate", autoPromote=None, healthCheck=None)
    space.apply("app", {**job, "selector": {"matchLabels": LABELS}})
    space.wait("it runs", lambda: len(space.running("app")) == NODES)
    space.wait("it says so", lambda: space.job_state("app") == "Running")
    yield Fleet(cluster, space, operator)
    install_crds(cluster)


class Fleet:
    """What is there, and what has been removed of it."""

    def __init__(self, cluster: wavelab.Cluster, space: Space, operator: OperatorProcess) -> None:
        self._cluster = cluster
        self._space = space
        self._operator = operator
        self._removed: set[str] = set()
        self._said = 0
        self._pods = _ready(self._list("Pod"))
        for kind, body in USERS.items():
            space.client.request("POST", self._path(kind), body)
        space.wait("the user's pod runs", lambda: len(_ready(self._list("Pod"))) == NODES + 1)
        space.wait("the restart waits", lambda: space.deployment("mine").get("state") == "Paused")
        self._mine = self._users(self._read())
        assert set(self._mine) == set(USERS)

    def remove(self, what: str) -> None:
        """All that are named, in the same moment."""
        parts = what.split(" + ")
        self._said = self._operator.log().count(NOT_SERVED)
        with ThreadPoolExecutor(len(parts)) as together:
            list(together.map(self._remove, parts))
        self._removed.update(parts)

    def _remove(self, what: str) -> None:
        match what:
            case "operator":
                assert self._operator.stop() == 0
            case "CRDs":
                self._cluster.kubectl("delete", "--wait=false", "--filename", CRDS)
            case "namespace":
                self._space.client.delete(f"{NAMESPACES}/{self._space.name}")
            case _:
                options = {"propagationPolicy": POLICIES[what]}
                self._space.client.request("DELETE", self._space.path("FleetJob", "app"), options)

    def wait(self, pods: Pods) -> None:
        """Until nothing is Terminating, and all is as it is to be."""
        deadline = time.monotonic() + PATIENCE
        while wrong := self._wrong(pods):
            words = "\n".join([*wrong, self._operator.log()[-2000:]])
            assert time.monotonic() < deadline, f"after {PATIENCE:.0f} s:\n{words}"
            time.sleep(0.2)

    def look_at_operator(self) -> None:
        """It goes on until it is removed, also once it has heard that its kinds are gone."""
        if OPERATOR not in self._removed and DEFINED in self._removed:
            what = "the operator has heard of the CRDs' end"
            self._space.wait(what, self._heard, why=lambda: self._operator.log()[-5000:])
        assert self._operator.running == (OPERATOR not in self._removed)
        assert "the pass broke" not in self._operator.log()

    def _heard(self) -> bool:
        assert self._operator.running, self._operator.log()[-3000:]
        return self._operator.log().count(NOT_SERVED) > self._said

    def stopped_by_operator(self) -> int:
        """Pods that the operator has deleted, of those that there were."""
        return len(
            {
                each["objectRef"]["name"]
                for each in self._cluster.audit_events()
                if each["user"]["username"] == USER
                and each["verb"] == "delete"
                and each["objectRef"]["resource"] == "pods"
                and each["objectRef"]["namespace"] == self._space.name
                and each["responseStatus"]["code"] == 200
            }
        )

    def _wrong(self, pods: Pods) -> list[str]:
        there = self._read()
        found = [
            f"{kind} {each['metadata']['name']} is Terminating"
            for kind, documents in there.items()
            for each in documents
            if "deletionTimestamp" in each["metadata"]
        ]
        for kind, number in self._numbers().items():
            if len(there[kind]) != number:
                found.append(f"{len(there[kind])} of kind {kind}, not {number}")
        have = {_uid(each) for each in there["Pod"] if _name(each) != "mine"}
        run = _ready(there["Pod"]) & have
        right = {ALL: have == run == self._pods, SOME: have == run <= self._pods, NONE: not have}
        if not right[pods]:
            same = len(run & self._pods)
            found.append(f"{len(have)} pods, {same} run as they did; to be left: {pods.value}")
        if (mine := self._users(there)) != (kept := self._kept()):
            found.append(f"the user has {set(mine)}, not {set(kept)}")
        return found

    def _numbers(self) -> dict[str, int]:
        """By kind, how many there are to be; the user's own among them."""
        removed = self._removed
        has_space, has_kinds = NAMESPACE not in removed, DEFINED not in removed
        has_job = has_space and has_kinds and not removed & POLICIES.keys()
        has_records = has_job or (has_space and has_kinds and ORPHANED in removed)
        return {
            "CustomResourceDefinition": len(PLURALS) if has_kinds else 0,
            "Namespace": 1 if has_space else 0,
            "FleetJob": 1 if has_job else 0,
            "JobVersion": 1 if has_records else 0,
            "FleetDeployment": len(self._kept().keys() & {"FleetDeployment"}) + has_records,
            "Execution": NODES if has_records else 0,
        }

    def _kept(self) -> dict[str, str]:
        """By kind, uids of what the user has made and is to keep."""
        if NAMESPACE in self._removed:
            return {}
        gone = PLURALS.keys() if DEFINED in self._removed else ()
        return {kind: uid for kind, uid in self._mine.items() if kind not in gone}

    def _users(self, there: Mapping[str, list[Document]]) -> dict[str, str]:
        return {kind: _uid(each) for kind in USERS for each in there[kind] if _name(each) == "mine"}

    def _read(self) -> dict[str, list[Document]]:
        get = self._space.client.get
        definitions = get(DEFINITIONS)["items"]
        ours = [each for each in definitions if each["spec"]["group"] == "wavegate.dev"]
        spaces = [each for each in get(NAMESPACES)["items"] if _name(each) == self._space.name]
        return {
            "CustomResourceDefinition": ours,
            "Namespace": spaces,
            **{kind: self._list(kind) for kind in KINDS},
        }

    def _list(self, kind: str) -> list[Document]:
        """Nothing, where the kind is not served."""
        try:
            return list(self._space.client.get(self._path(kind))["items"])
        except ApiError as error:
            if error.code != 404:
                raise
            return []

    def _path(self, kind: str) -> str:
        if kind == "ConfigMap":
            return f"{NAMESPACES}/{self._space.name}/configmaps"
        return self._space.path(kind)


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


def _uid(document: Document) -> str:
    return str(document["metadata"]["uid"])


def _ready(pods: list[Document]) -> set[str]:
    return {_uid(each) for each in pods if is_ready(each)}
