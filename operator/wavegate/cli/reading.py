"""Which lists a sight of a job is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wavegate.api.names import LABEL_JOB
from wavegate.cli.cluster import Cluster, Selection
from wavegate.cli.errors import CliError
from wavegate.cli.sight import Document, Sight, is_asked, of_run, sequence
from wavegate.kube.resources import (
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_RUNS,
    JOB_VERSIONS,
    PODS,
    RUN_BATCHES,
    Resource,
)

SHORT: Final = {
    FLEET_JOBS: "fj",
    HTTP_JOBS: "hj",
    FLEET_DEPLOYMENTS: "fd",
    EXECUTIONS: "ex",
    JOB_RUNS: "jr",
    RUN_BATCHES: "rb",
}
"""Short names of the kinds that commands take, in the order in which a name is looked for."""


def selections(namespace: str, name: str) -> list[Selection]:
    """The job, its deployments and its executions."""
    return [
        Selection(FLEET_JOBS, namespace, fields=f"metadata.name={name}"),
        Selection(FLEET_DEPLOYMENTS, namespace, fields=f"spec.jobName={name}"),
        Selection(EXECUTIONS, namespace, fields=f"spec.jobName={name}"),
    ]


def more_selections(namespace: str, name: str) -> list[Selection]:
    """Its versions and pods."""
    labels = f"{LABEL_JOB}={name}"
    return [Selection(JOB_VERSIONS, namespace), Selection(PODS, namespace, labels=labels)]


def sight_of(lists: Sequence[Sequence[Document]]) -> Sight | None:
    """From those lists, in that order; None where there is no such job."""
    jobs, deployments, executions, *more = lists
    if not jobs:
        return None
    versions, pods = more if more else ((), ())
    uid = jobs[0]["metadata"]["uid"]
    return Sight(
        job=jobs[0],
        deployments=sorted(deployments, key=sequence),
        executions=[each for each in executions if each["spec"]["jobId"] == uid],
        pods=pods,
        versions=sorted(
            (each for each in versions if each["spec"]["jobId"] == uid),
            key=lambda each: int(each["spec"]["version"]),
        ),
    )


def read_sight(cluster: Cluster, namespace: str, name: str, *, whole: bool = False) -> Sight:
    """A job as it is now, ``whole`` with versions and pods. Raises CliError where there is none."""
    if not name:
        raise CliError("the name of the job is empty")
    wanted = selections(namespace, name)
    if whole:
        wanted += more_selections(namespace, name)
    sight = sight_of(cluster.read(*wanted))
    if sight is None:
        raise CliError(f"no FleetJob {name} in namespace {namespace}")
    return sight


def bare(name: str, resource: Resource = FLEET_JOBS) -> str:
    """A name without the kind that may stand before it (``fj/app``).

    Raises CliError where that is another kind.
    """
    kind, plain = split(name)
    if kind and kind not in spellings(resource):
        raise CliError(f"{name}: names no {resource.kind}, which is what is needed here")
    return plain


def asked(name: str) -> tuple[Resource, str]:
    """The kind and name of a job of which runs are meant: ``fj/app`` is a FleetJob's.

    As in a JobRun, without a kind it is an HTTPJob's. Raises CliError where it is another kind.
    """
    kind, plain = split(name)
    for resource in (HTTP_JOBS, FLEET_JOBS):
        if kind in ("", *spellings(resource)):
            return resource, plain
    raise CliError(f"{name}: names no HTTPJob and no FleetJob, which is what is needed here")


def named(resource: Resource, name: str) -> str:
    """A job as commands take it that are about runs."""
    return name if resource is HTTP_JOBS else f"{SHORT[resource]}/{name}"


def ask_for(cluster: Cluster, name: str) -> tuple[Resource, Document]:
    """The job of which runs are meant. Raises CliError where it is none that is asked."""
    resource, plain = asked(name)
    found = cluster.get(resource, cluster.namespace, plain)
    if resource is FLEET_JOBS and (run := of_run(found)):
        raise CliError(
            f"FleetJob {plain} was made by a run, and has no runs: wavegate runs replay {run} asks"
            " for that run again"
        )
    if resource is FLEET_JOBS and not is_asked(found):
        raise CliError(
            f"FleetJob {plain} rolls out each version by itself, and has no runs: give it"
            " spec.runs, if only {}, to have it executed when asked"
        )
    return resource, found


def split(name: str) -> tuple[str, str]:
    """The kind before a name, in lower case and without its group, and the name."""
    kind, _, plain = name.rpartition("/")
    return kind.partition(".")[0].lower(), plain


def spellings(resource: Resource) -> tuple[str, ...]:
    """How a kind may be written before a name."""
    return SHORT[resource], resource.kind.lower(), resource.plural
