"""``get``: the tree of a job, once or as it changes."""

from __future__ import annotations

import click

from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.drawing import print_tree, watch_tree
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import is_plain, print_document
from wavegate.cli.reading import bare, read_sight
from wavegate.cli.sight import tree_document


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@output_option("wide", "json", "yaml", "name")
@click.option("-w", "--watch", is_flag=True, help="Draw it anew whenever it changes.")
@connection_options
def get(job: str, output: str, watch: bool, target: Target) -> None:
    """The tree of a job: its rollout, waves and nodes.

    Of a wave of more than 12 nodes those that are not well come first, and the rest is counted;
    -o wide names all. -o json has the keys job, deployment, waves and before.
    """

    name = bare(job)
    with connect(target) as cluster:
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
