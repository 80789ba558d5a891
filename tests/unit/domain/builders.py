"""Short ways to the views that the rules read; every field has a dull value unless given."""

from __future__ import annotations

from typing import Any

from sim.world import spec
from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.api.rollout import RolloutSettings
from wavegate.domain import waves
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.lineup import Lineup
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    JobView,
    NodeView,
    Observed,
    PodView,
    VersionView,
)
from wavegate.domain.stance import scope, stance
from wavegate.domain.waves import Progress

NOW = 1_700_000_000.0
JOB_UID = "job-uid"


def node(name: str = "n1", **fields: Any) -> NodeView:
    values: dict[str, Any] = {
        "uid": f"uid-{name}",
        "labels": {},
        "created": NOW - 86_400,
        "ready": True,
        "ready_changed": NOW - 86_400,
    }
    return NodeView(name=name, **{**values, **fields})


def pod(execution: ExecutionView | None = None, **fields: Any) -> PodView:
    """A ready pod, of an execution where one is given."""
    values: dict[str, Any] = {
        "namespace": "default",
        "name": "app-pod",
        "uid": "pod-uid",
        "resource_version": "1",
        "job": "app",
        "node": execution.node if execution else "n1",
        "owner_kind": "Execution" if execution else "",
        "owner_name": execution.name if execution else "",
        "owner_uid": execution.uid if execution else "",
        "created": execution.created if execution else NOW - 60,
        "phase": "Running",
        "ready": True,
        "ready_changed": NOW - 50,
        "scheduled": True,
    }
    return PodView(**{**values, **fields})


def execution(attempt: int = 1, observed: str = "Running", **fields: Any) -> ExecutionView:
    """A claim on n1; ``stable=True`` makes it stable, ``details`` goes into its status."""
    stable = fields.pop("stable", False)
    details = fields.pop("details", {})
    version = fields.get("version", 1)
    on = fields.get("node", "n1")
    values: dict[str, Any] = {
        "name": f"app-{on}-{attempt}",
        "uid": f"ex-{on}-{attempt}",
        "resource_version": "1",
        "owner_uid": JOB_UID,
        "created": NOW - 60 + attempt,
        "job_id": JOB_UID,
        "version": version,
        "node": on,
        "node_uid": f"uid-{on}",
        "wave": 1,
        "deployment": f"app-v{version}",
        "attempt": attempt,
        "workload_hash": f"w{version}",
        "observed": observed,
        "stable_at": NOW - 50 if stable else None,
        "updated": NOW - 50,
        "status": {"details": details, "observedState": {"stateType": observed}},
    }
    return ExecutionView(**{**values, **fields})


def chain(*executions: ExecutionView, pods: tuple[PodView, ...] = ()) -> Chain:
    return Chain("n1", tuple(executions), pods)


def job_spec(image: str = "app:1", **fields: Any) -> FleetJobSpec:
    rollout = fields.pop("rollout", {})
    return load_job_spec({**spec(image, **rollout), **fields})


def version(number: int = 1, *, stable: bool = False, **fields: Any) -> VersionView:
    parsed = fields.pop("spec", None) or job_spec(f"app:{number}")
    values: dict[str, Any] = {
        "name": f"app-v{number}",
        "uid": f"jv-{number}",
        "resource_version": "1",
        "owner_uid": JOB_UID,
        "created": NOW - 1000 + number,
        "version": number,
        "spec": parsed,
        "raw_spec": spec(f"app:{number}"),
        "workload_hash": f"w{number}",
        "driver_image": "",
        "driver_revision": "1",
        "stable": stable,
        "stable_at": NOW - 900 + number if stable else None,
    }
    return VersionView(**{**values, **fields})


def settings(**fields: Any) -> RolloutSettings:
    """Rollout settings in the API's spelling; by default Rolling with a health check."""
    values = {"strategy": "Rolling", "healthCheck": {"deadline": "1m"}, **fields}
    return RolloutSettings.model_validate(
        {key: value for key, value in values.items() if value is not None}
    )


def deployment(number: int = 1, state: str = "InProgress", **fields: Any) -> DeploymentView:
    """The rollout of version ``number``, accepted with that sequence."""
    values: dict[str, Any] = {
        "name": f"app-v{number}",
        "uid": f"fd-{number}",
        "resource_version": "1",
        "owner_uid": JOB_UID,
        "created": NOW - 800 + number,
        "generation": 1,
        "job_name": "app",
        "type": "Update" if number > 1 else "Create",
        "from_version": number - 1,
        "to_version": number,
        "rollout": None,
        "state": state,
        "sequence": number,
        "accepted": NOW - 800 + number,
        "started": NOW - 700 + number,
        "workload_hash": f"w{number}",
    }
    return DeploymentView(**{**values, **fields})


def job(parsed: FleetJobSpec | None = None, **fields: Any) -> JobView:
    values: dict[str, Any] = {
        "namespace": "default",
        "name": "app",
        "uid": JOB_UID,
        "resource_version": "1",
        "generation": 1,
        "created": NOW - 5000,
        "spec": parsed or job_spec(),
        "raw_spec": spec(),
    }
    return JobView(**{**values, **fields})


def observed(**fields: Any) -> Observed:
    """A snapshot; ``nodes`` as a list of views."""
    nodes = fields.pop("nodes", [node()])
    values: dict[str, Any] = {
        "job": job(),
        "now": NOW,
        "operator_started": NOW - 3600,
        "nodes": {each.name: each for each in nodes},
    }
    return Observed(**{**values, **fields})


def fleet(**fields: Any) -> Fleet:
    seen = observed(**fields)
    assert seen.job.spec is not None
    return Fleet(seen, seen.job.spec)


def progress(of: Fleet, rolls: DeploymentView, to: VersionView) -> Progress:
    """How far a rollout of a version by a deployment has come."""
    lineup, counts = Lineup(), scope(of, rolls, to)
    for name in {*of.chains, *counts.belonging}:
        lineup.put(name, stance(of, counts, name, of.chains.get(name)))
    return waves.progress(of, rolls, to, lineup)
