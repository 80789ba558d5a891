"""``enable`` and ``disable``: spec.suspend of jobs that have runs, which may belong to Git."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.changing import change_options, for_git, fragment, tell_all
from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_asked_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options, selector_option
from wavegate.cli.output import say
from wavegate.cli.ownership import applied_by
from wavegate.cli.reading import ask_for, asked, named
from wavegate.cli.sight import Document, at
from wavegate.kube.resources import HTTP_JOBS, Resource


def _command(name: str, suspend: bool, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("jobs", nargs=-1, metavar="[JOB...]", shell_complete=complete_asked_jobs)
    @selector_option
    @change_options
    @connection_options
    def command(
        jobs: tuple[str, ...], labels: str, dry_run: bool, output: str, target: Target
    ) -> int:
        return _set(jobs, labels.strip(), suspend, dry_run, output, target)

    return command


_WHICH: Final = (
    "\n\nIt sets spec.suspend of the jobs that are named, or that have the labels; one of both is"
    " needed. JOB is an HTTPJob, or as fj/JOB a FleetJob that is executed when asked; labels are"
    " those of HTTPJobs. A job that is applied from Git (Argo CD, Flux, Helm) is not changed: the"
    " YAML that belongs there is printed, and the exit code is 1."
)
enable: Final = _command(
    "enable",
    False,
    "Let jobs tick and their runs start again, by their spec."
    f"{_WHICH}\n\nExample: wavegate enable bill",
)
disable: Final = _command(
    "disable",
    True,
    "Stop jobs: no tick, no run starts, until enabled.\n\nRuns that execute end as they do."
    f"{_WHICH}\n\nExample: wavegate disable -l team=billing",
)


def _set(
    names: tuple[str, ...], labels: str, suspend: bool, dry_run: bool, output: str, target: Target
) -> int:
    if bool(names) == bool(labels):
        raise CliError("give names of jobs, or with -l labels that are not empty")
    done = "disabled" if suspend else "enabled"
    changed: list[Document] = []
    from_git: list[tuple[Document, str]] = []
    with connect(target) as cluster:
        for resource, job in _jobs(cluster, names, labels):
            name = job["metadata"]["name"]
            document = fragment(resource, cluster.namespace, name, {"suspend": suspend})
            owner = applied_by(job)
            if bool(at(job, "spec", "suspend")) == suspend:
                say(f"{resource.kind} {name} is {done} already")
            elif owner and not dry_run:
                from_git.append((document, owner))
            else:
                if not dry_run:
                    cluster.patch(resource, job, {"spec": {"suspend": suspend}})
                changed.append(document)
    if changed:
        tell_all(changed, output, done, dry_run=dry_run)
    kinds = {each["kind"] for each in changed} or {HTTP_JOBS.kind}
    kind = kinds.pop() if len(kinds) == 1 else "job"
    jobs = f"1 {kind}" if len(changed) == 1 else f"{len(changed) or 'no'} {kind}s"
    say(f"{jobs} {done}{' (dry run)' if dry_run else ''}")
    return for_git(from_git, "spec", output) if from_git else 0


def _jobs(cluster: Cluster, names: tuple[str, ...], labels: str) -> list[tuple[Resource, Document]]:
    """The jobs that are meant; all are there before the first is changed."""
    if labels:
        (found,) = cluster.read(Selection(HTTP_JOBS, cluster.namespace, labels=labels))
        return [(HTTP_JOBS, each) for each in found]
    wanted = dict.fromkeys(named(*asked(each)) for each in names)
    return [ask_for(cluster, each) for each in wanted]
