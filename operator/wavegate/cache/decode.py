"""Raw documents of our own kinds to the views that rules read: decoded once, then dropped.

Specs go through the loader once for each uid and generation; one that this release does not
understand becomes a view that says so. Pods and nodes are in `decode_core`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import ValidationError

from wavegate.api.asked import of_fleet
from wavegate.api.execution import ExecutionStatus
from wavegate.api.fleetdeployment import FleetDeploymentStatus
from wavegate.api.fleetjob import FleetJobSpec, InvalidSpec, load_job_spec
from wavegate.api.fleetjob_status import FleetJobStatus
from wavegate.api.jobversion import JobVersionStatus
from wavegate.api.names import ANNOTATION_ATTEMPT
from wavegate.api.rollout import Rollout
from wavegate.cache.fields import (
    Meta,
    Raw,
    controller_of,
    flag,
    integer,
    mapping,
    meta_of,
    text,
)
from wavegate.cache.statuses import readable
from wavegate.cache.store import Item, item_of
from wavegate.domain.observed import DeploymentView, ExecutionView, JobView, VersionView
from wavegate.domain.times import parse_time
from wavegate.runs.problems import job_problems

_REMEMBERED_SPECS: Final = 4096
_JOB_KIND: Final = "FleetJob"
_RUN_KIND: Final = "JobRun"
_ORPHAN: Final = "orphan"
"""The finalizer that ``--cascade=orphan`` sets, until nothing belongs to the object any more."""


Spec = TypeVar("Spec")


class Generated(Protocol):
    """What has a spec that changes with its generation."""

    @property
    def uid(self) -> str: ...
    @property
    def generation(self) -> int: ...


class SpecReader(Generic[Spec]):
    """Parses a job's spec once for each (uid, generation); the oldest are forgotten first.

    ``load`` raises InvalidSpec.
    """

    def __init__(self, load: Callable[[Raw], Spec]) -> None:
        self._load = load
        self._known: OrderedDict[tuple[str, int], tuple[Spec | None, str]] = OrderedDict()

    def read(self, meta: Generated, raw_spec: Raw) -> tuple[Spec | None, str]:
        """The spec, or None and why it is not understood."""
        identity = (meta.uid, meta.generation)
        if identity in self._known:
            self._known.move_to_end(identity)
            return self._known[identity]
        try:
            outcome: tuple[Spec | None, str] = (self._load(raw_spec), "")
        except InvalidSpec as error:
            outcome = (None, str(error))
        self._known[identity] = outcome
        if len(self._known) > _REMEMBERED_SPECS:
            self._known.popitem(last=False)
        return outcome


class OwnDecoder:
    """Decodes FleetJob, JobVersion, FleetDeployment and Execution.

    Each method raises ValueError where metadata lacks name, uid or a numeric resourceVersion.
    """

    def __init__(self) -> None:
        self._specs = SpecReader(_load)

    def job(self, raw: Raw) -> Item[JobView]:
        meta = meta_of(raw)
        raw_spec = mapping(raw.get("spec"))
        spec, invalid = self._specs.read(meta, raw_spec)
        view = JobView(
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            generation=meta.generation,
            created=meta.created,
            spec=spec,
            raw_spec=raw_spec if spec is not None else {},
            invalid=invalid,
            deleting=meta.deleting,
            orphaning=meta.deleting and _ORPHAN in meta.finalizers,
            **_of_run(raw, meta),
            status=readable(FleetJobStatus, raw.get("status")),
        )
        return item_of(meta, meta.name, view)

    def version(self, raw: Raw) -> Item[VersionView]:
        meta = meta_of(raw)
        spec, status = mapping(raw.get("spec")), readable(JobVersionStatus, raw.get("status"))
        raw_spec, driver = mapping(spec.get("jobSpec")), mapping(spec.get("driver"))
        number = integer(spec.get("version"))
        parsed, invalid = self._specs.read(meta, raw_spec)
        owner_name, owner_uid = _job_owner(raw)
        view = VersionView(
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            owner_uid=owner_uid,
            created=meta.created,
            version=number,
            spec=parsed,
            raw_spec=raw_spec if parsed is not None else {},
            workload_hash=text(spec.get("workloadHash")),
            driver_image=text(driver.get("image")),
            driver_revision=text(driver.get("revision")),
            deleting=meta.deleting,
            generation=meta.generation,
            stable=flag(status.get("stable")),
            stable_at=parse_time(status.get("stableAt")),
            status=status,
            invalid=invalid,
        )
        return item_of(meta, owner_name or meta.name.removesuffix(f"-v{number}"), view)

    def deployment(self, raw: Raw) -> Item[DeploymentView]:
        meta = meta_of(raw)
        spec, status = mapping(raw.get("spec")), readable(FleetDeploymentStatus, raw.get("status"))
        resolved = mapping(status.get("resolved"))
        view = DeploymentView(
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            owner_uid=_job_owner(raw)[1],
            created=meta.created,
            generation=meta.generation,
            job_name=text(spec.get("jobName")),
            type=text(spec.get("type")),
            from_version=integer(resolved.get("fromVersion"), integer(spec.get("fromVersion"))),
            to_version=integer(resolved.get("toVersion"), integer(spec.get("toVersion"))),
            rollout=_rollout(resolved.get("rollout")) or _rollout(spec.get("rollout")),
            paused=flag(spec.get("paused")),
            promoted=flag(spec.get("promoted")),
            canceled=flag(spec.get("canceled")),
            deleting=meta.deleting,
            state=text(status.get("state")),
            reason=text(status.get("reason")),
            sequence=integer(status.get("sequence")),
            accepted=parse_time(status.get("acceptedAt")),
            started=parse_time(status.get("startedAt")),
            total=integer(status.get("totalNodes")),
            wave_size=integer(status.get("waveSize")),
            promoted_gate=flag(status.get("canaryPromoted")),
            completed=parse_time(status.get("completedAt")),
            workload_hash=text(status.get("workloadHash")),
            status=status,
        )
        return item_of(meta, view.job_name, view)

    def execution(self, raw: Raw) -> Item[ExecutionView]:
        meta = meta_of(raw)
        spec, status = mapping(raw.get("spec")), readable(ExecutionStatus, raw.get("status"))
        desired, observed = (
            mapping(status.get("desiredState")),
            mapping(status.get("observedState")),
        )
        view = ExecutionView(
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            owner_uid=_job_owner(raw)[1],
            created=meta.created,
            job_id=text(spec.get("jobId")),
            version=integer(spec.get("jobVersion")),
            node=text(spec.get("nodeName")),
            node_uid=text(spec.get("nodeUid")),
            wave=integer(spec.get("rolloutWave")),
            deployment=text(spec.get("deploymentName")),
            attempt=integer(spec.get("attempt")),
            workload_hash=text(spec.get("workloadHash")),
            deleting=meta.deleting,
            generation=meta.generation,
            desired=text(desired.get("stateType")) or "Running",
            observed=text(observed.get("stateType")) or "Pending",
            stable_at=parse_time(status.get("stableAt")),
            pod_uid=text(status.get("podUid")),
            updated=parse_time(status.get("updatedAt")) or 0.0,
            status=status,
        )
        return item_of(meta, text(spec.get("jobName")), view)


def _load(raw_spec: Raw) -> FleetJobSpec:
    spec = load_job_spec(raw_spec)
    if spec.is_asked and (found := job_problems(of_fleet(spec))):
        raise InvalidSpec(found)
    return spec


def _of_run(raw: Raw, meta: Meta) -> dict[str, Any]:
    """The run that controls a FleetJob; it has the run's name."""
    owner = controller_of(raw)
    if owner.kind != _RUN_KIND or owner.name != meta.name:
        return {}
    annotations = mapping(mapping(raw.get("metadata")).get("annotations"))
    attempt = text(annotations.get(ANNOTATION_ATTEMPT))
    number = int(attempt) if attempt.isascii() and attempt.isdigit() else 1
    return {"run": owner.name, "run_uid": owner.uid, "run_attempt": number}


def _job_owner(raw: Raw) -> tuple[str, str]:
    """Name and uid of the FleetJob that controls the object; empty where none does."""
    owner = controller_of(raw)
    if owner.kind == _JOB_KIND:
        return owner.name, owner.uid
    return "", ""


def _rollout(raw: object) -> Rollout | None:
    if not isinstance(raw, dict):
        return None
    try:
        return Rollout.model_validate(raw)
    except ValidationError:
        return None
