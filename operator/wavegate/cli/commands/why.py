"""``why``: what a job, deployment or execution waits for."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import ago, document_of, print_document, width, wrapped
from wavegate.cli.reading import read_sight
from wavegate.cli.sight import Document, Sight, at
from wavegate.cli.why import (
    Answer,
    Facts,
    operator_trouble,
    why_deployment,
    why_execution,
    why_job,
)
from wavegate.domain.times import parse_time
from wavegate.kube.resources import (
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    LEASES,
    NODES,
    Resource,
)

_KINDS = {
    "fj": FLEET_JOBS,
    "fleetjob": FLEET_JOBS,
    "fleetjobs": FLEET_JOBS,
    "fd": FLEET_DEPLOYMENTS,
    "fleetdeployment": FLEET_DEPLOYMENTS,
    "fleetdeployments": FLEET_DEPLOYMENTS,
    "ex": EXECUTIONS,
    "execution": EXECUTIONS,
    "executions": EXECUTIONS,
}


@click.command()
@click.argument("name", shell_complete=complete_jobs)
@output_option("json", "yaml")
@connection_options
def why(name: str, output: str, target: Target) -> None:
    """What a job, deployment or execution waits for, and who can help.

    NAME is that of a job, a deployment or an execution, looked for in this order; fj/NAME, fd/NAME
    or ex/NAME says which. It tells what runs now, since when it waits, by which numbers against
    which limits, who can unblock it and how, when it acts next by itself, and what happens if
    nothing comes until then.
    """
    with connect(target) as cluster:
        resource, found = _find(cluster, name)
        spec, space = found["spec"], cluster.namespace
        job = found["metadata"]["name"] if resource is FLEET_JOBS else spec["jobName"]
        sight = read_sight(cluster, space, job, whole=True)
        facts = _facts(cluster, sight)
    if resource is FLEET_JOBS:
        answer = why_job(sight, facts)
    elif resource is FLEET_DEPLOYMENTS:
        answer = why_deployment(sight, found, facts)
    else:
        answer = why_execution(sight, found, facts)
    if output:
        print_document(document_of(answer), output)
        return
    click.echo(headline(answer))
    for label, text in lines(answer, facts.now):
        click.echo(wrapped(f"{label:<13}{text}", width(), 13))


def headline(answer: Answer) -> str:
    """Which object, and the state it is in with its reason."""
    head = f"{answer.kind} {answer.namespace}/{answer.name}: {answer.state}"
    return head if answer.reason in ("", answer.state) else f"{head} ({answer.reason})"


def lines(answer: Answer, now: float) -> list[tuple[str, str]]:
    """The answer for people: what each line is about (empty: as the one before) and its words."""
    told = [("runs now", answer.runs_now)] if answer.runs_now else []
    told.append(("waits for", answer.waits_for or "nothing"))
    if not answer.waits_for:
        told.append(("it says", answer.says))
    told.append(("since", _moment(answer.since, now)))
    told += _labelled("evidence", answer.evidence)
    told += _labelled("who can help", (answer.who, *answer.how))
    then = answer.next
    if answer.next_at:
        then = f"{then}, at the latest at {_moment(answer.next_at, now)}"
    told.append(("acts next", then))
    if answer.if_not:
        told.append(("if not", answer.if_not))
    return told


def _labelled(label: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if at else label, text) for at, text in enumerate(texts)]


def _moment(text: str, now: float) -> str:
    seconds = parse_time(text)
    if seconds is None:
        return "not known"
    if seconds > now:
        return f"{text} (in {ago(seconds - now)})"
    return f"{text} ({ago(now - seconds)} ago)"


def _find(cluster: Cluster, name: str) -> tuple[Resource, Document]:
    kind, _, bare = name.rpartition("/")
    space = cluster.namespace
    if kind:
        resource = _KINDS.get(kind.partition(".")[0].lower())
        if resource is None:
            raise CliError(f"{kind}: is not fleetjob, fleetdeployment or execution")
        return resource, cluster.get(resource, space, bare)
    for resource in (FLEET_JOBS, FLEET_DEPLOYMENTS, EXECUTIONS):
        found = cluster.find(resource, space, bare)
        if found is not None:
            return resource, {"kind": resource.kind, **found}
    raise CliError(f"no FleetJob, FleetDeployment or Execution {bare} in namespace {space}")


def _facts(cluster: Cluster, sight: Sight) -> Facts:
    """What could be read of the surroundings; who may read the job alone still gets an answer."""
    # Half a second, which --help should not take.
    from wavegate.cli.core import acts_at, fleet_of, observed_of  # noqa: PLC0415

    now = cluster.now()
    leases = _if_allowed(cluster, Selection(LEASES, None, fields="metadata.name=wavegate"))
    trouble = operator_trouble(leases, now)
    nodes = _if_allowed(cluster, Selection(NODES))
    if not nodes:
        return Facts(now, operator=trouble)
    observed = observed_of(sight, nodes, now)
    fleet = fleet_of(observed)
    wanted = (fleet.stable or fleet.newest_version) if fleet is not None else None
    newest = sight.newest
    if fleet is not None and newest is not None:
        number = at(newest, "status", "resolved", "toVersion") or 0
        wanted = fleet.versions.get(number) or wanted
    absences = fleet.absences(wanted) if fleet is not None and wanted is not None else {}
    return Facts(now, acts_at(observed), absences, trouble)


def _if_allowed(cluster: Cluster, selection: Selection) -> list[Document]:
    try:
        (found,) = cluster.read(selection)
    except CliError:
        return []
    return found
