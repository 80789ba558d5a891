"""``diff``: what applying a job would change in its spec."""

from __future__ import annotations

import click

from wavegate.cli.cluster import connect
from wavegate.cli.commands.plan import FILE_OPTION, stored
from wavegate.cli.errors import NO
from wavegate.cli.files import one_job
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import is_plain


@click.command()
@FILE_OPTION
@connection_options
def diff(path: str, target: Target) -> int:
    """What applying a job would change in its spec.

    Defaults that are written out and the order of keys are no change. As with kubectl diff the
    exit code is 1 where there are differences.
    """
    # Half a second, which --help should not take.
    from wavegate.api.fleetjob import load_job_spec  # noqa: PLC0415
    from wavegate.cli.planning.forecast import checked, spec_diff  # noqa: PLC0415

    proposed = one_job(path)
    with connect(target) as cluster:
        current = stored(cluster, proposed, target)
    spec = checked(current, proposed)
    before = load_job_spec(current.job["spec"]) if current is not None else None
    lines = spec_diff(before, spec)
    for line in lines:
        click.echo(line if is_plain() else click.style(line, fg=_COLOURS.get(line[:1])))
    return NO if lines else 0


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
