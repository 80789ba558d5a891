"""``lint``: what is wrong with files, without a cluster."""

from __future__ import annotations

import click

from wavegate.cli.errors import NO, CliError
from wavegate.cli.files import read_documents
from wavegate.cli.output import say


@click.command()
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    required=True,
    metavar="FILE",
    help="YAML or JSON; - is stdin; may be given several times.",
)
def lint(paths: tuple[str, ...]) -> int:
    """What is wrong with files, without a cluster.

    By the rules of the CRDs, their CEL included, and by those of the operator for each type of job,
    for schedules, payloads and their schemas; objects of other groups are left out. Advice, of
    fields that have no effect, is no problem. The exit code is 1 where there are problems. What a
    cluster alone can refuse (a policy, a quota, a typo deep in the pod template) it cannot know.
    """
    # Half a second, which --help should not take.
    from wavegate.cli.linting import advice, problems  # noqa: PLC0415

    objects = wrong = 0
    for path in paths:
        for document in read_documents(path):
            if not str(document.get("apiVersion", "")).startswith("wavegate.dev/"):
                continue
            objects += 1
            found = problems(document)
            wrong += len(found)
            name = (document.get("metadata") or {}).get("name", "without a name")
            told = found or [f"advice: {each}" for each in advice(document)]
            for each in told:
                click.echo(f"{path}: {document['kind']} {name}: {each}")
    if not objects:
        raise CliError("no object of wavegate.dev in it")
    say(f"{_counted(objects, 'object')}, {_counted(wrong, 'problem')}")
    return NO if wrong else 0


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'s' if number > 1 else ''}"
