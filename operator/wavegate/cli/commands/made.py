"""``restart``, ``rollback``, ``stop``: FleetDeployments that a person makes."""

from __future__ import annotations

import click

from wavegate.cli.changing import change_options, fragment, tell
from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.reading import bare
from wavegate.cli.sight import ENDED, Document, at, is_asked, of_run
from wavegate.domain.times import format_time
from wavegate.kube.resources import FLEET_DEPLOYMENTS, FLEET_JOBS, JOB_VERSIONS

_NAME_OPTION = click.option(
    "--name", "given", metavar="NAME", help="Its name, instead of one made."
)


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@click.option("--to-version", type=int, metavar="N", help="Try this version, also a failed one.")
@_NAME_OPTION
@change_options
@connection_options
def restart(
    job: str, to_version: int | None, given: str | None, dry_run: bool, output: str, target: Target
) -> None:
    """Roll the stable version out anew, or try another again.

    Node by node as the job's rollout section says. It makes a FleetDeployment of type Restart;
    while a rollout is open that is refused.
    """
    with connect(target) as cluster:
        found = cluster.get(FLEET_JOBS, cluster.namespace, bare(job))
        name = found["metadata"]["name"]
        _refuse(found, "Restart")
        if to_version is None and not at(found, "status", "stableVersion"):
            raise CliError(f"no version of FleetJob {name} was ever stable: give --to-version")
        if opened := _open(cluster, name):
            raise CliError(
                f"FleetDeployment {opened} is open, so a Restart would be refused: wait for its"
                f" end, or wavegate cancel {name}"
            )
        spec: Document = {"type": "Restart"}
        if to_version is not None:
            spec["toVersion"] = _existing(cluster, name, to_version)
        _make(
            cluster, name, spec, given or made_name(name, "restart", cluster.now()), dry_run, output
        )


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@click.option("--to-version", type=int, metavar="N", help="Default: the stable one before.")
@_NAME_OPTION
@change_options
@connection_options
def rollback(
    job: str, to_version: int | None, given: str | None, dry_run: bool, output: str, target: Target
) -> None:
    """Go back to a version that was stable.

    It ends what is open, and holds until the workload or the rollout section of the spec changes.
    The spec stays as it is. It makes a FleetDeployment of type Rollback.
    """
    with connect(target) as cluster:
        found = cluster.get(FLEET_JOBS, cluster.namespace, bare(job))
        name = found["metadata"]["name"]
        _refuse(found, "Rollback")
        versions = _versions(cluster, name)
        goal = to_version if to_version is not None else previous(found, versions)
        if goal not in versions:
            raise CliError(_no_version(name, goal, versions))
        if not at(versions[goal], "status", "stableAt"):
            stable = [number for number, each in versions.items() if at(each, "status", "stableAt")]
            told = ", ".join(f"v{number}" for number in sorted(stable)) or "none"
            raise CliError(f"v{goal} of FleetJob {name} never completed; versions that did: {told}")
        spec: Document = {"type": "Rollback", "toVersion": goal}
        _make(cluster, name, spec, given or made_name(name, "back", cluster.now()), dry_run, output)


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@_NAME_OPTION
@change_options
@connection_options
def stop(job: str, given: str | None, dry_run: bool, output: str, target: Target) -> None:
    """Stop every execution of a job.

    At once, on all nodes; it ends what is open. The spec stays as it is, and restart, or a change
    of the workload, starts it again. It makes a FleetDeployment of type Stop.
    """
    with connect(target) as cluster:
        found = cluster.get(FLEET_JOBS, cluster.namespace, bare(job))
        name = found["metadata"]["name"]
        _refuse(found, "Stop")
        made = given or made_name(name, "stop", cluster.now())
        _make(cluster, name, {"type": "Stop"}, made, dry_run, output)


def made_name(job: str, what: str, now: float) -> str:
    """``JOB-restart-20261126041500``, as the Argo CD action names it."""
    stamp = "".join(sign for sign in format_time(now) if sign.isdigit())
    return f"{job}-{what}-{stamp}"


def previous(job: Document, versions: dict[int, Document]) -> int:
    """The version before: the newest that was stable and is not what the job is on.

    Raises CliError where there is none.
    """
    on = at(job, "status", "lastAccepted", "toVersion") or at(job, "status", "version")
    stable = [number for number, each in versions.items() if at(each, "status", "stableAt")]
    older = [number for number in stable if number != on]
    if not older:
        name = job["metadata"]["name"]
        raise CliError(f"FleetJob {name} has no other version that was stable")
    return max(older, key=lambda number: (str(at(versions[number], "status", "stableAt")), number))


def _refuse(job: Document, kind: str) -> None:
    """Raises CliError where the operator would refuse a FleetDeployment of the job."""
    name = job["metadata"]["name"]
    if is_asked(job):
        raise CliError(
            f"FleetJob {name} is executed when asked, so a {kind} would be refused: wavegate"
            f" trigger fj/{name} asks for a run, wavegate runs cancel RUN ends one"
        )
    if kind != "Stop" and (run := of_run(job)):
        raise CliError(
            f"FleetJob {name} was made by a run, so a {kind} would be refused: wavegate runs"
            f" replay {run} asks for that run again"
        )


def _make(
    cluster: Cluster, job: str, spec: Document, name: str, dry_run: bool, output: str
) -> None:
    document = fragment(FLEET_DEPLOYMENTS, cluster.namespace, name, {"jobName": job, **spec})
    if not dry_run:
        cluster.create(FLEET_DEPLOYMENTS, document)
        say(f"wavegate status {job} -n {cluster.namespace} --wait follows it")
    goal = f" to v{spec['toVersion']}" if "toVersion" in spec else ""
    tell(document, output, f"created: {spec['type']}{goal} of {job}", dry_run=dry_run)


def _open(cluster: Cluster, job: str) -> str:
    fields = f"spec.jobName={job}"
    (found,) = cluster.read(Selection(FLEET_DEPLOYMENTS, cluster.namespace, fields=fields))
    names = [each["metadata"]["name"] for each in found if at(each, "status", "state") not in ENDED]
    return min(names, default="")


def _versions(cluster: Cluster, job: str) -> dict[int, Document]:
    (found,) = cluster.read(Selection(JOB_VERSIONS, cluster.namespace))
    owned = [each for each in found if each["metadata"]["name"].rpartition("-v")[0] == job]
    return {int(each["spec"]["version"]): each for each in owned}


def _existing(cluster: Cluster, job: str, number: int) -> int:
    versions = _versions(cluster, job)
    if number not in versions:
        raise CliError(_no_version(job, number, versions))
    return number


def _no_version(job: str, number: int, versions: dict[int, Document]) -> str:
    told = ", ".join(f"v{each}" for each in sorted(versions)) or "none"
    return f"FleetJob {job} has no v{number}; it has {told}"
