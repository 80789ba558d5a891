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
from wavegate.cli.sight import summary
from wavegate.kube.resources import FLEET_JOBS


@click.command(name="list")
@output_option("wide", "json", "yaml", "name")
@all_namespaces_option
@selector_option
@connection_options
def list_(output: str, everywhere: bool, labels: str, target: Target) -> None:
    """Jobs with their state, one a line.

    NODES are those up to date of those wanted, SINCE how long the state has lasted. -o wide adds
    the message. -o json has a list of items.
    """

    with connect(target) as cluster:
        namespace = None if everywhere else cluster.namespace
        (jobs,) = cluster.read(Selection(FLEET_JOBS, namespace, labels=labels))
        now, where = cluster.now(), cluster.namespace
    if output in ("json", "yaml"):
        print_document({"items": [summary(each) for each in jobs]}, output)
        return
    if output == "name":
        for each in jobs:
            click.echo(f"fleetjob.wavegate.dev/{each['metadata']['name']}")
        return
    if not jobs:
        say("no jobs" if everywhere else f"no jobs in namespace {where}")
        return
    wide = output == "wide"
    head = (*(("NAMESPACE",) if everywhere else ()), *(JOB_HEAD_WIDE if wide else JOB_HEAD))
    rows = [job_row(each, now, everywhere=everywhere, wide=wide) for each in jobs]
    click.echo(table(head, rows, width() if wide else None))
