"""``clone``: another HTTPJob like one."""

from __future__ import annotations

import click

from wavegate.cli.changing import change_options, fragment, tell
from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_http_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.reading import bare
from wavegate.kube.resources import HTTP_JOBS


@click.command()
@click.argument("job", shell_complete=complete_http_jobs)
@click.argument("new")
@change_options
@connection_options
def clone(job: str, new: str, dry_run: bool, output: str, target: Target) -> None:
    """Another HTTPJob with the same spec, suspended.

    Nothing ticks and no run starts until it is enabled. Labels and annotations are not taken over.

    Example: wavegate clone bill bill-test
    """
    with connect(target) as cluster:
        space, name = cluster.namespace, bare(new, HTTP_JOBS)
        found = cluster.get(HTTP_JOBS, space, bare(job, HTTP_JOBS))
        spec = {**found["spec"], "suspend": True}
        document = fragment(HTTP_JOBS, space, name, spec)
        if cluster.find(HTTP_JOBS, space, name) is not None:
            raise CliError(f"there is an HTTPJob {name} in namespace {space}: give another name")
        if not dry_run:
            cluster.create(HTTP_JOBS, document)
            for hint in (
                f"kubectl edit httpjob {name} -n {space} changes what is to differ",
                f"wavegate enable {name} -n {space} lets it begin",
            ):
                say(hint)
    tell(document, output, f"created, suspended, as {found['metadata']['name']}", dry_run=dry_run)
