"""A namespace of a test's own, and what a user sees in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

Document = dict[str, Any]

GROUP = "/apis/wavegate.dev/v1alpha1"
PLURALS = {
    "FleetJob": "fleetjobs",
    "FleetDeployment": "fleetdeployments",
    "JobVersion": "jobversions",
    "Execution": "executions",
    "HTTPJob": "httpjobs",
    "JobRun": "jobruns",
    "RateLimitPool": "ratelimitpools",
    "RunBatch": "runbatches",
}


class Requests(Protocol):
    """The administrator's requests to the API server (wavelab's client)."""

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Document: ...

    def get(self, path: str) -> Document: ...

    def delete(self, path: str) -> None: ...

    def watch(self, path: str) -> Iterator[Document]: ...


class Space:
    """A namespace with at most a few jobs; reads are live, waits poll."""

    def __init__(self, client: Requests, name: str, **labels: str) -> None:
        self.client = client
        self.name = name
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        client.request("POST", "/api/v1/namespaces", body)

    def path(self, kind: str, name: str = "") -> str:
        if kind == "Pod":
            base = f"/api/v1/namespaces/{self.name}/pods"
        else:
            base = f"{GROUP}/namespaces/{self.name}/{PLURALS[kind]}"
        return f"{base}/{name}" if name else base

    def list(self, kind: str) -> list[Document]:
        return list(self.client.get(self.path(kind)).get("items", []))

    def get(self, kind: str, name: str) -> Document | None:
        found = [each for each in self.list(kind) if each["metadata"]["name"] == name]
        return found[0] if found else None

    def apply(self, name: str, spec: Mapping[str, Any], kind: str = "FleetJob") -> None:
        """Server-side apply of a job, as kubectl does."""
        body = {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.name},
            "spec": spec,
        }
        path = f"{self.path(kind, name)}?fieldManager=test&force=true"
        self.client.request("PATCH", path, body, content="application/apply-patch+yaml")

    def patch(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        self.client.request(
            "PATCH",
            self.path(kind, name),
            {"spec": spec},
            content="application/merge-patch+json",
        )

    def delete(self, kind: str, name: str) -> None:
        self.client.delete(self.path(kind, name))

    def job_state(self, name: str) -> str:
        job = self.get("FleetJob", name) or {}
        return str(job.get("status", {}).get("state", {}).get("stateType", ""))

    def condition(self, name: str, kind: str = "Ready") -> Document:
        job = self.get("FleetJob", name) or {}
        found = [c for c in job.get("status", {}).get("conditions", []) if c["type"] == kind]
        return dict(found[0]) if found else {}

    def deployment(self, name: str) -> Document:
        """status of a FleetDeployment; empty where there is none."""
        return dict((self.get("FleetDeployment", name) or {}).get("status", {}))

    def running(self, job: str) -> dict[str, str]:
        """Version that really runs, by node: of ready pods, by their label."""
        return {
            pod["spec"]["nodeName"]: pod["metadata"]["labels"]["wavegate.dev/version"]
            for pod in self.pods(job)
            if is_ready(pod)
        }

    def pods(self, job: str) -> list[Document]:
        """Those at work for it; pods that pull images are not."""
        pods = self.list("Pod")
        return [pod for pod in pods if pod["metadata"]["labels"].get("wavegate.dev/job") == job]

    def executions(self, job: str, version: int | None = None) -> list[Document]:
        return [
            each
            for each in self.list("Execution")
            if each["spec"]["jobName"] == job and version in (None, each["spec"]["jobVersion"])
        ]

    def wait(
        self,
        what: str,
        holds: Callable[[], object],
        seconds: float = 90.0,
        poll: float = 0.1,
        why: Callable[[], str] | None = None,
    ) -> None:
        """Until it holds; AssertionError with ``why`` not, else the story of the namespace."""
        deadline, said = time.monotonic() + seconds, why or self.story
        while not holds():
            assert time.monotonic() < deadline, f"never came true: {what}\n{said()}"
            time.sleep(poll)

    def story(self) -> str:
        """What a person needs to understand a failure."""
        lines = []
        for kind in ("FleetJob", "FleetDeployment", "Execution"):
            for each in self.list(kind):
                status = each.get("status", {})
                said = status.get("state") or status.get("observedState")
                more = status.get("reason", ""), status.get("message", "")
                wave = each["spec"].get("rolloutWave", "")
                lines.append(f"{kind} {each['metadata']['name']} wave={wave} {said} {more}")
        for kind in ("HTTPJob", "JobRun"):
            lines += [f"{kind} {e['metadata']['name']} {e.get('status')}" for e in self.list(kind)]
        for pod in self.list("Pod"):
            status = pod["status"]
            lines.append(f"Pod {pod['metadata']['name']} {status.get('phase')} {is_ready(pod)}")
        for each in self.events():
            regarding = f"{each['regarding']['kind']} {each['regarding']['name']}"
            lines.append(f"Event {each['eventTime']} {regarding} {each['reason']}: {each['note']}")
        return "\n".join(lines)

    def events(self) -> list[Document]:
        """Those that the operator told, oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.name}/events?limit=1000"
        found = self.client.get(path)["items"]
        own = [each for each in found if each["reportingController"] == "wavegate.dev/operator"]
        return sorted(own, key=lambda each: str(each["eventTime"]))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is Ready and not being deleted."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


class Availability:
    """Watches, all the time, how many of the nodes that once ran a job do not run it now."""

    def __init__(self, space: Space, job: str) -> None:
        self._space = space
        self._job = job
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.nodes = set(space.running(job))
        self.worst = 0
        self.samples = 0

    def __enter__(self) -> Availability:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            with suppress(Exception):  # a refused read is no sample
                missing = self.nodes - set(self._space.running(self._job))
                self.worst = max(self.worst, len(missing))
                self.samples += 1
            self._stop.wait(0.02)
