"""Catch-up: after a rollout that completed, targets that are not up to date are brought to it.

As wave 0 and by places. These were away, were not targets then, or came since. What runs nowhere
is not caught up but put back (see fallback), but for a job that runs to completion (see one_shot).

| claims of the node, oldest first; v2's rollout completed | brought to v2 |
| --- | --- |
| none | no: it gets the stable version anyway |
| v1, ended | no: the same |
| v1, live | yes |
| v1 failed, v1 live | yes |
| v2, live | no |
| v2 failed, v1 live (the fallback) | no: the next version or a Restart tries it again |
| v2 stable, then failed, v1 live | yes |
| v2, live, made before a Restart of v2 that completed | yes |
"""

from __future__ import annotations

from collections.abc import Callable

from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView, VersionView
from wavegate.domain.one_shot import is_behind
from wavegate.domain.stance import is_up_to_date


def lags(
    fleet: Fleet, stable: VersionView, newest: DeploymentView, name: str, chain: Chain | None
) -> bool:
    """Whether a node is a target that is to be brought to the stable version.

    ``newest``: the rollout that has completed; ``chain``: the node's claims, if there are any.
    """
    if not fleet.is_target(stable, name):
        return False

    def is_wanted(execution: ExecutionView) -> bool:
        return is_up_to_date(execution, stable, newest, fleet.now)

    if fleet.one_shot:
        return is_behind(chain, fleet.nodes[name], is_wanted)
    return _runs_another(chain, stable, is_wanted)


def _runs_another(
    chain: Chain | None, version: VersionView, is_wanted: Callable[[ExecutionView], bool]
) -> bool:
    """Whether the node runs something else, and has not failed the version."""
    live = chain.live if chain is not None else None
    if chain is None or live is None or is_wanted(live):
        return False
    return not any(
        each.observed == "Failed"
        and not each.stable_at
        and each.workload_hash == version.workload_hash
        for each in chain.executions
    )
