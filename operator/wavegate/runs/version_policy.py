"""By which version a run executes that has waited while its job changed.

A run's own version is the one that was the newest when it was put on record. What a change was is
said by the version that it made: one that is gone says nothing, and counts as one that is not
compatible.

| its own | versions after it | Pin | Latest | Minor |
| --- | --- | --- | --- | --- |
| 1 | none | 1 | 1 | 1 |
| 1 | 2 | 1 | 2 | 1 |
| 1 | 2 compatible | 1 | 2 | 2 |
| 1 | 2 compatible, 3 compatible | 1 | 3 | 3 |
| 1 | 2 compatible, 3 | 1 | 3 | 2 |
| 1 | 2, 3 compatible | 1 | 3 | 1 |
| 1 | 2 removed, 3 compatible | 1 | 3 | 1 |
| 1 removed | 2 compatible | none | 2 | none |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from wavegate.api.httpjob import VersionPolicy
from wavegate.runs.observed import RunVersionView


def version_for(
    policy: VersionPolicy, pinned: int, versions: Sequence[RunVersionView]
) -> RunVersionView | None:
    """The version to execute; ``pinned``: the run's own, ``versions`` in rising order.

    None where the policy goes by the run's own version, and that is gone.
    """
    if policy == "Latest":
        return versions[-1] if versions else None
    known = {each.version: each for each in versions}
    found = known.get(pinned)
    if policy == "Minor":
        while found is not None and _is_compatible(after := known.get(found.version + 1)):
            found = after
    return found


def _is_compatible(version: RunVersionView | None) -> TypeGuard[RunVersionView]:
    spec = version.spec if version is not None else None
    return spec is not None and spec.runs.backwards_compatible
