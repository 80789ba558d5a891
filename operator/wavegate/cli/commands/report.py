"""``report``: one rollout as a picture."""

from __future__ import annotations

import click

from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import print_document
from wavegate.cli.reading import bare, read_sight
from wavegate.cli.sight import Document
from wavegate.kube.resources import EVENTS


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@click.option(
    "--version",
    type=click.IntRange(min=1),
    metavar="N",
    help="The newest rollout of this version (default: the newest rollout).",
)
@output_option("html", "svg", "json", "yaml")
@connection_options
def report(job: str, version: int | None, output: str, target: Target) -> None:
    """One rollout as a picture: nodes by wave over time, windows, decisions.

    An automatic rollback that followed is part of it. -o html, which is the default, prints a page
    that needs nothing else: wavegate report app > app.html. -o svg is its picture alone. It shows
    what the cluster keeps, and names what it no longer keeps. -o json has the keys rollouts, gate,
    waves, untouched, marks and notKept.
    """
    # Half a second, which --help should not take.
    from wavegate.cli.report.document import document  # noqa: PLC0415
    from wavegate.cli.report.history import choose, report_of  # noqa: PLC0415
    from wavegate.cli.report.marks import with_marks  # noqa: PLC0415
    from wavegate.cli.report.page import page  # noqa: PLC0415
    from wavegate.cli.report.picture import picture  # noqa: PLC0415

    with connect(target) as cluster:
        sight = read_sight(cluster, cluster.namespace, bare(job), whole=True)
        events = _events(cluster)
        now = cluster.now()
    chosen = choose(sight, version)
    told = with_marks(report_of(sight, chosen, now), chosen, events)
    match output:
        case "json" | "yaml":
            print_document(document(told), output)
        case "svg":
            click.echo(picture(told))
        case _:
            click.echo(page(told), nl=False)


def _events(cluster: Cluster) -> list[Document]:
    """Whoever may not read events gets a picture without what only they tell."""
    try:
        (found,) = cluster.read(Selection(EVENTS, cluster.namespace))
    except CliError:
        return []
    return found
