"""Late starts: of a version that is refused nothing begins any more, if it is taken back by itself.

A rollout is refused when its failures end it: a canary's (see gate), or one too many (see budget).
A failure counts from the pass that reaches it, before its verdict is on record: until that is
written, or is found to be none, no node is taken. Nodes that were taken before and have no pod of
the version yet wait for the rollback, which claims them first: they have nothing stable to lose.
What runs on them still is not stopped meanwhile; what is found of them goes on record as ever.
Where no rollback follows, or it is paused or has to wait, or has not come by their deadline, they
get the version all the same, since nothing stays empty.

| the rollout of v2, with v1 stable | a node taken for v2, without a pod of it |
| --- | --- |
| goes on | gets it |
| a failure is reached that ends it | waits |
| the same, in a job without automatic rollback | gets it |
| the same, and it is paused | gets it |
| Failed | waits |
| Failed, the rollback to v1 is open | waits, and is claimed for v1 |
| Failed, the rollback to v1 is paused, or cannot judge | gets it |
| Failed, the rollback to v1 has ended | gets it, and falls back when it fails |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wavegate.domain.actions import SetStatus, Step
from wavegate.domain.claim import Chain
from wavegate.domain.finding import Finding
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView
from wavegate.domain.rollback import needs_rollback
from wavegate.domain.rollout import Outlook, fails, is_paused
from wavegate.domain.waves import Progress


def is_ending(run: Progress, failing: Iterable[ExecutionView]) -> bool:
    """Whether the failures on record, with those that this pass has reached, end the rollout."""
    return fails(replace(run, failed={**{each.node_key: each for each in failing}, **run.failed}))


def taken_back(fleet: Fleet, run: Progress | None, stands: Outlook | None, *, ending: bool) -> int:
    """The version of which nothing begins, since it is taken back by itself; 0: there is none.

    ``ending``: whether the open rollout is, see `is_ending`.
    """
    if run is None or stands is None:
        newest = fleet.accepted[-1] if fleet.accepted else None
        if newest is None or is_paused(fleet, newest):
            return 0
        return newest.to_version if needs_rollback(fleet, newest) else 0
    deployment = run.deployment
    if is_paused(fleet, deployment) or deployment.canceled:
        return 0
    if run.is_rollback:
        goes_on = deployment.started is None or stands.may_take
        own = not fleet.is_users(deployment)
        return deployment.from_version if own and goes_on else 0
    failed = replace(deployment, state="Failed", reason="")
    return run.version.version if ending and needs_rollback(fleet, failed) else 0


def record_of(found: Finding) -> Step | None:
    """What is done meanwhile on a node that `waits`: what is found goes on record, no more."""
    step = found.pressing or found.step
    if step is None or not all(isinstance(each, SetStatus) for each in step.actions):
        return None
    return step


def waits(chain: Chain, version: int, *, overdue: bool) -> bool:
    """Whether the node was taken for the version and has no pod of it, and its deadline to come.

    ``overdue``: whether that is over.
    """
    live = chain.live
    if live is None or live.version != version or live.stable_at:
        return False
    return chain.own_pod is None and not overdue
