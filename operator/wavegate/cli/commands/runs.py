"""``runs``: what becomes of the runs of jobs. Each command under it has its own file."""

from __future__ import annotations

import click

from wavegate.cli.commands.runs_bulk import bulk
from wavegate.cli.commands.runs_changing import cancel, replay
from wavegate.cli.commands.runs_get import get
from wavegate.cli.commands.runs_listing import dead_letters, list_
from wavegate.cli.options import Target, connection_options


@click.group()
@connection_options
@click.pass_context
def runs(ctx: click.Context, target: Target) -> None:
    """Runs of jobs: list, get, bulk, cancel, replay, dead-letters.

    Example: wavegate runs list bill
    """
    ctx.obj = target


for each in (list_, get, bulk, cancel, replay, dead_letters):
    runs.add_command(each)
