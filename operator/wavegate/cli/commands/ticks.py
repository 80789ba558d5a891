"""``ticks``: when the schedule of a job comes next."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_asked_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import document_of, print_document, say, table, width
from wavegate.cli.reading import ask_for, named

MOST: Final = 1000


@click.command()
@click.argument("job", shell_complete=complete_asked_jobs)
@click.option(
    "-c",
    "--count",
    type=click.IntRange(1, MOST),
    default=10,
    help=f"How many, at most {MOST}; default 10.",
)
@output_option("json", "yaml")
@connection_options
def ticks(job: str, count: int, output: str, target: Target) -> None:
    """The next ticks of a schedule, and what holds their runs.

    In the time of the schedule's zone and in UTC; STARTS is when the run may start: at once, or
    once a window of the job opens. Limits of the job are not reckoned with. -o json has a list of
    items.

    Example: wavegate ticks bill -c 3
    """
    # Half a second, which --help should not take.
    from wavegate.api.fleetjob import InvalidSpec  # noqa: PLC0415
    from wavegate.cli.asking import loaded  # noqa: PLC0415
    from wavegate.cli.calendar import coming_ticks  # noqa: PLC0415

    with connect(target) as cluster:
        resource, found = ask_for(cluster, job)
        now, name = cluster.now(), found["metadata"]["name"]
    kind, ref = resource.kind, named(resource, name)
    try:
        spec = loaded(found["spec"])
        if spec.trigger.schedule is None:
            raise CliError(
                f"{kind} {name} has no spec.trigger.schedule; wavegate trigger {ref} asks for a run"
            )
        coming = coming_ticks(spec.trigger, now, count)
    except (InvalidSpec, ValueError) as error:
        raise CliError(f"{kind} {name}: {error}") from error
    if output:
        zone = spec.trigger.time_zone
        items = [{**document_of(each), "timeZone": zone} for each in coming]
        print_document({"items": items}, output)
    else:
        head = (f"LOCAL ({spec.trigger.time_zone})", "UTC", "STARTS")
        rows = [
            (each.local, each.time, f"held until {each.opens_local}" if each.opens else "at once")
            for each in coming
        ]
        click.echo(table(head, rows, width()))
    if spec.suspend:
        say(f"{kind} {name} is suspended: there is no tick until wavegate enable {ref}")
