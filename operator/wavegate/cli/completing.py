"""Names for the shell's completion, from the cluster; what cannot be read completes nothing."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target
from wavegate.kube.resources import FLEET_JOBS, HTTP_JOBS, JOB_RUNS, Resource


def complete_jobs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of FleetJobs in the namespace that the words before it name."""
    return _names(ctx, incomplete, FLEET_JOBS)


def complete_http_jobs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The same for HTTPJobs."""
    return _names(ctx, incomplete, HTTP_JOBS)


def complete_asked_jobs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of HTTPJobs, or behind ``fj/`` of FleetJobs."""
    if not incomplete.startswith("fj/"):
        return _names(ctx, incomplete, HTTP_JOBS)
    found = _names(ctx, incomplete.removeprefix("fj/"), FLEET_JOBS)
    return [CompletionItem(f"fj/{each.value}") for each in found]


def complete_any_jobs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The same for jobs of both kinds."""
    return _names(ctx, incomplete, FLEET_JOBS, HTTP_JOBS)


def complete_runs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The same for runs of HTTPJobs."""
    return _names(ctx, incomplete, JOB_RUNS)


def _names(ctx: click.Context, incomplete: str, *resources: Resource) -> list[CompletionItem]:
    above = ctx.parent
    given: dict[str, Any] = _set(ctx.params)
    while above is not None:
        given = {**_set(above.params), **given}
        above = above.parent
    target = Target(
        given.get("namespace"),
        given.get("context"),
        given.get("kubeconfig"),
        given.get("impersonated"),
    )
    try:
        with connect(target) as cluster:
            found = cluster.read(*(Selection(each, cluster.namespace) for each in resources))
    except CliError:
        return []
    names = {each["metadata"]["name"] for documents in found for each in documents}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _set(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value}
