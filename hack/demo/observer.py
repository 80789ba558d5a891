"""What a user sees of the job: read with kubectl, about twice a second."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from demo.kubectl import Document, Kubectl
from wavegate.cli.sight import Sight, at, sequence

JOB = "telemetry"
_MOST_NAMES = 3
_KINDS = "fleetjobs,fleetdeployments,executions,pods"


@dataclass(frozen=True)
class Seen(Sight):
    """The job with its rollouts, executions and pods at one moment."""

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
        deployments=sorted(by_kind.get("FleetDeployment", []), key=sequence),
        executions=by_kind.get("Execution", []),
        pods=by_kind.get("Pod", []),
    )


def is_ready(pod: Document) -> bool:
    """Whether a pod is Ready and is to stay."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = at(pod, "status", "conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def messages_received(pod: Document) -> int | None:
    """How many messages the pod's own pipeline says that it received; None: no answer."""
    url = f"http://{at(pod, 'status', 'podIP')}:4195/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            counters = json.loads(answer.read())
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return sum(int(n) for key, n in counters.items() if key.startswith("input_received{"))
