"""A run over nodes: the FleetJob that it makes, and what that makes of the run.

As a CronJob makes Jobs, a run of a FleetJob makes a FleetJob of its own name, with the spec of the
version by which it executes. Waves, budgets and timeouts are that one's. The run has ended once the
rollout has, and nothing is at work any more on the nodes that are there:

| rollout of the run's FleetJob | outcome | tried again |
| --- | --- | --- |
| Completed, also with failures within its budget | Completed | no |
| Failed by ``timeouts.total`` or ``queue`` | TimedOut | yes |
| Failed otherwise | NodesFailed | yes |
| Canceled, or superseded by a Stop | RolloutCanceled | no |

Where a user has stopped its FleetJob before the rollout of an attempt was made, none is made, and
it ends likewise. Where a FleetJob or a FleetDeployment of its name is another's, the run is
SystemFailed, NameTaken; likewise, as VersionMissing, where what it was to make it of is gone before
it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wavegate.domain.observed import DeploymentView, ExecutionView
from wavegate.domain.one_shot import failures_of
from wavegate.domain.timeouts import QUEUE_TIMEOUT, TOTAL_TIMEOUT
from wavegate.runs.answers import AttemptOutcome

MAX_RESULT: Final = 8 * 1024
"""Bytes of the results of all nodes that are kept."""

_NOT_OF_A_PASS: Final = ("trigger", "runs", "suspend")


@dataclass(frozen=True, slots=True)
class Pass:
    """The FleetJob of a run's name. ``attempt``: for which it was made; ``rollout``: that of the
    attempt in which the run is; ``executions``: of that rollout, the last one of each node;
    ``working``: nodes that are there on which something is at work; ``taken``: the rollout's name,
    where it is another's; ``is_stopped``: whether a user's Stop holds for it; ``stuck``: reason and
    words of what it waits for, where somebody has to help."""

    uid: str
    attempt: int = 1
    is_own: bool = True
    is_going: bool = False
    """Of a former run of the name, or being deleted, or gone while something is at work."""
    rollout: DeploymentView | None = None
    executions: Sequence[ExecutionView] = ()
    working: int = 0
    taken: str = ""
    is_stopped: bool = False
    stuck: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a pass ended."""

    outcome: AttemptOutcome
    message: str
    retryable: bool


def spec_of_pass(raw_spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a run's FleetJob, from that of a version."""
    return {name: value for name, value in raw_spec.items() if name not in _NOT_OF_A_PASS}


def end_of(found: Pass) -> End | None:
    """How the pass ended; None while it goes on."""
    rollout = found.rollout
    if rollout is None and found.is_stopped and not found.working:
        return End("RolloutCanceled", "its FleetJob was stopped", retryable=False)
    if rollout is None or not rollout.terminal or found.working:
        return None
    words = told(found)
    why = str(rollout.status.get("message") or rollout.reason)
    match rollout.state:
        case "Completed":
            return End("Completed", words, retryable=False)
        case "Canceled":
            return End("RolloutCanceled", f"{why}; {words}", retryable=False)
    timed_out = rollout.reason in (QUEUE_TIMEOUT, TOTAL_TIMEOUT)
    return End("TimedOut" if timed_out else "NodesFailed", f"{why}; {words}", retryable=True)


def facts_of(found: Pass) -> dict[str, Any]:
    """What a run's status says of its nodes: ``nodes``, ``failures`` and ``result``."""
    return {
        "nodes": counts(found),
        "failures": failures_of(found.executions) or None,
        "result": result_of(found.executions) or None,
    }


def counts(found: Pass) -> dict[str, int]:
    """status.nodes of the run."""
    asked = len(found.executions)
    total = found.rollout.total if found.rollout is not None else 0
    ends = [each.observed for each in found.executions]
    return {
        "total": max(total, asked),
        "asked": asked,
        "succeeded": ends.count("Completed"),
        "failed": ends.count("Failed"),
    }


def told(found: Pass) -> str:
    """``ended well on 4 of 5 nodes, 1 failed``."""
    nodes = counts(found)
    words = f"ended well on {nodes['succeeded']} of {nodes['total']} nodes"
    words += f", {nodes['failed']} failed" if nodes["failed"] else ""
    left = nodes["total"] - nodes["asked"]
    return f"{words}, {left} not asked" if left else words


def result_of(executions: Iterable[ExecutionView]) -> str:
    """A line ``NODE: RESULT`` for each node on which it ended well, by name, as far as they fit.

    Blanks and line ends of a result are one blank each; the last line says how many are left out.
    """
    good = sorted((each for each in executions if each.observed == "Completed"), key=_node)
    lines = [f"{each.node}: {_said(each)}" for each in good]
    room, kept = MAX_RESULT - len(_more(len(lines)).encode()), 0
    sizes = [len(line.encode()) + 1 for line in lines]
    if sum(sizes) <= MAX_RESULT:
        return "\n".join(lines)
    while sizes[kept] <= room:
        room -= sizes[kept]
        kept += 1
    return "\n".join([*lines[:kept], _more(len(lines) - kept)])


def _more(number: int) -> str:
    return f"and {number} more; each Execution has its node's result"


def _said(execution: ExecutionView) -> str:
    message = (execution.status.get("result") or {}).get("message") or ""
    return " ".join(str(message).split()) or "ended well"


def _node(execution: ExecutionView) -> str:
    return execution.node
