"""By which version a run executes that has waited while its job changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from wavegate.api.httpjob import VersionPolicy
from wavegate.runs.observed import RunVersionView


def version_for(
    policy: VersionPolicy, pinned: int, versions: Sequence[RunVersionView]
) -> RunVersionView | None:
    """The version to execute; ``pinned``: the run's own, ``versions`` in rising order.

    Pin: its own. Latest: the newest. Minor: the newest up to which each change after its own was
    backwards compatible. None where its own is gone, which is all that Pin and Minor can go by.
    """
    if policy == "Latest":
        return versions[-1] if versions else None
    own = next((each for each in versions if each.version == pinned), None)
    if own is None or policy == "Pin":
        return own
    later = [each for each in versions if each.version > pinned]
    compatible = list(takewhile(_is_compatible, later))
    return compatible[-1] if compatible else own


def _is_compatible(version: RunVersionView) -> bool:
    return version.spec is not None and version.spec.runs.backwards_compatible
