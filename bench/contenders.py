"""Who brings a version to every node: the DaemonSet controller, Wavegate, and bare requests.

All have the same pod template and the same nodes. An act is an async generator: it gives the
number of nodes that are up to date each time that it is told of it, and ends when all are.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from math import ceil
from typing import Any, ClassVar, Final

from bench.api import Api, Document, each
from bench.errors import BenchError
from bench.lab import NAMESPACE, POOL
from wavegate.api.names import API_VERSION
from wavegate.kube import resources

DAEMON_SETS: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
PODS: Final = resources.PODS.collection(NAMESPACE)
FLEET_JOBS: Final = resources.FLEET_JOBS.collection(NAMESPACE)
DEPLOYMENTS: Final = resources.FLEET_DEPLOYMENTS.collection(NAMESPACE)
EXECUTIONS: Final = resources.EXECUTIONS.collection(NAMESPACE)

PERCENT: Final = 10
SHARE: Final = f"{PERCENT}%"
"""Of the nodes that may be down at a time, or are a wave."""
WINDOW_SECONDS: Final = 1
PROVEN_SECONDS: Final = 10
"""For so long a pod has to be ready where there is no health check, until it counts."""
_DEADLINE: Final = "5m"
_POLL_SECONDS: Final = 0.1

Act = AsyncIterator[int]


class Contender(ABC):
    """``nodes``: how many its selector matches, all of those with the labels ``where``."""

    name: ClassVar[str]
    acts: ClassVar[tuple[str, ...]]
    """In the order in which they are played."""
    has_operator: ClassVar[bool] = False

    def __init__(self, api: Api, nodes: int, where: Mapping[str, str] = POOL) -> None:
        self._api = api
        self._nodes = nodes
        self._where = where

    @abstractmethod
    def play(self, act: str) -> Act:
        """One of its acts."""

    async def told(self) -> dict[str, Any]:
        """Further figures of the act that has just ended."""
        return {"seconds_of_judgement": 0}


class DaemonSet(Contender):
    """apps/DaemonSet, RollingUpdate."""

    name = "daemonset"
    acts = ("create", "roll")

    async def play(self, act: str) -> Act:
        match act:
            case "create":
                made = await self._api.request("POST", DAEMON_SETS, self._document())
            case _:
                change = {"spec": {"template": {"spec": pod_spec("app:2")}}}
                made = await self._api.merge(f"{DAEMON_SETS}/fleet", change)
        generation = made["metadata"]["generation"]
        async for state in self._api.states(DAEMON_SETS, "fleet"):
            status = state.get("status", {})
            if status.get("observedGeneration") != generation:
                continue
            available = status.get("numberAvailable", 0)
            updated = min(status.get("updatedNumberScheduled", 0), available)
            yield updated
            if updated == self._nodes:
                return

    def _document(self) -> Document:
        labels = {"app": "fleet"}
        spec = {**pod_spec("app:1"), "nodeSelector": dict(self._where)}
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "fleet"},
            "spec": {
                "selector": {"matchLabels": labels},
                "updateStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": SHARE},
                },
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }


class FleetJob(Contender):
    """Created at once, rolled in waves that are judged, rolled back."""

    name = "fleetjob"
    acts: ClassVar[tuple[str, ...]] = ("create", "roll", "rollback")
    has_operator = True

    def __init__(self, api: Api, nodes: int, where: Mapping[str, str] = POOL) -> None:
        super().__init__(api, nodes, where)
        self._deployment: Document = {}

    async def play(self, act: str) -> Act:
        match act:
            case "create":
                name = "fleet-v1"
                await self._api.request("POST", FLEET_JOBS, self._document())
            case "roll":
                name = "fleet-v2"
                change = {"template": {"spec": pod_spec("app:2")}, "rollout": rolling()}
                await self._api.merge(f"{FLEET_JOBS}/fleet", {"spec": change})
            case _:
                name = "back"
                await self._api.request("POST", DEPLOYMENTS, _rollback(name))
        async for state in self._api.states(DEPLOYMENTS, name):
            self._deployment = state
            status = state.get("status", {})
            yield status.get("updatedNodes", 0)
            match status.get("state"):
                case "Completed":
                    return
                case "Failed" | "Canceled":
                    raise BenchError(f"{name}: {status.get('reason')}: {status.get('message')}")

    async def told(self) -> dict[str, Any]:
        job = await self._api.get(f"{FLEET_JOBS}/fleet")
        status = self._deployment["status"]
        judged = PROVEN_SECONDS
        if "healthCheck" in status["resolved"]["rollout"]:
            judged = rounds(self._nodes) * WINDOW_SECONDS
        return {
            "seconds_of_judgement": judged,
            "status_bytes": {
                "FleetJob": _size(job["status"]),
                "FleetDeployment": _size(status),
            },
        }

    def _document(self) -> Document:
        return fleet_job("fleet", {"matchLabels": dict(self._where)}, {"strategy": "Immediate"})


class Validated(FleetJob):
    """Created in waves that are judged, as its first version may be as well."""

    name = "validated"
    acts = ("create",)

    def _document(self) -> Document:
        return fleet_job("fleet", {"matchLabels": dict(self._where)}, rolling())


class Bare(Contender):
    """The requests of a FleetJob's creation and of its removal, and nothing else: the limit.

    It needs an Execution and its Pod as the operator makes them, `pattern`.
    """

    name = "bare"
    acts = ("create", "delete")
    pattern: tuple[Document, Document]

    def __init__(self, api: Api, nodes: int, where: Mapping[str, str] = POOL) -> None:
        super().__init__(api, nodes, where)
        self._done = 0

    async def play(self, act: str) -> Act:
        selector = ",".join(f"{key}%3D{value}" for key, value in self._where.items())
        found = (await self._api.get(f"/api/v1/nodes?labelSelector={selector}"))["items"]
        names = sorted(item["metadata"]["name"] for item in found)
        if len(names) != self._nodes:
            raise BenchError(f"{len(names)} nodes instead of {self._nodes}")
        self._done = 0
        await each(self._create if act == "create" else self._delete, names)
        yield self._done
        only = "&fieldSelector=status.phase%3DPending" if act == "create" else ""
        while (await self._api.get(f"{PODS}?limit=1{only}"))["items"]:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    async def _create(self, node: str) -> None:
        execution, pod = of_node(self.pattern, node)
        status = execution.pop("status")
        made = await self._api.request("POST", EXECUTIONS, execution)
        await self._api.request("POST", PODS, owned(pod, made))
        path = f"{EXECUTIONS}/{made['metadata']['name']}/status"
        await self._api.request("PUT", path, {**made, "status": status})
        self._done += 1

    async def _delete(self, node: str) -> None:
        execution, pod = of_node(self.pattern, node)
        await self._api.request("DELETE", f"{PODS}/{pod['metadata']['name']}")
        await self._api.request("DELETE", f"{EXECUTIONS}/{execution['metadata']['name']}")
        self._done += 1


def rounds(nodes: int) -> int:
    """Waves of a rollout, and times that each place of a rollback is used one after the other."""
    return ceil(nodes / ceil(nodes * PERCENT / 100))


def fleet_job(name: str, selector: Document, rollout: Document) -> Document:
    """A FleetJob of the first version."""
    return {
        "apiVersion": API_VERSION,
        "kind": "FleetJob",
        "metadata": {"name": name},
        "spec": {
            "type": "container",
            "selector": selector,
            "template": {"spec": pod_spec("app:1")},
            "rollout": rollout,
        },
    }


def pod_spec(image: str) -> Document:
    """What the pods of all contenders are."""
    return {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": image}],
    }


def of_node(pattern: tuple[Document, Document], node: str) -> tuple[Document, Document]:
    """The pattern's Execution and Pod, for another node: without what the server fills in."""
    source = pattern[0]["spec"]["nodeName"]
    execution, pod = json.loads(json.dumps(pattern).replace(source, node))
    for each_one, name in ((execution, f"bare-{node}-1"), (pod, f"bare-{node}")):
        kept = {
            key: each_one["metadata"][key]
            for key in ("labels", "annotations")
            if key in each_one["metadata"]
        }
        each_one["metadata"] = {"name": name, **kept}
    pod["spec"].pop("nodeName", None)
    pod.pop("status", None)
    return execution, pod


def owned(pod: Document, execution: Document) -> Document:
    """The pod, with the Execution as its owner, as the operator makes it."""
    made = deepcopy(pod)
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": execution["apiVersion"],
            "kind": "Execution",
            "name": execution["metadata"]["name"],
            "uid": execution["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return made


async def pattern_of(api: Api) -> tuple[Document, Document]:
    """An Execution and its Pod as there are now, of a FleetJob on a few nodes."""
    execution = (await api.get(EXECUTIONS))["items"][0]
    pods = (await api.get(PODS))["items"]
    (pod,) = (p for p in pods if p["spec"]["nodeName"] == execution["spec"]["nodeName"])
    # Items of a list have neither of the two.
    versions = (API_VERSION, "Execution"), ("v1", "Pod")
    both = [
        {"apiVersion": version, "kind": kind, **document}
        for (version, kind), document in zip(versions, (execution, pod), strict=True)
    ]
    return both[0], both[1]


async def ready_on(api: Api) -> dict[str, str]:
    """Image by node, of the pods that are Ready and not being deleted."""
    return {
        pod["spec"]["nodeName"]: pod["spec"]["containers"][0]["image"]
        for pod in (await api.get(PODS))["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in pod.get("status", {}).get("conditions", ())
        )
    }


async def clear(api: Api) -> None:
    """Remove all that contenders have made, and wait until it is gone. No operator runs."""
    for collection in (FLEET_JOBS, DEPLOYMENTS, DAEMON_SETS):
        await _remove(api, collection)
    while [await _remove(api, PODS), await _remove(api, EXECUTIONS)] != [0, 0]:
        pass


async def _remove(api: Api, collection: str) -> int:
    """Ask for each object's removal; how many there were."""
    names = [item["metadata"]["name"] for item in (await api.get(collection))["items"]]

    async def remove(name: str) -> None:
        await api.request("DELETE", f"{collection}/{name}", gone_ok=True)

    await each(remove, names)
    return len(names)


def rolling() -> Document:
    """By waves of a SHARE, judged by readiness."""
    check = {"interval": f"{WINDOW_SECONDS}s", "successThreshold": 1, "deadline": _DEADLINE}
    return {"strategy": "Rolling", "maxParallel": SHARE, "healthCheck": check}


def _rollback(name: str) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": "FleetDeployment",
        "metadata": {"name": name},
        "spec": {"jobName": "fleet", "type": "Rollback", "toVersion": 1, "rollout": rolling()},
    }


def _size(document: Document) -> int:
    """Bytes as the server sends it."""
    return len(json.dumps(document, separators=(",", ":")).encode())
