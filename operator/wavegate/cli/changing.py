"""What the commands that change something have in common: print the YAML, or do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from wavegate.api.names import API_VERSION
from wavegate.cli.errors import NO
from wavegate.cli.output import print_document, say
from wavegate.cli.sight import Document
from wavegate.kube.resources import Resource

Command = TypeVar("Command", bound=Callable[..., Any])


def change_options(function: Command) -> Command:
    """``--dry-run=client`` and ``-o``, passed on as ``dry_run`` and ``output``."""
    function = click.option(
        "--dry-run",
        type=click.Choice(["none", "client"]),
        default="none",
        callback=lambda _ctx, _param, value: value == "client",
        metavar="none|client",
        help="client: change nothing; -o yaml prints what would be applied.",
    )(function)
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["yaml", "json", "name"]),
        callback=lambda _ctx, _param, value: value or "",
        metavar="yaml|json|name",
        help="Print the change as an object, such as for Git.",
    )(function)


def fragment(resource: Resource, namespace: str, name: str, spec: Document) -> Document:
    """An object with these fields alone: what server-side apply or a kustomize patch takes."""
    return {
        "apiVersion": API_VERSION,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def tell(document: Document, output: str, words: str, *, dry_run: bool) -> None:
    """What was done, or would be: as an object where asked for, in words otherwise."""
    name = f"{document['kind'].lower()}.wavegate.dev/{document['metadata']['name']}"
    match output:
        case "yaml" | "json":
            print_document(document, output)
        case "name":
            click.echo(name)
        case _:
            click.echo(f"{name} {words}{' (dry run)' if dry_run else ''}")


def tell_all(documents: Sequence[Document], output: str, words: str, *, dry_run: bool) -> None:
    """The same of several: as a List where objects are asked for."""
    if output in ("yaml", "json"):
        print_document(together(documents), output)
        return
    for each in documents:
        tell(each, output, words, dry_run=dry_run)


def for_git(documents: Sequence[tuple[Document, str]], field: str, output: str) -> int:
    """Print what belongs into Git, each with its owner, instead of doing it; the exit code."""
    for document, owner in documents:
        name = document["metadata"]["name"]
        say(
            f"not done: {field} of {document['kind']} {name} is applied from Git by {owner}, which"
            " would write it back; change it there:"
        )
    whole = together([document for document, _ in documents])
    print_document(whole, output if output == "json" else "yaml")
    return NO


def together(documents: Sequence[Document]) -> Document:
    """One object: that of one, or a List of several."""
    if len(documents) == 1:
        return documents[0]
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}
