"""``version``: of this program."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click


@click.command()
def version() -> None:
    """The version of this program.

    That of the operator in a cluster is told by check.
    """
    try:
        click.echo(f"wavegate {version_of('wavegate')}")
    except PackageNotFoundError:
        click.echo("wavegate, not installed as a package")
