"""``plan``: what applying a job would do."""

from __future__ import annotations

import time

import click

from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.errors import NO, CliError
from wavegate.cli.files import nodes_of, one_job
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import document_of, print_document, width, wrapped
from wavegate.cli.reading import more_selections, selections, sight_of
from wavegate.cli.sight import Document, Sight
from wavegate.kube.resources import NODES

FILE_OPTION = click.option(
    "-f", "--filename", "path", required=True, metavar="FILE", help="The job; - is stdin."
)


@click.command()
@FILE_OPTION
@click.option(
    "--nodes",
    "nodes_path",
    metavar="FILE",
    help="Offline: the nodes of kubectl get nodes -o yaml, and no job there yet.",
)
@click.option("--exit-code", is_flag=True, help="0: nothing to do, 1: changes, 2: error.")
@click.option(
    "--zone-label",
    default="topology.kubernetes.io/zone",
    show_default=True,
    metavar="KEY",
    help="Count what is unavailable by this label.",
)
@output_option("wide", "json", "yaml")
@connection_options
def plan(
    path: str,
    nodes_path: str | None,
    exit_code: bool,
    zone_label: str,
    output: str,
    target: Target,
) -> int:
    """What applying a job would do.

    The version that would be made and the diff of the specs; each wave with its nodes, and why
    each other node is left out; how many nodes are unavailable at most; the writes, the time, and
    what would stop it. Nothing is changed. It is a rehearsal by the operator's own rules, in which
    all pods are healthy and whoever is waited for acts at once. -o wide names all nodes.
    """
    # Half a second, which --help should not take.
    from wavegate.cli.planning.forecast import forecast  # noqa: PLC0415
    from wavegate.cli.planning.told import lines  # noqa: PLC0415

    proposed = one_job(path)
    current, nodes, now = _read(proposed, nodes_path, target)
    told = forecast(current, proposed, nodes, now, zone_label)
    if output in ("json", "yaml"):
        print_document(document_of(told), output)
    else:
        (_, headline), *rest = lines(told, whole=output == "wide")
        click.echo(wrapped(headline, width(), 2))
        for label, text in rest:
            click.echo(wrapped(f"{label:<13}{text}", width(), 13))
    return NO if exit_code and told.changes else 0


def _read(
    proposed: Document, nodes_path: str | None, target: Target
) -> tuple[Sight | None, list[Document], float]:
    metadata = proposed["metadata"]
    if nodes_path is not None:
        metadata["namespace"] = target.namespace or metadata.get("namespace") or "default"
        return None, nodes_of(nodes_path), time.time()
    with connect(target) as cluster:
        current = stored(cluster, proposed, target)
        (nodes,) = cluster.read(Selection(NODES))
        return current, nodes, cluster.now()


def stored(cluster: Cluster, proposed: Document, target: Target) -> Sight | None:
    """The job as it is in the cluster; None where there is none. Raises CliError."""
    metadata = proposed["metadata"]
    given = metadata.get("namespace")
    if target.namespace and given and given != target.namespace:
        raise CliError(f"the file is for namespace {given}, and -n says {target.namespace}")
    space = metadata["namespace"] = given or cluster.namespace
    name = metadata["name"]
    return sight_of(cluster.read(*selections(space, name), *more_selections(space, name)))
