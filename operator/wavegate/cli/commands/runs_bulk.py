"""``runs bulk``: ask for the runs that a file has, one a line."""

from __future__ import annotations

import secrets

import click

from wavegate.api.durations import format_duration
from wavegate.cli.changing import change_options, tell_all
from wavegate.cli.cluster import Cluster, connect
from wavegate.cli.commands.status import Seconds
from wavegate.cli.commands.trigger import pairs, read_text
from wavegate.cli.completing import complete_http_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.reading import bare
from wavegate.cli.sight import Document
from wavegate.kube.resources import HTTP_JOBS, RUN_BATCHES

_LONGEST_NAME = 59


@click.command()
@click.option("-f", "--filename", "path", metavar="FILE", required=True, help="- is stdin.")
@click.option("--job", required=True, shell_complete=complete_http_jobs, help="The HTTPJob.")
@click.option("--name", metavar="NAME", help="Of the batches: NAME, or NAME-01, NAME-02.")
@click.option("--label", "labels", multiple=True, metavar="K=V", callback=pairs, help="Of runs.")
@click.option("--ttl", type=Seconds(), default="24h", help="The batches are kept so long.")
@click.option("--wait", is_flag=True, help="Wait until all runs have ended.")
@click.option("--timeout", type=Seconds(), default="0s", help="With --wait: at most so long.")
@change_options
@connection_options
def bulk(
    path: str,
    job: str,
    name: str | None,
    labels: dict[str, str],
    ttl: float,
    wait: bool,
    timeout: float,
    dry_run: bool,
    output: str,
    target: Target,
) -> int:
    """Ask for many runs of an HTTPJob: one a line of a file.

    A line is a JSON object: payload (any JSON; a text is taken for JSON as it stands), and if
    wanted key, idempotencyKey, priority, notBefore, metadata, concurrencyKey, ttl. All lines are
    held against the job's payloadSchema before anything is sent. They become RunBatches of at most
    500 runs; each makes all of its runs or none. With --name the command can be repeated, and goes
    on where it was. With --wait it says how far they have come, and the exit code is 0 where all
    have completed, 1 where not, 3 where the time is over.

    Example: wavegate runs bulk -f items.jsonl --job bill --wait
    """
    # Half a second, which --help should not take.
    from wavegate.cli.batch_waiting import wait_for_batches  # noqa: PLC0415
    from wavegate.cli.batching import (  # noqa: PLC0415
        batch_document,
        items_of,
        judge,
        names_of,
        portions,
    )

    if wait and dry_run:
        raise CliError("--wait: a dry run makes nothing that could be waited for")
    if name is not None and not 0 < len(name) <= _LONGEST_NAME:
        raise CliError(f"--name: must have 1 to {_LONGEST_NAME} characters")
    items = items_of(read_text(path), path)
    with connect(target) as cluster:
        found = cluster.get(HTTP_JOBS, cluster.namespace, bare(job, HTTP_JOBS))
        judge(found, items, path)
        own = found["metadata"]["name"]
        base = name or f"{own}-{secrets.token_hex(4)}"
        common: Document = {"jobName": own, "labels": labels, "finishedTTL": format_duration(ttl)}
        parts = list(portions(items))
        documents = [
            batch_document(cluster.namespace, each, {**common, "items": part})
            for each, part in zip(names_of(base, len(parts)), parts, strict=True)
        ]
        made = documents if dry_run else _made(cluster, documents, base)
        tell_all(made, output, "created", dry_run=dry_run)
        if dry_run:
            return 0
        if wait:
            return wait_for_batches(cluster, made, timeout)
        say(f"kubectl get rb -n {cluster.namespace} says how far they have come")
        return 0


def _made(cluster: Cluster, documents: list[Document], base: str) -> list[Document]:
    """The batches; those that stand already from an earlier try among them."""
    made: list[Document] = []
    for each in documents:
        try:
            made.append(_one(cluster, each))
        except CliError as error:
            if not made:
                raise
            raise CliError(
                f"{error}\n{len(made)} of {len(documents)} batches were made; the same command"
                f" with --name {base} goes on with the others"
            ) from error
    return made


def _one(cluster: Cluster, document: Document) -> Document:
    made = cluster.create_new(RUN_BATCHES, document)
    if made is not None:
        return made
    name = document["metadata"]["name"]
    there = cluster.get(RUN_BATCHES, cluster.namespace, name)
    if any(there["spec"].get(field) != document["spec"][field] for field in ("jobName", "items")):
        raise CliError(f"RunBatch {name} is there already, with other items: give another --name")
    say(f"RunBatch {name} stands already")
    return {"apiVersion": RUN_BATCHES.api_version, "kind": RUN_BATCHES.kind, **there}
