"""``why``: what a job, deployment, execution, run or batch waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_any_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import ago, document_of, print_document, width, wrapped
from wavegate.cli.reading import SHORT, read_sight, spellings, split
from wavegate.cli.sight import Document, Sight, at, is_asked
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
    BY_KIND,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_RUNS,
    LEASES,
    NODES,
    RUN_BATCHES,
    Resource,
)


@click.command()
@click.argument("name", shell_complete=complete_any_jobs)
@output_option("json", "yaml")
@connection_options
def why(name: str, output: str, target: Target) -> None:
    """What a job, rollout, execution or run waits for, and who can help.

    NAME is that of a FleetJob, an HTTPJob, a deployment, an execution, a run or a batch, looked for
    in this order; fj/NAME, hj/NAME, fd/NAME, ex/NAME, jr/NAME or rb/NAME says which. It tells what
    runs now, since when it waits, by which numbers against which limits, who can unblock it and
    how, when it acts next by itself, and what happens if nothing comes until then.
    """
    with connect(target) as cluster:
        resource, found = _find(cluster, name)
        ask = _of_runs if resource in (HTTP_JOBS, JOB_RUNS, RUN_BATCHES) else _of_fleet
        answer, now = ask(cluster, resource, found), cluster.now()
    if output:
        print_document(document_of(answer), output)
        return
    click.echo(headline(answer))
    for label, text in lines(answer, now):
        click.echo(wrapped(f"{label:<13}{text}", width(), 13))


def _of_fleet(cluster: Cluster, resource: Resource, found: Document) -> Answer:
    job = found["metadata"]["name"] if resource is FLEET_JOBS else found["spec"]["jobName"]
    sight = read_sight(cluster, cluster.namespace, job, whole=True)
    facts = _facts(cluster, sight)
    if resource is FLEET_JOBS:
        answer = why_job(sight, facts)
        return _with_runs(cluster, sight, answer) if is_asked(sight.job) else answer
    if resource is FLEET_DEPLOYMENTS:
        return why_deployment(sight, found, facts)
    return why_execution(sight, found, facts)


def _with_runs(cluster: Cluster, sight: Sight, answer: Answer) -> Answer:
    # Half a second, which --help should not take.
    from wavegate.cli.why_runs import RunSight, with_runs  # noqa: PLC0415

    runs = _runs(cluster, FLEET_JOBS.kind, sight.name)
    return with_runs(answer, RunSight(sight.job, runs))


def _runs(cluster: Cluster, kind: str, job: str) -> list[Document]:
    """Those of a job."""
    from wavegate.cli.run_sight import job_kind  # noqa: PLC0415

    (found,) = cluster.read(Selection(JOB_RUNS, cluster.namespace, fields=f"spec.jobName={job}"))
    return [each for each in found if job_kind(each) == kind]


def _of_runs(cluster: Cluster, resource: Resource, found: Document) -> Answer:
    # Half a second, which --help should not take.
    from wavegate.cli.run_sight import job_kind  # noqa: PLC0415
    from wavegate.cli.why_batches import why_batch  # noqa: PLC0415
    from wavegate.cli.why_runs import RunSight, why_http_job, why_run  # noqa: PLC0415

    if resource is RUN_BATCHES:
        return why_batch(found, Facts(cluster.now(), operator=_trouble(cluster, cluster.now())))
    space, is_job = cluster.namespace, resource is HTTP_JOBS
    name = found["metadata"]["name"] if is_job else found["spec"]["jobName"]
    kind = resource.kind if is_job else job_kind(found)
    job = found if is_job else cluster.find(BY_KIND[kind], space, name)
    sight = RunSight(job, _runs(cluster, kind, name))
    now = cluster.now()
    facts = Facts(now, operator=_trouble(cluster, now))
    return why_http_job(sight, facts) if is_job else why_run(sight, found, facts)


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
    kind, plain = split(name)
    space, known = cluster.namespace, _or(each.kind for each in SHORT)
    if kind:
        resource = next((each for each in SHORT if kind in spellings(each)), None)
        if resource is None:
            raise CliError(f"{kind}: is not {known.lower()}")
        return resource, {"kind": resource.kind, **cluster.get(resource, space, plain)}
    for resource in SHORT:
        found = cluster.find(resource, space, plain)
        if found is not None:
            return resource, {"kind": resource.kind, **found}
    raise CliError(f"no {known} {plain} in namespace {space}")


def _or(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}"


def _trouble(cluster: Cluster, now: float) -> str:
    """What is wrong with the operator; empty where nothing is, or it cannot be told."""
    leases = _if_allowed(cluster, Selection(LEASES, None, fields="metadata.name=wavegate"))
    return operator_trouble(leases, now)


def _facts(cluster: Cluster, sight: Sight) -> Facts:
    """What could be read of the surroundings; who may read the job alone still gets an answer."""
    # Half a second, which --help should not take.
    from wavegate.cli.core import acts_at, fleet_of, observed_of  # noqa: PLC0415

    now = cluster.now()
    trouble = _trouble(cluster, now)
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
