"""``events``: what happened to a job."""

from __future__ import annotations

import click

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import print_document, say, table, width
from wavegate.cli.reading import bare, selections, sight_of
from wavegate.cli.rows import EVENT_HEAD, event_document, event_row, event_time
from wavegate.kube.resources import EVENTS


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@output_option("json", "yaml")
@connection_options
def events(job: str, output: str, target: Target) -> None:
    """What happened to a job, oldest first.

    The events of the job and its deployments; what each execution came to is told by why. -o json
    has a list of items.
    """

    name = bare(job)
    with connect(target) as cluster:
        space = cluster.namespace
        *lists, found = cluster.read(*selections(space, name), Selection(EVENTS, space))
        now = cluster.now()
    sight = sight_of(lists)
    ours = {("FleetJob", name)}
    if sight is not None:
        ours |= {(each["kind"], each["metadata"]["name"]) for each in sight.deployments}
    about = [
        each
        for each in found
        if (each.get("regarding", {}).get("kind"), each.get("regarding", {}).get("name")) in ours
    ]
    about.sort(key=event_time)
    if output:
        print_document({"items": [event_document(each) for each in about]}, output)
    elif about:
        click.echo(table(EVENT_HEAD, [event_row(each, now) for each in about], width()))
    else:
        say(f"no events of FleetJob {name} in namespace {space}; the server keeps them for an hour")
