"""``uninstall``: all jobs, and then what is left to do by whoever installed the operator."""

from __future__ import annotations

import time

import click

from wavegate.api.names import LABEL_JOB
from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.commands.status import Seconds
from wavegate.cli.errors import TIMED_OUT, CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.why import operator_trouble
from wavegate.kube.resources import FLEET_JOBS, HTTP_JOBS, LEASES, PODS, Resource

_DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
_OPERATOR = "app.kubernetes.io/name=wavegate"
_POLL = 1.0


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--dry-run",
    type=click.Choice(["none", "client"]),
    default="none",
    metavar="none|client",
    help="client: say what would be deleted.",
)
@click.option("--timeout", type=Seconds(), default="5m", help="For the pods to stop.")
@connection_options
def uninstall(yes: bool, dry_run: str, timeout: float, target: Target) -> int:
    """Delete all jobs, and say what is left to do.

    The order matters: jobs, while the operator runs and stops their pods; then the operator; then
    the CRDs. This does the first in all namespaces, waits until no pod is left, and prints the
    commands for the others.
    """
    with connect(target) as cluster:
        jobs, calling, leases = cluster.read(
            Selection(FLEET_JOBS),
            Selection(HTTP_JOBS),
            Selection(LEASES, None, fields="metadata.name=wavegate"),
        )
        trouble = operator_trouble(leases, cluster.now())
        if trouble:
            say(f"{trouble}. Without it the garbage collector stops the pods, which takes longer.")
        names = [
            (resource, each["metadata"]["namespace"], each["metadata"]["name"])
            for resource, found in ((FLEET_JOBS, jobs), (HTTP_JOBS, calling))
            for each in found
        ]
        for resource, namespace, name in names:
            click.echo(f"{resource.kind.lower()}.wavegate.dev/{name} in {namespace}")
        if dry_run == "client":
            return 0
        if names and not yes:
            _ask(len(names))
        for resource, namespace, name in names:
            cluster.delete(resource, namespace, name)
        if not _wait(cluster, timeout):
            return TIMED_OUT
        say("no job and no pod of a job is left. What remains:")
        for command in remaining(cluster):
            click.echo(command)
    return 0


def _ask(number: int) -> None:
    text = f"Delete {number} job{'s' if number > 1 else ''}, and with them all their pods and runs?"
    if not click.confirm(text, err=True):
        raise CliError("nothing was deleted")


def _wait(cluster: Cluster, seconds: float) -> bool:
    """Until no pod of a job is left; False where the time was over."""
    begun, said = time.monotonic(), -1
    while True:
        (pods,) = cluster.read(Selection(PODS, labels=LABEL_JOB))
        if not pods:
            return True
        if len(pods) != said:
            said = len(pods)
            say(f"{said} pods are still to stop")
        if seconds and time.monotonic() - begun > seconds:
            say(f"{said} pods are left after {seconds:g} s; run it again, or look at their nodes")
            return False
        time.sleep(_POLL)


def remaining(cluster: Cluster) -> list[str]:
    """Commands that remove the operator as it was installed, and the CRDs."""
    try:
        (found,) = cluster.read(Selection(_DEPLOYMENTS, labels=_OPERATOR))
    except CliError:
        found = []
    commands = []
    for each in found:
        metadata = each["metadata"]
        name, space = metadata["name"], metadata["namespace"]
        release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name")
        removal = f"helm uninstall {release}" if release else f"kubectl delete deployment {name}"
        commands.append(f"{removal} --namespace {space}")
    kinds = (
        *("fleetjobs", "fleetdeployments", "executions", "jobversions"),
        *("httpjobs", "jobruns", "ratelimitpools", "runbatches"),
    )
    return [*commands, f"kubectl delete crd {' '.join(f'{kind}.wavegate.dev' for kind in kinds)}"]
