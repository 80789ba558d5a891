"""Many runs at once, by labels, job or phase: what ``runs cancel`` and ``runs replay`` share."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from wavegate.cli.changing import tell
from wavegate.cli.cluster import connect
from wavegate.cli.commands.status import Seconds
from wavegate.cli.completing import complete_http_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target
from wavegate.cli.output import say
from wavegate.cli.reading import bare
from wavegate.kube.resources import HTTP_JOBS, RUN_BATCHES

Command = TypeVar("Command", bound=Callable[..., Any])

_KEPT = "24h"
"""How long such a batch is kept."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs; empty: by none of this."""

    labels: str
    job: str | None
    phases: Sequence[str]
    wait: bool
    timeout: float

    def asked_for(self, runs: Sequence[str]) -> bool:
        """Whether runs are chosen so and not by their names. Raises CliError where by neither."""
        if runs and (self.labels or self.job or self.phases or self.wait):
            raise CliError("name runs, or choose them by -l, --job and --phase; not both")
        if not runs and not self.labels.strip() and not self.job:
            raise CliError("name the runs, or choose them by -l or --job")
        return not runs


def selecting_options(phases: Sequence[str]) -> Callable[[Command], Command]:
    """``-l``, ``--job``, ``--phase``, ``--wait`` and ``--timeout``, passed on as ``chosen``."""

    def decorated(function: Command) -> Command:
        @click.option(
            "-l", "--selector", "labels", default="", metavar="LABELS", help="With these labels."
        )
        @click.option("--job", shell_complete=complete_http_jobs, help="Of this HTTPJob.")
        @click.option(
            "--phase",
            "phases",
            type=click.Choice(list(phases)),
            multiple=True,
            metavar="PHASE",
            help="In this phase; may be given several times.",
        )
        @click.option("--wait", is_flag=True, help="With -l or --job: wait until it is done.")
        @click.option("--timeout", type=Seconds(), default="0s", help="At most so long.")
        @functools.wraps(function)
        def wrapped(
            *,
            labels: str,
            job: str | None,
            phases: tuple[str, ...],
            wait: bool,
            timeout: float,
            **others: Any,
        ) -> Any:
            return function(chosen=Chosen(labels, job, phases, wait, timeout), **others)

        return wrapped  # type: ignore[return-value]

    return decorated


def by_batch(way: str, chosen: Chosen, output: str, target: Target, *, dry_run: bool) -> int:
    """Make the RunBatch that cancels or replays them; the exit code."""
    # Half a second, which --help should not take.
    from wavegate.cli.batch_waiting import wait_for_batches  # noqa: PLC0415
    from wavegate.cli.batching import batch_document, expressions_of  # noqa: PLC0415

    if chosen.wait and dry_run:
        raise CliError("--wait: a dry run makes nothing that could be waited for")
    selection = {
        "matchExpressions": expressions_of(chosen.labels),
        "phases": list(chosen.phases),
    }
    given = {name: value for name, value in selection.items() if value}
    with connect(target) as cluster:
        job = None
        if chosen.job is not None:
            found = cluster.get(HTTP_JOBS, cluster.namespace, bare(chosen.job, HTTP_JOBS))
            job = found["metadata"]["name"]
        name = f"{way}-{secrets.token_hex(5)}"
        spec = {"jobName": job, "finishedTTL": _KEPT}
        document = batch_document(cluster.namespace, name, spec)
        document["spec"][way] = given
        made = document if dry_run else cluster.create(RUN_BATCHES, document)
        tell(made, output, "created", dry_run=dry_run)
        if dry_run:
            return 0
        if chosen.wait:
            return wait_for_batches(cluster, [made], chosen.timeout)
        say(f"kubectl get rb {name} -n {cluster.namespace} says how far it has come")
        return 0
