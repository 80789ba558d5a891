"""``status``: where a job is, and waiting until its rollout has ended."""

from __future__ import annotations

import click

from wavegate.api.durations import parse_duration
from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import NO, TIMED_OUT
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import print_document, say, width, wrapped
from wavegate.cli.reading import bare, read_sight
from wavegate.cli.sight import summary
from wavegate.cli.waiting import Standing, standing, wait_until_ended


class Seconds(click.ParamType[float]):
    """A duration as kubectl takes it: ``90s``, ``5m``; ``0s`` is without a limit."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:

        try:
            return value if isinstance(value, float) else parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("job", shell_complete=complete_jobs)
@output_option("json", "yaml")
@click.option("--wait", is_flag=True, help="Wait until the rollout has ended.")
@click.option("--timeout", type=Seconds(), default="0s", help="With --wait: at most so long.")
@connection_options
def status(job: str, output: str, wait: bool, timeout: float, target: Target) -> int:
    """Where a job is; with --wait, until its rollout has ended.

    With --wait the exit code is 0 once the job runs what its spec says, 1 where its rollout has
    failed, was canceled or taken back, 3 where the time is over. A change that was applied just
    before is waited for. -o json is one item of list.
    """

    with connect(target) as cluster:
        sight = read_sight(cluster, cluster.namespace, bare(job))
        ended = True
        if wait:
            sight, ended = wait_until_ended(
                cluster, sight, timeout, lambda seen: say(f"{seen.state}: {seen.message}")
            )
    if output:
        print_document(summary(sight.job), output)
    else:
        state, reason = sight.state or "NotSeen", sight.reason
        head = state if reason in ("", state) else f"{state} ({reason})"
        told = sight.message or "the operator has not seen it yet"
        click.echo(wrapped(f"{sight.name}: {head}: {told}", width(), 2))
    if not wait:
        return 0
    if not ended:
        say(f"not ended after {timeout:g} s; wavegate why {sight.name} says what it waits for")
        return TIMED_OUT
    return 0 if standing(sight) is Standing.WELL else NO
