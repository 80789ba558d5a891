"""One-shot types: jobs that run to completion, once for each node and workload.

Up to date is completed. There is no fallback and no rollback: what has run has run. A joiner gets
the wanted version itself: in an open rollout in its turn, afterwards by catch-up. A pod that ended
in failure is a failed node, once: restartPolicy OnFailure is the kubelet's, inside the pod, and
another execution is made by a new version or a Restart only. A rollout is Completed once all have
ended and the failures are within its budget (reason CompletedWithFailures where there are any),
else Failed, and the job with it: its work did fail.

After a rollout of v2 completed, a target is brought to it where the last claim on the node is

| last claim of the node | brought to v2 |
| --- | --- |
| none (it joined, or was NotReady since before the start) | yes |
| v1, Completed or Failed | yes |
| v1, running | no: it ends first |
| v2, Completed | no |
| v2, Failed | no |
| v2, Stopped (suspended, or its node could not be used) | yes |
| v2, of an earlier node of that name | yes |

The result is the exit code of the container main and the first 1 KiB of its termination message,
in UTF-8. Line ends and tabs stay, because a result is often a table; other control characters go.

>>> result(Exit("main", "Completed", 0, "ok\\x07", 0.0))
{'exitCode': 0, 'message': 'ok'}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from wavegate.api.defaults import effective_rollout
from wavegate.api.execution import MAX_RESULT
from wavegate.api.fleetjob import ONE_SHOT_TYPES
from wavegate.api.fleetjob_status import MAX_NODE_FAILURES
from wavegate.domain.claim import Chain
from wavegate.domain.observed import ExecutionView, Exit, NodeView, VersionView

_ENDED: Final = ("Completed", "Failed")
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")


def is_one_shot(job_type: str) -> bool:
    """Whether jobs of the type run to completion: they are never rolled back."""
    return job_type in ONE_SHOT_TYPES


def time_to_end(version: VersionView) -> float | None:
    """Seconds within which an execution has to end; None where the rollout sets no deadline."""
    if version.spec is None or not is_one_shot(version.spec.type):
        return None
    rollout = effective_rollout(version.spec)
    if rollout.strategy == "Immediate" or rollout.health_check is None:
        return None
    return rollout.health_check.deadline


def is_behind(
    chain: Chain | None, node: NodeView, is_wanted: Callable[[ExecutionView], bool]
) -> bool:
    """Whether the node is brought to what the rollout that has completed wanted.

    ``is_wanted``: whether an execution is that, ended or not.
    """
    last = chain.current if chain is not None else None
    if last is None or last.node_uid != node.uid:
        return True
    if not last.terminal:
        return False
    return not is_wanted(last) or last.observed not in _ENDED


def result(ended: Exit | None) -> dict[str, Any] | None:
    """status.result of an execution whose container main ended so; None where it is not known."""
    if ended is None:
        return None
    said = _CONTROL.sub("", _ANSI.sub("", ended.message.replace("\r\n", "\n"))).strip()
    message = said.encode(errors="replace")[:MAX_RESULT].decode(errors="ignore")
    return {"exitCode": ended.exit_code, **({"message": message} if message else {})}


def results(chains: Iterable[Chain], version: VersionView) -> dict[str, Any]:
    """status.results of the job: how the version's workload ended, node by node."""
    workload = version.workload_hash
    last = [chain.current for chain in chains if chain.current is not None]
    ended = [each for each in last if each.workload_hash == workload]
    summary: dict[str, Any] = {
        "succeeded": sum(each.observed == "Completed" for each in ended),
        "failed": sum(each.observed == "Failed" for each in ended),
    }
    if failures := failures_of(ended):
        summary["failures"] = failures
    return summary


def failures_of(executions: Iterable[ExecutionView]) -> list[dict[str, Any]]:
    """The first 20 that failed, with why."""
    failed = [each for each in executions if each.observed == "Failed"]
    failed.sort(key=lambda each: (each.updated, each.node))
    return [_failure(each) for each in failed[:MAX_NODE_FAILURES]]


def _failure(execution: ExecutionView) -> dict[str, Any]:
    code = (execution.status.get("result") or {}).get("exitCode")
    facts = {
        "node": execution.node,
        "execution": execution.name,
        "reason": execution.details.get("reason"),
        "message": (execution.status.get("observedState") or {}).get("message"),
        "exitCode": code if code is not None else execution.details.get("exitCode"),
    }
    if isinstance(facts["exitCode"], str):
        facts["exitCode"] = int(facts["exitCode"])
    return {key: value for key, value in facts.items() if value not in (None, "")}
