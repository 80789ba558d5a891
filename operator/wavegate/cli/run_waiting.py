"""Waiting for the end of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wavegate.cli.asking import has_ended
from wavegate.cli.cluster import Cluster, Follower, Selection
from wavegate.cli.errors import CliError
from wavegate.cli.run_sight import standing
from wavegate.cli.sight import Document
from wavegate.kube.resources import JOB_RUNS


def wait_until_run_ended(
    cluster: Cluster, run: Document, seconds: float, tell: Callable[[str], None]
) -> tuple[Document, bool]:
    """The run once it has ended, or as it was when the time was over (then False).

    ``seconds`` 0: without a limit. ``tell`` hears of each phase and reason until then.
    """
    name, last, said = run["metadata"]["name"], run, ""

    async def until(follower: Follower) -> Document:
        nonlocal last, said
        async for (runs,) in follower:
            if not runs:
                raise CliError(
                    f"JobRun {name} was deleted meanwhile: by somebody, or by the history limits"
                    " of its job"
                )
            last = runs[0]
            if has_ended(last):
                return last
            if (words := standing(last)) != said:
                said = words
                tell(words)
        raise AssertionError("a follower never ends")

    async def at_most(follower: Follower) -> Document:
        return await asyncio.wait_for(until(follower), seconds or None)

    selection = Selection(JOB_RUNS, cluster.namespace, fields=f"metadata.name={name}")
    try:
        return cluster.follow(at_most, selection), True
    except TimeoutError:
        return last, False
