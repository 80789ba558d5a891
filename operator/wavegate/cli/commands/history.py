"""``history``: the versions of a job and how their rollouts ended."""

from __future__ import annotations

import click

from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import print_document, say, table, width
from wavegate.cli.reading import bare, read_sight
from wavegate.cli.rows import HISTORY_HEAD, HISTORY_HEAD_WIDE, history_row
from wavegate.cli.sight import deployment_summary


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@output_option("wide", "json", "yaml", "name")
@connection_options
def history(job: str, output: str, target: Target) -> None:
    """The versions of a job and how their rollouts ended.

    Oldest first. -o wide adds the message. -o json has a list of items.
    """

    with connect(target) as cluster:
        sight = read_sight(cluster, cluster.namespace, bare(job))
        now = cluster.now()
    if output in ("json", "yaml"):
        print_document({"items": [deployment_summary(each) for each in sight.deployments]}, output)
        return
    if output == "name":
        for each in sight.deployments:
            click.echo(f"fleetdeployment.wavegate.dev/{each['metadata']['name']}")
        return
    if not sight.deployments:
        say(f"FleetJob {sight.name} has had no rollout yet")
        return
    wide = output == "wide"
    rows = [history_row(each, now, wide=wide) for each in sight.deployments]
    head = HISTORY_HEAD_WIDE if wide else HISTORY_HEAD
    click.echo(table(head, rows, width() if wide else None))
