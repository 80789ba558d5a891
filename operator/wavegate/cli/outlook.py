"""What runs now, and what happens if that for which a rollout waits does not come.

The first is what somebody who is woken asks first; the second is what they go back to bed on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from wavegate.cli.sight import ENDED, Document, Sight, at, execution_state

_JUDGES: Final = ("Progressing", "Deploying", "CatchingUp", "Paused")
"""Reasons by which nodes that were taken are judged; a pause only takes no further one."""
_HAVE_A_WAY_BACK: Final = ("Create", "Update", "Restart")


def runs_now(sight: Sight) -> str:
    """The newest execution of each node, counted: ``v2 on 1 node (Validating), v1 on 3 (Running)``.

    ``nothing`` where there is none.
    """
    claims = sight.claims().values()
    found = Counter((int(each["spec"]["jobVersion"]), execution_state(each)) for each in claims)
    told: list[str] = []
    for (version, state), number in sorted(found.items(), key=lambda each: (-each[0][0], each[0])):
        nodes = "" if told else " node" if number == 1 else " nodes"
        told.append(f"v{version} on {number}{nodes} ({state})")
    return ", ".join(told) or "nothing"


def if_not(sight: Sight, deployment: Document | None, reason: str) -> str:
    """What becomes of an open rollout at its deadlines; empty where nothing happens by itself."""
    if reason == "Queued":
        return "it is given up: the rollout fails, and no node is touched"
    status = at(deployment, "status") or {}
    if deployment is None or status.get("state") in ENDED:
        return ""
    if reason == "MetricsUnreadable":
        return "the rollout fails, and no Ready node is taken back"
    if reason not in _JUDGES or deployment["spec"]["type"] not in _HAVE_A_WAY_BACK:
        return ""
    rollout: Mapping[str, Any] = at(status, "resolved", "rollout") or {}
    back = _way_back(sight, rollout)
    if rollout.get("strategy") == "Canary" and int(status.get("currentWave") or 1) == 1:
        return f"a canary that fails ends the rollout: {back}"
    most = most_failed(status)
    if most is None:
        return ""
    ends = f"more than {most} of them end" if most else "one of them ends"
    return (
        f"a node that fails, or does not come back in time, is counted; {ends} the rollout: {back}"
    )


def most_failed(status: Mapping[str, Any]) -> int | None:
    """How many nodes may fail in a rollout of that status; None where it does not say."""
    rollout: Mapping[str, Any] = at(status, "resolved", "rollout") or {}
    most, share = rollout.get("maxFailedNodes"), rollout.get("maxFailedNodesPercent")
    total = int(status.get("totalNodes") or 0)
    if most is None or share is None or not total:
        return None
    return min(int(most), int(share) * total // 100)


def _way_back(sight: Sight, rollout: Mapping[str, Any]) -> str:
    version = at(sight.job, "status", "rollout", "rollbackToVersion") or 0
    if not version:
        return "there is no version before it to go back to"
    if rollout.get("noAutoRollback"):
        return "nodes keep what they run (noAutoRollback)"
    return f"every node that it touched goes back to v{version}"
