"""``check``: whether the cluster, the operator and the user's rights are as they have to be."""

from __future__ import annotations

import click

from wavegate.cli.checking import access_checks, api_check, lease_check, version_check
from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.errors import NO, CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import document_of, print_document, width, wrapped
from wavegate.cli.sight import Document
from wavegate.kube.resources import LEASES

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@click.command()
@output_option("json", "yaml")
@connection_options
def check(output: str, target: Target) -> int:
    """Whether the cluster and the rights are as they have to be.

    The server's version, the kinds, whether an operator leads, and what you may do in the
    namespace. The exit code is 1 where something is wrong; a right to change things that you do
    not have is told and is not wrong. -o json has a list of items.
    """
    with connect(target) as cluster:
        checks = [
            version_check(_asked(cluster, "/version")),
            api_check(_asked(cluster, "/apis/wavegate.dev/v1alpha1")),
            lease_check(_leases(cluster), cluster.now()),
            *access_checks(lambda review: _allowed(cluster, review), cluster.namespace),
        ]
    if output:
        print_document({"items": [document_of(each) for each in checks]}, output)
    else:
        for each in checks:
            click.echo(wrapped(f"{each.verdict:<6}{each.what}: {each.says}", width(), 6))
    return NO if any(each.verdict == "wrong" for each in checks) else 0


def _asked(cluster: Cluster, path: str) -> Document | str:
    """The answer, or why there is none."""
    try:
        return cluster.ask("GET", path)
    except CliError as error:
        return str(error)


def _leases(cluster: Cluster) -> list[Document] | str:
    try:
        (found,) = cluster.read(Selection(LEASES, None, fields="metadata.name=wavegate"))
    except CliError as error:
        return str(error)
    return found


def _allowed(cluster: Cluster, review: Document) -> bool:
    answer = cluster.ask("POST", _REVIEWS, review)
    return bool((answer.get("status") or {}).get("allowed"))
