"""Lineage: how deep a run lies beneath the runs that have asked for one another.

A run names the one in whose work it was asked for (parentRun) and the one that it goes on with
(continuationOf), and lies one deeper than the deeper of the two. So an endpoint that asks for a run
each time it is called comes to an end, after `MAX_DEPTH` of them.

| the run names | its depth | a run |
| --- | --- | --- |
| none | none | starts |
| one that names none | 1 | starts |
| one of depth 1, and one of depth 4 | 5 | starts |
| one of depth 9 | 10 | starts |
| one of depth 10 | above 10 | is refused |
| one that is gone | 1 | starts |
| itself, by way of others | above 10 | is refused |
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from wavegate.api.jobrun import MAX_LINEAGE

if TYPE_CHECKING:
    from wavegate.runs.observed import RunView

MAX_DEPTH: Final = MAX_LINEAGE

TOO_DEEP: Final = (
    f"it would be the {MAX_DEPTH + 1}th of runs that have asked for one another (spec.parentRun,"
    f" spec.continuationOf); at most {MAX_DEPTH} may"
)


def depth(named: Collection[str], find: Callable[[str], RunView | None]) -> int:
    """The depth of a run that names these, 0 where it names none; at most ``MAX_DEPTH + 1``.

    ``find``: the run of a name, None where it is gone. What is on record of one counts.
    """
    deepest = steps = 0
    left = set(named)
    while left and steps <= MAX_DEPTH:
        steps += 1
        found = [run for run in map(find, left) if run is not None]
        deepest = max([steps, deepest, *(steps + run.lineage_depth for run in found)])
        left = {name for run in found if not run.lineage_depth for name in run.asked_by}
    return min(deepest, MAX_DEPTH + 1)
