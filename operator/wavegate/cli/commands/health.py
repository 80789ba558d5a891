"""``health``: how the runs of HTTPJobs have ended, as a score."""

from __future__ import annotations

import click

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.completing import complete_http_jobs
from wavegate.cli.options import Target, all_namespaces_option, connection_options, output_option
from wavegate.cli.output import print_document, say, table
from wavegate.cli.reading import bare
from wavegate.kube.resources import HTTP_JOBS

_WINDOWS = ("1h", "1d", "7d", "30d")


@click.command()
@click.argument("job", required=False, shell_complete=complete_http_jobs)
@click.option(
    "-w",
    "--window",
    type=click.Choice(_WINDOWS),
    metavar="|".join(_WINDOWS),
    default="7d",
    help="Over how long, until now; default 7d.",
)
@output_option("wide", "json", "yaml")
@all_namespaces_option
@connection_options
def health(job: str | None, window: str, output: str, everywhere: bool, target: Target) -> None:
    """How the runs of HTTPJobs have ended, as a score.

    Of one job or of all in the namespace. SCORE is 0.7 times the success rate in percent, and up to
    30 for durations that are even: all of it where P95 is at most twice the AVERAGE, none at four
    times. A window begins with an hour, from 7d on with a UTC day: SINCE says when, or since when
    runs have been counted. COUNTED is when one was last. -o wide adds how many ended how. -o json
    has a list of items.

    A FleetJob's rollout has health checks instead: wavegate why says what they have found.

    Example: wavegate health bill --window 1d
    """
    # Windows, which --help should not take the time to load.
    from wavegate.cli.run_health import (  # noqa: PLC0415
        HEALTH_HEAD,
        HEALTH_HEAD_WIDE,
        health_document,
        health_row,
    )

    with connect(target) as cluster:
        if job:
            jobs = [cluster.get(HTTP_JOBS, cluster.namespace, bare(job, HTTP_JOBS))]
        else:
            (jobs,) = cluster.read(Selection(HTTP_JOBS, None if everywhere else cluster.namespace))
        now, where = cluster.now(), cluster.namespace
    items = [health_document(each, window, now) for each in jobs]  # type: ignore[arg-type]
    if output in ("json", "yaml"):
        print_document({"items": items}, output)
        return
    if not items:
        say("no HTTPJobs" if everywhere else f"no HTTPJobs in namespace {where}")
        return
    wide = output == "wide"
    columns = HEALTH_HEAD_WIDE if wide else HEALTH_HEAD
    head = (*(("NAMESPACE",) if everywhere else ()), *columns)
    rows = [health_row(each, now, everywhere=everywhere, wide=wide) for each in items]
    click.echo(table(head, rows, None))
