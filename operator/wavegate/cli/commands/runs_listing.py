"""``runs list`` and ``runs dead-letters``: runs, one a line."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.completing import complete_asked_jobs
from wavegate.cli.options import (
    Target,
    all_namespaces_option,
    connection_options,
    output_option,
)
from wavegate.cli.output import print_document, say, table, width
from wavegate.cli.reading import asked
from wavegate.cli.run_sight import (
    DEAD_HEAD,
    RUN_HEAD,
    RUN_HEAD_WIDE,
    dead_row,
    job_kind,
    run_row,
    run_summary,
)
from wavegate.cli.sight import Document, at
from wavegate.kube.resources import HTTP_JOBS, JOB_RUNS

DEAD: Final = "DeadLetter"
_PHASES: Final = (
    *("Delayed", "Queued", "Waiting", "Executing", "Completed", "Failed", "TimedOut"),
    *("Crashed", "SystemFailed", "Canceled", "Expired", DEAD),
)


@click.command(name="list")
@click.argument("job", required=False, shell_complete=complete_asked_jobs)
@click.option("--phase", type=click.Choice(_PHASES), metavar="PHASE", help="Only in this phase.")
@output_option("wide", "json", "yaml", "name")
@all_namespaces_option
@connection_options
def list_(
    job: str | None, phase: str | None, output: str, everywhere: bool, target: Target
) -> None:
    """Runs with their phase, one a line.

    Of one job (fj/JOB is a FleetJob) or of all, the newest first. BY says who asked for it, TOOK
    how long its last attempt took. -o wide adds the message. -o json has a list of items.

    Example: wavegate runs list bill --phase Queued
    """
    found, where, now = _read(job, phase, everywhere, target)
    found.sort(key=lambda run: str(at(run, "metadata", "creationTimestamp")), reverse=True)
    if _is_printed(found, output):
        return
    if not found:
        say(f"no runs{f' in phase {phase}' if phase else ''}{where}")
        return
    wide = output == "wide"
    head = (*(("NAMESPACE",) if everywhere else ()), *(RUN_HEAD_WIDE if wide else RUN_HEAD))
    rows = [run_row(each, now, everywhere=everywhere, wide=wide) for each in found]
    click.echo(table(head, rows, width() if wide else None))


@click.command(name="dead-letters")
@click.argument("job", required=False, shell_complete=complete_asked_jobs)
@output_option("json", "yaml", "name")
@all_namespaces_option
@connection_options
def dead_letters(job: str | None, output: str, everywhere: bool, target: Target) -> None:
    """Runs that used up their attempts, with their last error.

    Those that ended last come first. -o json has a list of items, -o name what runs replay takes.

    Example: wavegate runs dead-letters bill -o name | xargs wavegate runs replay
    """
    found, where, now = _read(job, DEAD, everywhere, target)
    found.sort(key=_ended, reverse=True)
    if _is_printed(found, output):
        return
    if not found:
        say(f"no dead letters{where}")
        return
    head = (*(("NAMESPACE",) if everywhere else ()), *DEAD_HEAD)
    rows = [dead_row(each, now, everywhere=everywhere) for each in found]
    click.echo(table(head, rows, width()))
    say("once their cause is gone, wavegate runs replay NAME asks for one of them again")


def _ended(run: Document) -> tuple[str, str]:
    """To the second, and among those of one by when the last attempt began, which is finer."""
    return str(at(run, "status", "completionTime")), str(at(run, "status", "startTime"))


def _read(
    job: str | None, phase: str | None, everywhere: bool, target: Target
) -> tuple[list[Document], str, float]:
    """The runs, where they were looked for in words, and the server's time."""
    resource, name = asked(job) if job else (HTTP_JOBS, "")
    fields = [
        *([f"spec.jobName={name}"] if name else []),
        *([f"status.phase={phase}"] if phase else []),
    ]
    with connect(target) as cluster:
        namespace = None if everywhere else cluster.namespace
        (found,) = cluster.read(Selection(JOB_RUNS, namespace, fields=",".join(fields)))
        found = [each for each in found if not name or job_kind(each) == resource.kind]
        where = f" of {resource.kind} {name}" if name else ""
        where += "" if everywhere else f" in namespace {cluster.namespace}"
        return found, where, cluster.now()


def _is_printed(found: list[Document], output: str) -> bool:
    """Whether it was for programs."""
    if output in ("json", "yaml"):
        print_document({"items": [run_summary(each) for each in found]}, output)
    elif output == "name":
        for each in found:
            click.echo(f"jobrun.wavegate.dev/{each['metadata']['name']}")
    return output in ("json", "yaml", "name")
