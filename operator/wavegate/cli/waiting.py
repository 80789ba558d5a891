"""Waiting for the end of a rollout, as kstatus has it.

| the job | stands |
| --- | --- |
| its spec was not seen yet, Ready is not True and Stalled neither | OPEN |
| Ready is True | WELL |
| Stalled is True | BADLY |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from wavegate.cli.cluster import Cluster, Follower
from wavegate.cli.errors import CliError
from wavegate.cli.reading import selections, sight_of
from wavegate.cli.sight import Sight


class Standing(Enum):
    OPEN = "its rollout has not ended"
    WELL = "runs what its spec says"
    BADLY = "does not run what its spec says, and nothing goes on by itself"


def standing(sight: Sight) -> Standing:
    """Where a job stands; a spec that the operator has not seen yet is open."""
    if not sight.is_seen:
        return Standing.OPEN
    if sight.condition("Stalled").get("status") == "True":
        return Standing.BADLY
    return Standing.WELL if sight.condition("Ready").get("status") == "True" else Standing.OPEN


def wait_until_ended(
    cluster: Cluster, sight: Sight, seconds: float, tell: Callable[[Sight], None]
) -> tuple[Sight, bool]:
    """The job once it is no longer open, or as it was when the time was over (then False).

    ``seconds`` 0: without a limit. ``tell`` hears of each change of state or message.
    """
    last, said = sight, ""

    async def until(follower: Follower) -> Sight:
        nonlocal last, said
        async for lists in follower:
            seen = sight_of(lists)
            if seen is None:
                raise CliError(f"FleetJob {sight.name} was deleted meanwhile")
            last = seen
            if standing(seen) is not Standing.OPEN:
                return seen
            if seen.message and (words := f"{seen.state}: {seen.message}") != said:
                said = words
                tell(seen)
        raise AssertionError("a follower never ends")

    async def at_most(follower: Follower) -> Sight:
        return await asyncio.wait_for(until(follower), seconds or None)

    try:
        return cluster.follow(at_most, *selections(cluster.namespace, sight.name)), True
    except TimeoutError:
        return last, False
