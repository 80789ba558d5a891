"""``suspend`` and ``unsuspend``: spec.suspend of the job, which may belong to Git."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.changing import change_options, for_git, fragment, tell
from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.ownership import applied_by
from wavegate.cli.reading import bare
from wavegate.kube.resources import FLEET_JOBS


def _command(name: str, wanted: bool, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("job", shell_complete=complete_jobs)
    @change_options
    @connection_options
    def command(job: str, dry_run: bool, output: str, target: Target) -> int:
        return _set(bare(job), wanted, dry_run, output, target)

    return command


_GIT: Final = (
    "\n\nWhere the job is applied from Git (Argo CD, Flux, Helm), nothing is changed: it prints"
    " the YAML that belongs there, and ends with exit code 1."
)
suspend: Final = _command(
    "suspend",
    True,
    "Stop a job until it is unsuspended, by its spec.\n\nIt sets spec.suspend." + _GIT,
)
unsuspend: Final = _command(
    "unsuspend",
    False,
    "Start a suspended job again, by its spec.\n\nEvery node starts at once, on the version that"
    " it was last stable on." + _GIT,
)


def _set(name: str, wanted: bool, dry_run: bool, output: str, target: Target) -> int:
    done = "suspended" if wanted else "unsuspended"
    with connect(target) as cluster:
        found = cluster.get(FLEET_JOBS, cluster.namespace, name)
        document = fragment(FLEET_JOBS, cluster.namespace, name, {"suspend": wanted})
        if bool(found["spec"].get("suspend")) == wanted:
            say(f"FleetJob {name} is {done} already")
        elif not dry_run:
            if owner := applied_by(found):
                return for_git([(document, owner)], "spec", output)
            cluster.patch(FLEET_JOBS, found, {"spec": {"suspend": wanted}})
    tell(document, output, done, dry_run=dry_run)
    return 0
