"""The tree of a job: its rollout, the waves, their nodes. Also what ``make demo`` draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.text import Text
from rich.tree import Tree

from wavegate.cli.sight import (
    OUTSIDE,
    Document,
    Sight,
    at,
    execution_message,
    execution_state,
)

STYLES: Final = {
    "Running": "green",
    "Completed": "green",
    "Failed": "red",
    "Lost": "red",
    "Degraded": "yellow",
    "Validating": "cyan",
    "Starting": "cyan",
    "Stopped": "dim",
}

MOST_NODES: Final = 12
"""Nodes that a branch names unless all are asked for; those that are not well come first."""

_WELL: Final = ("Running", "Completed")


def tree(sight: Sight, title: str = "", *, whole: bool = False) -> Tree:
    """The whole picture; ``title`` stands above it, ``whole`` names every node."""
    said = f"FleetJob {sight.name}: {sight.state or 'not seen yet'}"
    job = Tree(Text(f"{said}  {sight.message}".rstrip(), overflow="fold"))
    root = job
    if title:
        root = Tree(Text(title, style="bold"))
        root.children.append(job)
    newest = sight.newest
    if newest is not None:
        job.add(Text(rollout_line(newest)))
    for wave, claims in sight.waves().items():
        _add(job, _wave_name(wave, newest), claims, whole)
    for version, claims in sight.before().items():
        _add(job, f"v{version}, not by this rollout", claims, whole)
    return root


def rollout_line(deployment: Document) -> str:
    """``app-v2 (Update): InProgress, wave 2 of 4, 3 of 10 nodes updated``."""
    status = deployment.get("status") or {}
    state, reason = status.get("state") or "not accepted yet", status.get("reason") or ""
    words = [state if reason in ("", state, "Progressing") else f"{state} {reason}"]
    if status.get("totalWaves") and state in ("InProgress", "Paused"):
        words.append(f"wave {status.get('currentWave', 1)} of {status['totalWaves']}")
    if status.get("totalNodes"):
        updated, failed = status.get("updatedNodes", 0), status.get("failedNodes", 0)
        words.append(f"{updated} of {status['totalNodes']} nodes updated")
        if failed:
            words.append(f"{failed} failed")
    return f"{deployment['metadata']['name']} ({deployment['spec']['type']}): {', '.join(words)}"


def node_line(execution: Document, *, whole: bool = True) -> str:
    """``node-1 v2 Running: healthy after 2 good windows``; its words of a well one if ``whole``."""
    spec, state = execution["spec"], execution_state(execution)
    message = execution_message(execution) if whole or state not in _WELL else ""
    return f"{spec['nodeName']} v{spec['jobVersion']} {state}{f': {message}' if message else ''}"


def counted(claims: Sequence[Document]) -> str:
    """``3 nodes: 2 Running, 1 Failed``."""
    states = Counter(execution_state(each) for each in claims)
    told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"{len(claims)} node{'s' if len(claims) != 1 else ''}: {told}"


def _wave_name(wave: int, deployment: Document | None) -> str:
    if wave == OUTSIDE:
        return "outside waves"
    strategy = at(deployment, "status", "resolved", "rollout", "strategy")
    back = at(deployment, "spec", "type") == "Rollback"  # that has no canaries
    canary = strategy == "Canary" and wave == 1 and not back
    return f"wave {wave} (canary)" if canary else f"wave {wave}"


def _add(job: Tree, name: str, claims: Sequence[Document], whole: bool) -> None:
    branch = job.add(Text(f"{name}: {counted(claims)}"))
    ordered = sorted(claims, key=lambda each: execution_state(each) in _WELL)
    shown = ordered if whole or len(claims) <= MOST_NODES else ordered[: MOST_NODES - 1]
    for each in shown:
        style = STYLES.get(execution_state(each), "")
        branch.add(Text(node_line(each, whole=whole), style=style, overflow="fold"))
    if rest := ordered[len(shown) :]:
        branch.add(Text(f"and {counted(rest)} (-o wide names them)", style="dim"))
