"""What a user sees of the job: read with kubectl, about twice a second."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo.kubectl import Document, Kubectl

JOB = "telemetry"
_MOST_NAMES = 3
_KINDS = "fleetjobs,fleetdeployments,executions,pods"


@dataclass(frozen=True)
class Seen:
    """The job with its rollouts, executions and pods at one moment."""

    job: Document
    deployments: Sequence[Document]
    executions: Sequence[Document]
    pods: Sequence[Document]

    @property
    def state(self) -> str:
        return str(_at(self.job, "status", "state", "stateType") or "")

    @property
    def message(self) -> str:
        return str(_at(self.job, "status", "state", "message") or "")

    def condition(self, kind: str) -> Document:
        for each in _at(self.job, "status", "conditions") or []:
            if each["type"] == kind:
                return dict(each)
        return {}

    def deployment(self, name: str) -> Document:
        """The status of a rollout; empty where there is none of the name."""
        for each in self.deployments:
            if each["metadata"]["name"] == name:
                return dict(each.get("status") or {})
        return {}

    def claims(self) -> dict[str, Document]:
        """The newest execution of each node."""
        newest: dict[str, Document] = {}
        for each in sorted(self.executions, key=lambda e: int(e["spec"]["attempt"])):
            newest[each["spec"]["nodeName"]] = each
        return dict(sorted(newest.items()))

    def running(self) -> dict[str, int]:
        """Version that really runs, by node: of pods that are ready."""
        return {
            pod["spec"]["nodeName"]: int(pod["metadata"]["labels"]["wavegate.dev/version"])
            for pod in self.pods
            if is_ready(pod)
        }

    def facts(self) -> str:
        """The job's state with its reason, and who really runs what.

        Such as ``Running; v2 on node-1, node-2`` or ``Running (RolledBack); v2 on 5 nodes``.
        """
        nodes: dict[int, list[str]] = {}
        for node, version in sorted(self.running().items()):
            nodes.setdefault(version, []).append(node)
        reason = self.condition("Ready").get("reason") or self.state
        told = [self.state or "no state"]
        if reason != self.state:
            told = [f"{self.state} ({reason})"]
        for version, names in sorted(nodes.items(), reverse=True):
            where = ", ".join(names) if len(names) <= _MOST_NAMES else f"{len(names)} nodes"
            told.append(f"v{version} on {where}")
        return "; ".join(told)

    def open_rollout(self) -> Document:
        """The status of the rollout that has not ended; empty where there is none."""
        for each in self.deployments:
            status = dict(each.get("status") or {})
            if status.get("state") not in ("Completed", "Failed", "Canceled"):
                return status
        return {}

    def touched(self, version: int) -> set[str]:
        """Nodes that ever got a version."""
        return {
            each["spec"]["nodeName"]
            for each in self.executions
            if each["spec"]["jobVersion"] == version
        }


def observe(kubectl: Kubectl, namespace: str, name: str = JOB) -> Seen:
    """Read everything once; the job is the one of this name, the rest the whole namespace's."""
    by_kind: dict[str, list[Document]] = {}
    for each in kubectl.items(_KINDS, "-n", namespace):
        by_kind.setdefault(each["kind"], []).append(each)
    jobs = [each for each in by_kind.get("FleetJob", []) if each["metadata"]["name"] == name]
    return Seen(
        job=jobs[0] if jobs else {},
        deployments=sorted(
            by_kind.get("FleetDeployment", []),
            key=lambda each: int(_at(each, "status", "sequence") or 1 << 30),
        ),
        executions=by_kind.get("Execution", []),
        pods=by_kind.get("Pod", []),
    )


def is_ready(pod: Document) -> bool:
    """Whether a pod is Ready and is to stay."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = _at(pod, "status", "conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def messages_received(pod: Document) -> int | None:
    """How many messages the pod's own pipeline says that it received; None: no answer."""
    url = f"http://{_at(pod, 'status', 'podIP')}:4195/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            counters = json.loads(answer.read())
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return sum(int(n) for key, n in counters.items() if key.startswith("input_received{"))


def _at(document: Any, *path: str) -> Any:
    for key in path:
        document = (document or {}).get(key)
    return document
