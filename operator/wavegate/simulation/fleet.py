"""Nodes and their kubelets, as far as the operator can tell them from real ones.

Each pod goes through the steps that its `Fate` says. The scheduler, the node lifecycle controller
and the pod garbage collector are in here as well: each in the few lines that matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, Final

from wavegate.domain.times import format_time, parse_time
from wavegate.kube.errors import ApiError
from wavegate.kube.resources import NODES, PODS
from wavegate.simulation.fates import FINE, Fate
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.rights import Administrator
from wavegate.simulation.server import Server
from wavegate.simulation.store import Change, Document

FateOf = Callable[[str, str], Fate]
"""The fate of a pod on a node, by its image."""

STOPPING: Final = 1.0
"""Seconds that a container takes to stop, where its grace period is not shorter."""

_BINDING: Final = 0.1
_COLLECTED: Final = 1.0
_ME: Final = Administrator("kubelets")


class Fleet:
    """All nodes. ``now``: epoch seconds of the server; ``skew``: by how much a node is ahead."""

    def __init__(self, server: Server, now: Callable[[], float]) -> None:
        self.fate: FateOf = lambda _node, _image: FINE
        self.skew: dict[str, float] = {}
        self.strangers: set[str] = set()
        """Names of pods of which no kubelet knows anything."""
        self._server = server
        self._now = now
        self._context = copy_context()
        self._addresses: dict[str, tuple[str, str]] = {}
        self._next_address = 1
        server.store.listeners.append(self._changed)

    # nodes

    def add(self, name: str, **labels: str) -> None:
        """A new node, Ready."""
        body = {
            "apiVersion": NODES.api_version,
            "kind": NODES.kind,
            "metadata": {"name": name, "labels": labels or {"pool": "edge"}},
            "status": {"conditions": [_condition("Ready", True, self._now())]},
        }
        self._server.request(_ME, "POST", NODES.collection(), body=body)

    def remove(self, name: str) -> None:
        """The node object goes, and a moment later what ran there."""
        self._server.request(_ME, "DELETE", NODES.object(None, name))
        self._later(_COLLECTED, self._collect)

    def set_ready(self, name: str, ready: bool) -> None:
        """A node is lost, or comes back; its pods are not ready meanwhile."""
        self._put_node(name, lambda node: _set(node, "Ready", ready, self._time(name)))
        for pod in self._pods():
            if pod["spec"].get("nodeName") != name:
                continue
            if not ready:
                self._set_ready(pod, False)
            else:
                self._later(0.0, self._advance, *_identity(pod))

    def label(self, name: str, **labels: str | None) -> None:
        """Change labels; None removes one."""
        self._patch_node(name, {"metadata": {"labels": labels}})

    def cordon(self, name: str, closed: bool = True) -> None:
        self._patch_node(name, {"spec": {"unschedulable": closed or None}})

    def node(self, name: str) -> Document | None:
        return self._server.store.get(SERVED[NODES.kind], ("", name))

    def page(self, address: str) -> str | None:
        """The counters of the pod with that address; None where it cannot be read."""
        pod = self._pod(*self._addresses.get(address, ("", "")))
        if pod is None or not self._runs(pod) or not self._fate(pod).readable:
            return None
        total = round(self._age(pod) * 10)
        errors = round(total * self._fate(pod).error_rate)
        own = self._fate(pod).page
        return f"errors {errors}\nrequests {total}\n" if own is None else own

    # pods

    def _changed(self, change: Change) -> None:
        """What a kubelet sees of its pods, and the scheduler of those without a node."""
        if change.kind.resource != PODS or not change.new or change.key[1] in self.strangers:
            return
        pod = change.document
        if not change.old:
            self._later(_BINDING, self._bind, *_identity(pod))
        elif "deletionTimestamp" in pod["metadata"]:
            grace = pod["metadata"]["deletionGracePeriodSeconds"]
            self._later(min(grace, STOPPING), self._stop, *_identity(pod))

    def _bind(self, name: str, uid: str) -> None:
        pod = self._pod(name, uid)
        if pod is None:
            return
        wanted = pod["spec"].get("nodeName") or _bound_to(pod)
        node = self.node(wanted)
        if node is None or not _is(node, "Ready"):
            self._later(1.0, self._bind, name, uid)
            return
        pod["spec"]["nodeName"] = wanted
        self._put(pod, "")
        pod["status"] = {
            **pod.get("status", {}),
            "phase": "Pending",
            "conditions": [_condition("PodScheduled", True, self._time(wanted))],
        }
        self._put(pod, "/status")
        fate = self._fate(pod)
        for moment in (fate.ready_after, fate.exits_after, fate.completes_after):
            if moment is not None and moment < 1e6:
                self._later(max(0.0, moment - _BINDING), self._advance, name, uid)
        limit = pod["spec"].get("activeDeadlineSeconds")
        if limit is not None:
            self._later(float(limit), self._advance, name, uid)

    def _advance(self, name: str, uid: str) -> None:
        """Bring the pod to where it has to be by its age."""
        pod = self._pod(name, uid)
        if pod is None or not self._runs(pod):
            return
        if "deletionTimestamp" in pod["metadata"]:
            self._stop(name, uid)
            return
        fate, age = self._fate(pod), self._age(pod) + 1e-6
        limit = pod["spec"].get("activeDeadlineSeconds")
        if limit is not None and age >= limit:
            self._end(pod, "Failed", reason="DeadlineExceeded")
        elif fate.exits_after is not None and age >= fate.exits_after:
            self._exit(pod)
        elif fate.completes_after is not None and age >= fate.completes_after:
            self._end(pod, "Succeeded", _terminated(0, "Completed", "as asked", self._time_of(pod)))
        elif fate.ready_after is not None and age >= fate.ready_after:
            if fate.takes_node_down:
                self.set_ready(pod["spec"]["nodeName"], False)
            else:
                self._start(pod)

    def _start(self, pod: Document) -> None:
        pod["status"]["phase"] = "Running"
        pod["status"].setdefault("podIP", self._address(pod))
        self._set_ready(pod, True)

    def _exit(self, pod: Document) -> None:
        """The container ends badly; unless it is never to be, it is started again, in vain."""
        ended = _terminated(1, "Error", "boom", self._time_of(pod))
        if pod["spec"].get("restartPolicy") == "Never":
            self._end(pod, "Failed", ended)
            return
        before = (pod["status"].get("containerStatuses") or [{}])[0]
        restarts = int(before.get("restartCount", 0)) + 1
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
        pod["status"]["containerStatuses"] = [
            {
                "name": "main",
                "restartCount": restarts,
                "state": {"waiting": waiting},
                "lastState": {"terminated": ended},
            }
        ]
        pod["status"]["phase"] = "Running"
        self._set_ready(pod, False)
        if restarts < 5:
            self._later(10.0 * 2**restarts, self._advance, *_identity(pod))

    def _end(self, pod: Document, phase: str, ended: Document | None = None, **more: Any) -> None:
        pod["status"] |= {"phase": phase, **more}
        if ended is not None:
            state = {"state": {"terminated": ended}}
            pod["status"]["containerStatuses"] = [{"name": "main", "restartCount": 0, **state}]
        self._set_ready(pod, False)

    def _stop(self, name: str, uid: str) -> None:
        pod = self._pod(name, uid)
        if pod is None or not self._runs(pod, ended=True):
            return
        if self._fate(pod).stops:
            if pod["metadata"].get("finalizers"):
                self._end(pod, "Succeeded")  # somebody keeps the object; nothing runs any more
            self._remove(pod)
        elif pod.get("status"):
            self._set_ready(pod, False)

    def _collect(self) -> None:
        """Pods of nodes that are gone."""
        for pod in self._pods():
            name = pod["spec"].get("nodeName")
            if name and self.node(name) is None:
                self._remove(pod)

    # helpers

    def _runs(self, pod: Document, *, ended: bool = False) -> bool:
        """Whether the pod's kubelet is there, and the pod has not ended."""
        node = self.node(pod["spec"].get("nodeName", ""))
        over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        return node is not None and _is(node, "Ready") and (ended or not over)

    def _fate(self, pod: Document) -> Fate:
        return self.fate(pod["spec"]["nodeName"], pod["spec"]["containers"][0]["image"])

    def _age(self, pod: Document) -> float:
        born = parse_time(pod["metadata"]["creationTimestamp"])
        assert born is not None
        return self._now() - born

    def _time(self, node: str) -> float:
        return self._now() + self.skew.get(node, 0.0)

    def _time_of(self, pod: Document) -> float:
        return self._time(pod["spec"]["nodeName"])

    def _address(self, pod: Document) -> str:
        number, self._next_address = self._next_address, self._next_address + 1
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self._addresses[address] = _identity(pod)
        return address

    def _set_ready(self, pod: Document, ready: bool) -> None:
        if pod.get("status"):
            _set(pod, "Ready", ready, self._time_of(pod))
            self._put(pod, "/status")

    def _pods(self) -> list[Document]:
        kind = SERVED[PODS.kind]
        keys = (key for key, _ in self._server.store.items(kind) if key[1] not in self.strangers)
        return [each for key in keys if (each := self._server.store.get(kind, key)) is not None]

    def _pod(self, name: str, uid: str) -> Document | None:
        namespace, _, short = name.partition("/")
        pod = self._server.store.get(SERVED[PODS.kind], (namespace, short))
        return pod if pod is not None and pod["metadata"]["uid"] == uid else None

    def _put(self, pod: Document, subresource: str) -> None:
        metadata = pod["metadata"]
        path = PODS.object(metadata["namespace"], metadata["name"]) + subresource
        stored = self._server.request(_ME, "PUT", path, body=pod)
        metadata["resourceVersion"] = stored["metadata"]["resourceVersion"]

    def _remove(self, pod: Document) -> None:
        path = PODS.object(pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._server.request(_ME, "DELETE", path, body={"gracePeriodSeconds": 0})

    def _put_node(self, name: str, change: Callable[[Document], None]) -> None:
        node = self.node(name)
        assert node is not None, name
        change(node)
        path = NODES.status(None, name)
        self._server.request(_ME, "PUT", path, body=node)

    def _patch_node(self, name: str, change: Mapping[str, Any]) -> None:
        path, kind = NODES.object(None, name), "application/merge-patch+json"
        self._server.request(_ME, "PATCH", path, body=change, content_type=kind)

    def _later(self, seconds: float, do: Callable[..., None], *arguments: Any) -> None:
        def carefully() -> None:
            try:
                do(*arguments)
            except ApiError as error:
                # The pod has changed or gone between a look and a write: no, all is one step here.
                raise AssertionError(f"kubelets: {error}") from error

        asyncio.get_running_loop().call_later(seconds, carefully, context=self._context)


def _identity(pod: Document) -> tuple[str, str]:
    metadata = pod["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}", metadata["uid"]


def _bound_to(pod: Document) -> str:
    """The node that the pod's required affinity names."""
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return str(terms[0]["matchFields"][0]["values"][0])


def _condition(kind: str, holds: bool, now: float) -> Document:
    return {"type": kind, "status": str(holds), "lastTransitionTime": format_time(now)}


def _is(document: Document, kind: str) -> bool:
    conditions = document["status"].get("conditions", ())
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _set(document: Document, kind: str, holds: bool, now: float) -> None:
    """Set a condition; its time moves only where its status does."""
    conditions = document["status"].setdefault("conditions", [])
    for each in conditions:
        if each["type"] == kind:
            if each["status"] != str(holds):
                each.update(_condition(kind, holds, now))
            return
    conditions.append(_condition(kind, holds, now))


def _terminated(code: int, reason: str, message: str, now: float) -> Document:
    at = format_time(now)
    return {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}
