"""Waiting for the end of batches, and telling how far they have come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click

from wavegate.cli.batching import have_ended, is_good, outcome, progress
from wavegate.cli.cluster import Cluster, Follower, Selection
from wavegate.cli.errors import NO, TIMED_OUT, CliError
from wavegate.cli.output import say
from wavegate.cli.sight import Document
from wavegate.kube.resources import RUN_BATCHES


def wait_for_batches(cluster: Cluster, made: Sequence[Document], seconds: float) -> int:
    """Wait until all have ended, and say what became of them; the exit code.

    ``seconds`` 0: without a limit.
    """
    last, ended = _wait(cluster, made, seconds, say)
    if not ended:
        say(f"not ended after {seconds:g} s; they go on, and kubectl get rb says how far they are")
        return TIMED_OUT
    for each in last:
        for line in outcome(each):
            click.echo(line)
    return 0 if all(map(is_good, last)) else NO


def _wait(
    cluster: Cluster, made: Sequence[Document], seconds: float, tell: Callable[[str], None]
) -> tuple[Sequence[Document], bool]:
    """The batches once all have ended, or as they were when the time was over (then False)."""
    names = [each["metadata"]["name"] for each in made]
    last, said = made, ""

    async def until(follower: Follower) -> Sequence[Document]:
        nonlocal last, said
        async for (found,) in follower:
            there = {each["metadata"]["name"]: each for each in found}
            gone = [name for name in names if name not in there]
            if gone:
                raise CliError(f"RunBatch {gone[0]} was deleted meanwhile")
            last = [there[name] for name in names]
            if (words := progress(last)) != said:
                said = words
                tell(words)
            if have_ended(last):
                return last
        raise AssertionError("a follower never ends")

    async def at_most(follower: Follower) -> Sequence[Document]:
        return await asyncio.wait_for(until(follower), seconds or None)

    job = made[0]["spec"].get("jobName")
    fields = f"metadata.name={names[0]}" if len(names) == 1 else f"spec.jobName={job}"
    selection = Selection(RUN_BATCHES, cluster.namespace, fields=fields)
    try:
        return cluster.follow(at_most, selection), True
    except TimeoutError:
        return last, False
