"""The four acts: what each applies, when it is over, and what has to be true then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.observer import JOB, Seen, is_ready, messages_received

JOBS = Path(__file__).parent / "jobs"
FAILING_NODE = "FAILING_NODE"

Check = Callable[[Seen], str]
"""What is wrong, in words; empty where it is as it should be."""


@dataclass(frozen=True)
class Act:
    """One act. ``over`` says when to look; ``checks`` what must be seen then."""

    title: str
    expected: str
    file: str
    over: Callable[[Seen], bool]
    checks: Sequence[Check]


def acts(kind: str, failing_node: Callable[[Seen], str]) -> list[Act]:
    """The acts for jobs of a type; ``failing_node`` names the node on which v4 is to fail."""
    real = kind == "pipeline"
    flows: list[Check] = [_messages_flow] if real else []
    numbers: list[Check] = [_says("errors")] if real else []
    last = "no settings for node" if real else "exit code 1"
    return [
        Act(
            "version 1 reaches every node with the label",
            "v1 on every node",
            f"{kind}-v1.yaml",
            _completed(1),
            [_condition("Ready", "True"), _runs_alone(1), *flows],
        ),
        Act(
            "version 2 goes canary first, is judged, promoted, and finishes wave by wave",
            "v2 on every node",
            f"{kind}-v2.yaml",
            _completed(2),
            [_condition("Ready", "True"), _runs_alone(2), _one_canary, *flows],
        ),
        Act(
            "version 3 is bad: the canary gate refuses it",
            "canary only, v2 again",
            f"{kind}-v3.yaml",
            _rolled_back(3),
            [
                _condition("Ready", "False", "RolledBack"),
                _condition("Stalled", "True"),
                _runs_alone(2),
                _touched_one(3),
                _says("v3 failed"),
                *numbers,
            ],
        ),
        Act(
            "version 4 fails on one node, within its budget",
            "v4, one node on v2",
            f"{kind}-v4.yaml",
            _completed(4),
            [
                _condition("Ready", "True", "Degraded"),
                _one_fell_back(failing_node),
                _says(last),
                *flows,
            ],
        ),
    ]


def job_file(act: Act, node: str, namespace: str, selector: str) -> str:
    """The YAML to apply: the act's file, for this namespace, label and failing node."""
    text = (JOBS / act.file).read_text().replace(FAILING_NODE, node)
    key, _, value = selector.partition("=")
    text = text.replace("namespace: demo", f"namespace: {namespace}")
    return text.replace("{pool: edge}", f'{{{key}: "{value}"}}')


def _completed(version: int) -> Callable[[Seen], bool]:
    def over(seen: Seen) -> bool:
        ended = seen.deployment(f"{JOB}-v{version}").get("state") in ("Completed", "Failed")
        job_says = (seen.job.get("status") or {}).get("version") == version
        settled = len(seen.running()) == len(seen.claims())
        return ended and job_says and settled and seen.state not in ("Deploying", "Pending")

    return over


def _rolled_back(version: int) -> Callable[[Seen], bool]:
    def over(seen: Seen) -> bool:
        back = seen.deployment(f"{JOB}-v{version}-rollback").get("state") == "Completed"
        promoted = seen.deployment(f"{JOB}-v{version}").get("state") == "Completed"
        settled = len(seen.running()) == len(seen.claims())
        return (back and settled and seen.state != "Deploying") or promoted

    return over


def _condition(kind: str, status: str, reason: str = "") -> Check:
    def check(seen: Seen) -> str:
        found = seen.condition(kind)
        if found.get("status") != status:
            return f"condition {kind} is {found.get('status')}, not {status}"
        if reason and found.get("reason") != reason:
            return f"condition {kind} has reason {found.get('reason')}, not {reason}"
        return ""

    return check


def _runs_alone(version: int) -> Check:
    def check(seen: Seen) -> str:
        running, claims = seen.running(), seen.claims()
        if len(running) < 3 or set(running) != set(claims):
            return f"pods are ready on {sorted(running)} of {sorted(claims)}"
        other = {node: found for node, found in running.items() if found != version}
        return f"not v{version}: {other}" if other else ""

    return check


def _one_canary(seen: Seen) -> str:
    status = seen.deployment(f"{JOB}-v2")
    if len(status.get("canaryNodes") or []) != 1 or not status.get("canaryPromoted"):
        return "version 2 was not promoted from one canary"
    waves = {e["spec"]["rolloutWave"] for e in seen.executions if e["spec"]["jobVersion"] == 2}
    wanted = set(range(1, int(status.get("totalWaves") or 0) + 1))
    if len(wanted) > 1 and waves == wanted:
        return ""
    return f"version 2 took the waves {sorted(waves)} of {sorted(wanted)}"


def _touched_one(version: int) -> Check:
    def check(seen: Seen) -> str:
        touched = seen.touched(version)
        canaries = set(seen.deployment(f"{JOB}-v{version}").get("canaryNodes") or [])
        if touched != canaries or len(touched) != 1:
            return f"v{version} reached {sorted(touched)}; its canaries are {sorted(canaries)}"
        return ""

    return check


def _one_fell_back(failing_node: Callable[[Seen], str]) -> Check:
    def check(seen: Seen) -> str:
        node, running = failing_node(seen), seen.running()
        wanted = {name: 2 if name == node else 4 for name in running}
        if running != wanted:
            return f"versions are {running}, not {wanted}"
        return "" if node in seen.message else f"the job does not name {node}: {seen.message}"

    return check


def _says(words: str) -> Check:
    def check(seen: Seen) -> str:
        return "" if words in seen.message else f"the job does not say {words!r}: {seen.message}"

    return check


def _messages_flow(seen: Seen) -> str:
    for pod in seen.pods:
        if is_ready(pod) and not messages_received(pod):
            return f"no message has flowed through {pod['metadata']['name']}"
    return ""
