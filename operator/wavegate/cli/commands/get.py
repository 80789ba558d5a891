"""``get``: the tree of a job, once or as it changes; of an HTTPJob, its runs."""

from __future__ import annotations

import click

from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_any_jobs
from wavegate.cli.drawing import print_tree, watch_tree
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import is_plain, print_document, table, width
from wavegate.cli.reading import bare, read_sight, spellings, split
from wavegate.cli.run_sight import (
    RUN_HEAD,
    RUN_HEAD_WIDE,
    http_job_summary,
    moment,
    run_row,
    run_summary,
)
from wavegate.cli.sight import Document, tree_document
from wavegate.cli.tree import MOST_NODES
from wavegate.kube.resources import FLEET_JOBS, HTTP_JOBS, JOB_RUNS
from wavegate.runs.wall_clock import time_zone


@click.command()
@click.argument("job", shell_complete=complete_any_jobs)
@output_option("wide", "json", "yaml", "name")
@click.option("-w", "--watch", is_flag=True, help="Draw it anew whenever it changes.")
@connection_options
def get(job: str, output: str, watch: bool, target: Target) -> None:
    """The tree of a job: its rollout, waves and nodes.

    Of a wave of more than 12 nodes those that are not well come first, and the rest is counted;
    -o wide names all. -o json has the keys job, deployment, waves and before. Of an HTTPJob
    (hj/NAME for one that has the name of a FleetJob) it tells the state, the next tick and the
    newest runs; -o json then has the keys job and runs.
    """

    with connect(target) as cluster:
        http_job = _http_job(cluster, job)
        if http_job is not None:
            if watch:
                raise CliError(
                    f"-w: {split(job)[1]} is an HTTPJob; wavegate runs get RUN tells of a run"
                )
            _print_http_job(cluster, http_job, output)
            return
        name = bare(job)
        if watch:
            if output not in ("", "wide"):
                raise CliError("-w: draws a tree; it goes with -o wide or without -o")
            watch_tree(cluster, name, whole=output == "wide", live=not is_plain())
            return
        sight = read_sight(cluster, cluster.namespace, name)
    match output:
        case "json" | "yaml":
            print_document(tree_document(sight), output)
        case "name":
            for each in (sight.job, *sight.deployments, *sight.claims().values()):
                click.echo(f"{each['kind'].lower()}.wavegate.dev/{each['metadata']['name']}")
        case _:
            print_tree(sight, whole=output == "wide")


def _http_job(cluster: Cluster, job: str) -> Document | None:
    """The HTTPJob that is meant, if it is one; a FleetJob of the same name comes first."""
    (kind, name), space = split(job), cluster.namespace
    if kind in spellings(HTTP_JOBS):
        return cluster.get(HTTP_JOBS, space, name)
    if kind or cluster.find(FLEET_JOBS, space, name) is not None:
        return None
    found = cluster.find(HTTP_JOBS, space, name)
    if found is None:
        raise CliError(f"no FleetJob or HTTPJob {name} in namespace {space}")
    return found


def _print_http_job(cluster: Cluster, job: Document, output: str) -> None:
    name = job["metadata"]["name"]
    (runs,) = cluster.read(Selection(JOB_RUNS, cluster.namespace, fields=f"spec.jobName={name}"))
    runs.sort(key=lambda run: str(run["metadata"].get("creationTimestamp")), reverse=True)
    now, wide, told = cluster.now(), output == "wide", http_job_summary(job)
    match output:
        case "json" | "yaml":
            print_document({"job": told, "runs": [run_summary(each) for each in runs]}, output)
        case "name":
            click.echo(f"httpjob.wavegate.dev/{name}")
            for each in runs:
                click.echo(f"jobrun.wavegate.dev/{each['metadata']['name']}")
        case _:
            click.echo(f"HTTPJob {name}: {told['state'] or 'not seen yet'}  {told['message']}")
            if told["schedule"]:
                click.echo(f"schedule {told['schedule']} ({told['timeZone']}){_next(told, now)}")
            shown = runs if wide else runs[:MOST_NODES]
            if shown:
                head = RUN_HEAD_WIDE if wide else RUN_HEAD
                rows = [run_row(each, now, everywhere=False, wide=wide) for each in shown]
                click.echo(table(head, rows, width() if wide else None))
            if len(shown) < len(runs):
                click.echo(f"and {len(runs) - len(shown)} more (-o wide names them)")


def _next(told: Document, now: float) -> str:
    if told["state"] != "Active" or not told["nextTickTime"]:
        return ""
    return f": next {moment(told['nextTickTime'], now, time_zone(told['timeZone']))}"
