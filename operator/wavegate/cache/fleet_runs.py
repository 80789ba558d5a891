"""FleetJobs as runs see them: those that are executed when asked, and those that runs have made.

What is known of them is in the fleet's cache and nowhere else; nothing is decoded twice but the
spec of a job whose runs are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wavegate.api.asked import FleetAsked, of_fleet
from wavegate.api.canonical import version_hash
from wavegate.api.conditions import READY
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.names import deployment_name, job_ref, retry_name, split_ref
from wavegate.cache.cluster import ClusterCache
from wavegate.cache.decode import SpecReader
from wavegate.cache.store import JobKey
from wavegate.domain.observed import ExecutionView, JobView
from wavegate.kube.resources import FLEET_JOBS
from wavegate.runs.nodes import Pass
from wavegate.runs.observed import AskedJobView, RunVersionView, RunView

_GOES_ON: Final = ("", "Pending", "Progressing")
"""Reasons that Ready gives of a job that waits for nobody."""
_OVER: Final = ("Succeeded", "Failed")
"""Phases of pods of which no container runs, or will."""


@dataclass(frozen=True, slots=True)
class _Read:
    spec: FleetAsked
    version_key: str
    """A hash: a config may have hundreds of kilobytes, and many of these are remembered."""


def _load(raw_spec: Mapping[str, Any]) -> _Read:
    spec = load_job_spec(raw_spec)
    return _Read(of_fleet(spec), version_hash(spec))


def asked_view(job: JobView, specs: SpecReader[_Read] | None = None) -> AskedJobView:
    """A FleetJob as runs see it; ``specs``: those that were read before."""
    is_asked = job.spec is not None and job.spec.is_asked and not job.run
    read, _ = (specs or SpecReader(_load)).read(job, job.raw_spec) if is_asked else (None, "")
    return AskedJobView(
        namespace=job.namespace,
        name=job.name,
        uid=job.uid,
        resource_version=job.resource_version,
        generation=job.generation,
        created=job.created,
        spec=read.spec if read is not None else None,
        raw_spec=job.raw_spec,
        version_key=read.version_key if read is not None else "",
        invalid=job.invalid,
        deleting=job.deleting,
        status=job.status,
        kind="FleetJob",
        rolls_out=job.spec is not None and not is_asked,
    )


class FleetSide:
    """The fleet's cache, asked for what runs need."""

    def __init__(self, cluster: ClusterCache) -> None:
        self.cluster = cluster
        self._specs = SpecReader(_load)

    def is_asked(self, key: JobKey) -> bool:
        """Whether a FleetJob, by its namespace and name, is executed when asked."""
        job = self.cluster.jobs.get(*key)
        return job is not None and job.spec is not None and job.spec.is_asked and not job.run

    def keys(self) -> set[JobKey]:
        """Of jobs that are executed when asked, as they are named among runs."""
        jobs = (job for job in self.cluster.jobs.values() if job.spec is None or job.spec.is_asked)
        return {(job.namespace, job_ref(FLEET_JOBS.kind, job.name)) for job in jobs if not job.run}

    def job(self, key: JobKey) -> AskedJobView | None:
        """The job of that key; one that rolls out by itself says so."""
        job = self.cluster.jobs.get(key[0], split_ref(key[1])[1])
        if job is None:
            return None
        return asked_view(job, self._specs)

    def versions(self, key: JobKey) -> list[RunVersionView]:
        """Those of the job that is there now."""
        fleet_key = (key[0], split_ref(key[1])[1])
        found = []
        for each in self.cluster.versions.of_job(fleet_key):
            read, _ = self._specs.read(each, each.raw_spec) if each.spec else (None, "")
            view = RunVersionView(
                name=each.name,
                uid=each.uid,
                resource_version=each.resource_version,
                owner_uid=each.owner_uid,
                created=each.created,
                version=each.version,
                spec=read.spec if read is not None else None,
                version_key=read.version_key if read is not None else "",
                deleting=each.deleting,
                raw_spec=each.raw_spec,
            )
            found.append(view)
        return found

    def passed(self, run: RunView) -> Pass | None:
        """The FleetJob of a run's name, or what is left of it; None: there is nothing."""
        key = (run.namespace, run.name)
        job = self.cluster.jobs.get(*key)
        working = self.working(key)
        if job is None:
            return Pass("", is_own=False, is_going=True, working=working) if working else None
        if job.run_uid != run.uid:
            is_former = job.deleting or job.run == run.name
            at_work = working if is_former else 0
            return Pass(job.uid, is_own=False, is_going=is_former, working=at_work)
        name = deployment_name(run.name, 1)
        if run.attempt > job.run_attempt:
            name = retry_name(run.name, run.attempt)
        rollout = self.cluster.deployments.get(run.namespace, name)
        own = rollout if rollout is not None and rollout.owner_uid == job.uid else None
        taken = name if rollout is not None and not rollout.owner_uid else ""
        executions = [
            each for each in self.cluster.executions.of_job(key) if each.owner_uid == job.uid
        ]
        return Pass(
            uid=job.uid,
            attempt=job.run_attempt,
            is_going=job.deleting,
            rollout=own,
            executions=_last_of_each_node(each for each in executions if each.deployment == name),
            working=working,
            taken=taken,
            is_stopped=self._is_stopped(job),
            stuck=_stuck(job) if own is None or not own.terminal else None,
        )

    def _is_stopped(self, job: JobView) -> bool:
        """Whether a user has stopped it, which holds for what was to come of it too."""
        found = self.cluster.deployments.of_job(job.key)
        return any(each.type == "Stop" and each.sequence and not each.canceled for each in found)

    def working(self, key: JobKey) -> int:
        """Nodes that are there and Ready on which something of a FleetJob has not ended.

        Also executions of which the create is under way; of one that is gone, its pods.
        """
        of_it = self.cluster.executions_of(key) if self.cluster.jobs.get(*key) is not None else ()
        names = {each.node for each in of_it if not each.terminal}
        names |= {each.node for each in self.cluster.pods.of_job(key) if each.phase not in _OVER}
        nodes = (self.cluster.nodes.get("", name) for name in names)
        return sum(node is not None and node.ready for node in nodes)


def _last_of_each_node(executions: Iterable[ExecutionView]) -> list[ExecutionView]:
    last: dict[str, ExecutionView] = {}
    for each in executions:
        if each.node not in last or each.attempt > last[each.node].attempt:
            last[each.node] = each
    return list(last.values())


def _stuck(job: JobView) -> tuple[str, str] | None:
    """What a run's FleetJob says that it cannot go on by."""
    conditions = {each["type"]: each for each in job.status.get("conditions") or ()}
    ready = conditions.get(READY, {})
    reason = str(ready.get("reason") or "")
    return (reason, str(ready.get("message") or "")) if reason not in _GOES_ON else None
