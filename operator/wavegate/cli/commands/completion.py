"""``completion``: the script for a shell, and what kubectl asks a plugin for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

PROGRAM: Final = "wavegate"
VARIABLE: Final = "_WAVEGATE_COMPLETE"
_NO_FILES: Final = ":4"
"""To kubectl: do not offer names of files."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """The script that completes commands and names.

    For the running shell: source <(wavegate completion bash). Names of jobs come from the cluster.
    kubectl wavegate completes by itself, where kubectl does: it asks kubectl_complete-wavegate.
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())


def kubectl_complete(arguments: Sequence[str] | None = None) -> None:
    """``kubectl_complete-wavegate``: what may stand in place of the last word, a line each."""
    from wavegate.cli.main import cli  # noqa: PLC0415  (it names this module)

    words = list(sys.argv[1:] if arguments is None else arguments) or [""]
    found = ShellComplete(cli, {}, PROGRAM, VARIABLE).get_completions(words[:-1], words[-1])
    for each in found:
        click.echo(each.value)
    click.echo(_NO_FILES)
