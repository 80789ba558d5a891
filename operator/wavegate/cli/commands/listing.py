"""``list``: jobs, one a line."""

from __future__ import annotations

import click

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.options import (
    Target,
    all_namespaces_option,
    connection_options,
    output_option,
    selector_option,
)
from wavegate.cli.output import print_document, say, table, width
from wavegate.cli.rows import JOB_HEAD, JOB_HEAD_WIDE, job_row
from wavegate.cli.run_sight import (
    HTTP_JOB_HEAD,
    HTTP_JOB_HEAD_WIDE,
    http_job_row,
    http_job_summary,
)
from wavegate.cli.sight import of_run, summary
from wavegate.kube.resources import FLEET_JOBS, HTTP_JOBS


@click.command(name="list")
@output_option("wide", "json", "yaml", "name")
@all_namespaces_option
@selector_option
@connection_options
def list_(output: str, everywhere: bool, labels: str, target: Target) -> None:
    """Jobs with their state, one a line.

    First FleetJobs, then HTTPJobs, as far as there are some; those that runs have made are not
    listed (wavegate runs list has the runs). NODES are those up to date of those wanted, - where
    the job is executed when asked; SINCE is how long the state has lasted, QUEUED the runs that
    wait. -o wide adds the message. -o json has a list of items, the FleetJobs, and one of httpJobs.
    """

    with connect(target) as cluster:
        namespace = None if everywhere else cluster.namespace
        jobs, calling = cluster.read(
            Selection(FLEET_JOBS, namespace, labels=labels),
            Selection(HTTP_JOBS, namespace, labels=labels),
        )
        jobs = [each for each in jobs if not of_run(each)]
        now, where = cluster.now(), cluster.namespace
    if output in ("json", "yaml"):
        items = [summary(each) for each in jobs]
        http_jobs = [http_job_summary(each) for each in calling]
        print_document({"items": items, "httpJobs": http_jobs}, output)
        return
    if output == "name":
        for each in (*jobs, *calling):
            click.echo(f"{each['kind'].lower()}.wavegate.dev/{each['metadata']['name']}")
        return
    if not jobs and not calling:
        say("no jobs" if everywhere else f"no jobs in namespace {where}")
        return
    wide = output == "wide"
    tables = (
        (jobs, JOB_HEAD_WIDE if wide else JOB_HEAD, job_row),
        (calling, HTTP_JOB_HEAD_WIDE if wide else HTTP_JOB_HEAD, http_job_row),
    )
    shown = []
    for found, columns, row in tables:
        head = (*(("NAMESPACE",) if everywhere else ()), *columns)
        rows = [row(each, now, everywhere=everywhere, wide=wide) for each in found]
        shown += [table(head, rows, width() if wide else None)] if rows else []
    click.echo("\n\n".join(shown))
