"""``runs cancel`` and ``runs replay``: end runs, and ask again for those that have ended."""

from __future__ import annotations

import secrets

import click

from wavegate.api.jobrun import ENDED, UNENDED
from wavegate.cli.changing import change_options, fragment, tell_all
from wavegate.cli.cluster import Cluster, connect
from wavegate.cli.commands.runs_selecting import Chosen, by_batch, selecting_options
from wavegate.cli.completing import complete_runs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.reading import bare
from wavegate.cli.run_sight import job_kind
from wavegate.cli.sight import Document, at
from wavegate.kube.resources import BY_KIND, JOB_RUNS


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]", shell_complete=complete_runs)
@selecting_options(UNENDED)
@change_options
@connection_options
def cancel(
    runs: tuple[str, ...], chosen: Chosen, dry_run: bool, output: str, target: Target
) -> int:
    """End runs: those that wait at once, those that execute too.

    Of a run that executes the answer is no longer waited for; what its endpoint makes of the call
    is not known. It cannot be taken back. All runs that are named are looked at before the first
    is ended. With -l or --job a RunBatch ends all that match and were asked for before it.

    Example: wavegate runs cancel --job bill -l source=crm
    """
    from wavegate.cli.asking import has_ended  # noqa: PLC0415

    if chosen.asked_for(runs):
        return by_batch("cancel", chosen, output, target, dry_run=dry_run)
    with connect(target) as cluster:
        found = _found(cluster, runs)
        ended = [_with_phase(each) for each in found if has_ended(each)]
        if ended:
            raise CliError(f"a run that has ended cannot be canceled: {', '.join(ended)}")
        changed = []
        for each in found:
            name = each["metadata"]["name"]
            changed.append(fragment(JOB_RUNS, cluster.namespace, name, {"canceled": True}))
            if each["spec"].get("canceled"):
                say(f"JobRun {name} is canceled already")
            elif not dry_run and not _cancel(cluster, each):
                say(f"JobRun {name} has ended meanwhile")
                changed.pop()
    tell_all(changed, output, "canceled", dry_run=dry_run)
    return 0


def _cancel(cluster: Cluster, run: Document) -> bool:
    """False: it has ended since it was looked at."""
    from wavegate.cli.asking import has_ended  # noqa: PLC0415

    try:
        cluster.patch(JOB_RUNS, run, {"spec": {"canceled": True}})
    except CliError:
        if has_ended(cluster.get(JOB_RUNS, cluster.namespace, run["metadata"]["name"])):
            return False
        raise
    return True


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]", shell_complete=complete_runs)
@selecting_options(ENDED)
@change_options
@connection_options
def replay(
    runs: tuple[str, ...], chosen: Chosen, dry_run: bool, output: str, target: Target
) -> int:
    """Ask again for runs that have ended.

    Each is a new JobRun with replayOf, which has the payload of that run, its priority, metadata,
    concurrency key and overrides, and the newest version of the job; it has no key. One of a
    FleetJob is without replayOf, as there is no payload, and asks all nodes again. All runs that
    are named are looked at before the first is made. With -l or --job a RunBatch makes one for each
    that matches, at most 500, and without --phase for those that ended badly.

    Example: wavegate runs replay --job bill --phase DeadLetter
    """
    from wavegate.cli.asking import has_ended, run_document  # noqa: PLC0415
    from wavegate.runs.naming import drawn_name  # noqa: PLC0415
    from wavegate.runs.replaying import replay_spec  # noqa: PLC0415

    if chosen.asked_for(runs):
        return by_batch("replay", chosen, output, target, dry_run=dry_run)
    with connect(target) as cluster:
        found = _found(cluster, runs)
        going_on = [_with_phase(each) for each in found if not has_ended(each)]
        if going_on:
            raise CliError(
                f"only a run that has ended can be replayed: {', '.join(going_on)}; wavegate runs"
                " cancel ends one"
            )
        jobs = {
            job: cluster.get(BY_KIND[job[0]], cluster.namespace, job[1])
            for job in sorted({_job(each) for each in found})
        }
        made = []
        for each in found:
            job = jobs[_job(each)]
            name = drawn_name(job["metadata"]["name"], secrets.token_hex(16))
            document = run_document(job, name, replay_spec(each["metadata"]["name"], each["spec"]))
            made.append(document if dry_run else cluster.create(JOB_RUNS, document))
    tell_all(made, output, "created", dry_run=dry_run)
    return 0


def _found(cluster: Cluster, runs: tuple[str, ...]) -> list[Document]:
    names = dict.fromkeys(bare(each, JOB_RUNS) for each in runs)
    return [cluster.get(JOB_RUNS, cluster.namespace, name) for name in names]


def _job(run: Document) -> tuple[str, str]:
    """Kind and name of a run's job."""
    return job_kind(run), str(run["spec"]["jobName"])


def _with_phase(run: Document) -> str:
    return f"{run['metadata']['name']} is {at(run, 'status', 'phase') or 'Queued'}"
