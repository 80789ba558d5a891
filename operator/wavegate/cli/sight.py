"""What is seen of one job: its documents as the API server has them, and what is asked of them.

Also the stable form of it for programs: the dictionaries made here are what ``-o json`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Document = dict[str, Any]

ENDED: Final = ("Completed", "Failed", "Canceled")
"""States in which a deployment stays."""

OUTSIDE: Final = 0
"""The number of what is outside waves: fallbacks and joiners."""


def kind_of(job: Document) -> str:
    """Of a job as it was listed, which says it not: only an HTTPJob calls."""
    return "HTTPJob" if "http" in job["spec"] else "FleetJob"


def of_run(job: Document) -> str:
    """The run that has made a FleetJob, which has its name; empty: none has."""
    name, owners = job["metadata"]["name"], job["metadata"].get("ownerReferences") or ()
    is_of_run = any(
        each.get("controller") and (each["kind"], each["name"]) == ("JobRun", name)
        for each in owners
    )
    return str(name) if is_of_run else ""


def is_asked(job: Document) -> bool:
    """Whether a FleetJob is executed when asked, and rolls out nothing by itself."""
    spec = job["spec"]
    has_runs = spec.get("runs") is not None or spec.get("trigger") is not None
    return has_runs and not of_run(job)


@dataclass(frozen=True)
class Sight:
    """A job with its deployments (oldest first), executions and, where asked for, the rest."""

    job: Document
    deployments: Sequence[Document]
    executions: Sequence[Document]
    pods: Sequence[Document] = ()
    versions: Sequence[Document] = ()

    @property
    def name(self) -> str:
        return str(at(self.job, "metadata", "name") or "")

    @property
    def state(self) -> str:
        return str(at(self.job, "status", "state", "stateType") or "")

    @property
    def message(self) -> str:
        return str(at(self.job, "status", "state", "message") or "")

    @property
    def reason(self) -> str:
        return str(self.condition("Ready").get("reason") or "")

    def condition(self, kind: str) -> Document:
        """A condition of the job; empty where there is none of that type."""
        return condition(self.job, kind)

    def deployment(self, name: str) -> Document:
        """The status of a deployment; empty where there is none of the name."""
        for each in self.deployments:
            if each["metadata"]["name"] == name:
                return dict(each.get("status") or {})
        return {}

    @property
    def is_seen(self) -> bool:
        """Whether the operator has seen the job's spec as it is now."""
        generation = at(self.job, "metadata", "generation")
        return bool(at(self.job, "status", "observedGeneration") == generation)

    @property
    def newest(self) -> Document | None:
        """The open deployment, else the one that was accepted last; None where there is none."""
        accepted = [each for each in self.deployments if at(each, "status", "sequence")]
        is_open = [each for each in accepted if at(each, "status", "state") not in ENDED]
        found = is_open or accepted
        return max(found, key=sequence, default=None)

    def claims(self) -> dict[str, Document]:
        """The newest execution of each node, by the node's name."""
        newest: dict[str, Document] = {}
        for each in sorted(self.executions, key=lambda each: int(each["spec"]["attempt"])):
            newest[each["spec"]["nodeName"]] = each
        return dict(sorted(newest.items()))

    def waves(self) -> dict[int, list[Document]]:
        """Claims that the newest deployment has made, by wave, those outside waves last."""
        found: dict[int, list[Document]] = {}
        for each in self.claims().values():
            if self._is_of_newest(each):
                found.setdefault(int(each["spec"]["rolloutWave"]), []).append(each)
        return {wave: found[wave] for wave in sorted(found, key=lambda n: (n == OUTSIDE, n))}

    def before(self) -> dict[int, list[Document]]:
        """Claims that deployments before it have made, by version, the newest first."""
        found: dict[int, list[Document]] = {}
        for each in self.claims().values():
            if not self._is_of_newest(each):
                found.setdefault(int(each["spec"]["jobVersion"]), []).append(each)
        return dict(sorted(found.items(), reverse=True))

    def _is_of_newest(self, claim: Document) -> bool:
        newest = self.newest
        if newest is None:
            return True
        made_by = claim["spec"].get("deploymentName", "")
        if made_by == newest["metadata"]["name"]:
            return True
        # One that took over what the deployment before it had begun with the same workload.
        before = self.deployment(made_by)
        same = before.get("workloadHash") == at(newest, "status", "workloadHash")
        return same and before.get("reason") == "Superseded" and newest["spec"]["type"] != "Restart"


def at(document: Any, *path: str) -> Any:
    """The value at a path; None where any part of it is missing."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def condition(document: Document, kind: str) -> Document:
    """A condition of any object; empty where there is none of that type."""
    for each in at(document, "status", "conditions") or ():
        if each["type"] == kind:
            return dict(each)
    return {}


def sequence(deployment: Document) -> int:
    """A deployment's place in the order; those not accepted yet come last."""
    return int(at(deployment, "status", "sequence") or 1 << 30)


def execution_state(execution: Document) -> str:
    """The observed state; Pending before the first status."""
    return str(at(execution, "status", "observedState", "stateType") or "Pending")


def execution_message(execution: Document) -> str:
    return str(at(execution, "status", "observedState", "message") or "")


def summary(job: Document) -> Document:
    """A job in a few words: ``list -o json`` has a list of these."""
    status, rollout = at(job, "status") or {}, at(job, "status", "rollout") or {}
    nodes = at(job, "status", "nodes") or {}
    ready = condition(job, "Ready")
    return {
        "namespace": at(job, "metadata", "namespace") or "",
        "name": at(job, "metadata", "name") or "",
        "state": at(status, "state", "stateType") or "",
        "reason": ready.get("reason", ""),
        "since": ready.get("lastTransitionTime", ""),
        "message": at(status, "state", "message") or "",
        "version": status.get("version", 0),
        "stableVersion": status.get("stableVersion", 0),
        "failedVersion": status.get("failedVersion", 0),
        "wave": rollout.get("currentWave", 0),
        "waves": rollout.get("totalWaves", 0),
        "nodes": {
            key: nodes.get(key, 0)
            for key in ("desired", "updated", "stable", "failed", "lost", "notReady")
        },
    }


def deployment_summary(deployment: Document) -> Document:
    """A deployment in a few words: ``history -o json`` has a list of these."""
    status = deployment.get("status") or {}
    return {
        "name": deployment["metadata"]["name"],
        "type": deployment["spec"]["type"],
        "fromVersion": at(status, "resolved", "fromVersion") or 0,
        "toVersion": at(status, "resolved", "toVersion") or deployment["spec"].get("toVersion", 0),
        "state": status.get("state", ""),
        "reason": status.get("reason", ""),
        "message": status.get("message", ""),
        "startedAt": status.get("startedAt", ""),
        "completedAt": status.get("completedAt", ""),
        "totalNodes": status.get("totalNodes", 0),
        "updatedNodes": status.get("updatedNodes", 0),
        "failedNodes": status.get("failedNodes", 0),
        "wave": status.get("currentWave", 0),
        "waves": status.get("totalWaves", 0),
    }


def claim_summary(execution: Document) -> Document:
    """What runs on a node, in a few words."""
    return {
        "node": execution["spec"]["nodeName"],
        "execution": execution["metadata"]["name"],
        "version": execution["spec"]["jobVersion"],
        "state": execution_state(execution),
        "message": execution_message(execution),
    }


def tree_document(sight: Sight) -> Document:
    """The tree for programs: what ``get -o json`` prints."""
    newest = sight.newest
    return {
        "job": summary(sight.job),
        "deployment": deployment_summary(newest) if newest is not None else None,
        "waves": [
            {"wave": wave, "nodes": [claim_summary(each) for each in claims]}
            for wave, claims in sight.waves().items()
        ],
        "before": [
            {"version": version, "nodes": [claim_summary(each) for each in claims]}
            for version, claims in sight.before().items()
        ],
    }
