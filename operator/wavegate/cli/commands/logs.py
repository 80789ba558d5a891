"""``logs``: of the pods of a job, each line with its node before it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from wavegate.cli.cluster import Cluster, LogSource, connect
from wavegate.cli.commands.status import Seconds
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import is_plain, say
from wavegate.cli.reading import bare, read_sight
from wavegate.cli.sight import Document, Sight

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@click.option("--wave", type=int, metavar="N", help="Only of this wave; 0: outside waves.")
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="Only of this node.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("-p", "--previous", is_flag=True, help="Of the container before its restart.")
@click.option("-c", "--container", default="main", show_default=True, metavar="NAME")
@click.option("--tail", type=int, default=-1, metavar="N", help="Only the last lines of each.")
@click.option("--since", type=Seconds(), default="0s", help="Only what is not older, such as 5m.")
@connection_options
def logs(
    job: str,
    wave: int | None,
    nodes: tuple[str, ...],
    follow: bool,
    previous: bool,
    container: str,
    tail: int,
    since: float,
    target: Target,
) -> None:
    """The logs of a job's pods, each line with its node.

    Of all nodes that run it, or of one wave of its newest rollout. Pods are read one after the
    other in the order of their nodes, with -f all at the same time.
    """
    with connect(target) as cluster:
        sight = read_sight(cluster, cluster.namespace, bare(job), whole=True)
        pods = chosen(sight, wave, nodes)
        if not pods:
            raise CliError(_nothing(sight, wave, nodes))
        query: dict[str, str | int] = {"container": container}
        if follow:
            query["follow"] = "true"
        if previous:
            query["previous"] = "true"
        if tail >= 0:
            query["tailLines"] = tail
        if since:
            query["sinceSeconds"] = max(1, round(since))
        _print(cluster, pods, query, follow=follow)


def chosen(sight: Sight, wave: int | None, nodes: Sequence[str]) -> dict[str, Document]:
    """Pods of the executions that count, by node in the order of names."""
    claims = sight.claims()
    if wave is not None:
        claims = {each["spec"]["nodeName"]: each for each in sight.waves().get(wave, ())}
    owners = {each["metadata"]["uid"]: name for name, each in claims.items()}
    found: dict[str, Document] = {}
    for pod in sight.pods:
        for owner in pod["metadata"].get("ownerReferences") or ():
            node = owners.get(owner.get("uid"))
            if node is not None and (not nodes or node in nodes):
                found[node] = pod
    return dict(sorted(found.items()))


def _nothing(sight: Sight, wave: int | None, nodes: Sequence[str]) -> str:
    where = f" on {', '.join(nodes)}" if nodes else ""
    if wave is None:
        return f"FleetJob {sight.name} has no pod{where}"
    waves = ", ".join(str(each) for each in sight.waves()) or "none"
    return f"no pod in wave {wave}{where}; waves with nodes: {waves}"


def _print(
    cluster: Cluster, pods: dict[str, Document], query: dict[str, str | int], *, follow: bool
) -> None:
    widest = max(map(len, pods))
    heads: dict[str, str] = {}
    for at, node in enumerate(pods):
        head = f"{node:<{widest}} "
        colour = _COLOURS[at % len(_COLOURS)]
        heads[node] = head if is_plain() else click.style(head, fg=colour)
    sources = [
        LogSource(node, pod["metadata"]["namespace"], pod["metadata"]["name"])
        for node, pod in pods.items()
    ]

    def write(node: str, line: bytes) -> None:
        click.echo(heads[node] + line.decode(errors="replace"))
        if follow:
            sys.stdout.flush()

    failed = cluster.logs(sources, query, write, together=follow)
    for node, words in failed.items():
        say(f"{node}: {words}")
    if len(failed) == len(pods):
        raise CliError("no log could be read")
