"""Names for the shell's completion, from the cluster; what cannot be read completes nothing."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from wavegate.cli.cluster import Selection, connect
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target
from wavegate.kube.resources import FLEET_JOBS


def complete_jobs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of jobs in the namespace that the words before it name."""

    given: dict[str, Any] = {**(ctx.parent.params if ctx.parent else {}), **_set(ctx.params)}
    target = Target(
        given.get("namespace"),
        given.get("context"),
        given.get("kubeconfig"),
        given.get("impersonated"),
    )
    try:
        with connect(target) as cluster:
            (jobs,) = cluster.read(Selection(FLEET_JOBS, cluster.namespace))
    except CliError:
        return []
    names = [each["metadata"]["name"] for each in jobs]
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _set(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value}
