"""The story that docs/concepts and docs/cli.md tell: one job, six versions, ten nodes.

At its end there are two jobs that are HTTP calls.

Every health window is so long that what passes by itself can be looked at twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from demo.acts import JOBS
from demo.observer import Seen
from shown.endpoint import HOST, PORT

JOB = "agent"
NODES = 10
CLOSED = 1
"""Nodes beside them that are cordoned."""

ZONE = "topology.kubernetes.io/zone"
SETTING = (
    ("cordon", f"sim-{NODES + CLOSED:03d}"),
    *(
        ("label", "node", f"sim-{number:03d}", f"{ZONE}={'ab'[number % 2]}")
        for number in range(1, NODES + CLOSED + 1)
    ),
)
"""kubectl's arguments before the story begins."""

Command = tuple[Sequence[str], str | None]
"""Arguments of kubectl, and what it is given to read."""


@dataclass(frozen=True)
class Scene:
    """What a person does, if anything, what is true then, and the moment that pages show of it."""

    title: str
    act: Callable[[Seen], Command] | None
    holds: Callable[[Seen], bool]
    moment: str = ""
    watched: bool = False
    """Whether the job is watched from here on, until what was drawn is shown."""


def apply(
    version: int,
    fates: Callable[[Seen], Mapping[str, str]] = lambda _: {},
    options: Sequence[str] = (),
    **rollout: Any,
) -> Callable[[Seen], Command]:
    """Apply the job with the image of this version; ``fates``: annotations that wavelab obeys."""

    def act(seen: Seen) -> Command:
        job = yaml.safe_load((JOBS / "container-v1.yaml").read_text())
        job["metadata"]["name"] = JOB
        template = job["spec"]["template"]
        template["metadata"]["annotations"] = dict(fates(seen))
        template["spec"]["containers"][0]["image"] = f"{JOB}:{version}"
        health = {"interval": "4s", "successThreshold": 2, "deadline": "24s"}
        job["spec"]["rollout"].update(maxParallel=4, healthCheck=health, **rollout)
        return ["apply", "-f", "-", *options], yaml.safe_dump(job)

    return act


def never_ready(_: Seen) -> Mapping[str, str]:
    return {"wavelab.dev/fate": "never-ready"}


def crash_on(number: int) -> Callable[[Seen], Mapping[str, str]]:
    """Fates by which pods fail on so many nodes of the second wave."""

    def fates(seen: Seen) -> Mapping[str, str]:
        second = (seen.job["status"]["stableVersion"], 2)
        specs = [each["spec"] for each in seen.executions]
        found = {s["nodeName"] for s in specs if (s["jobVersion"], s["rolloutWave"]) == second}
        failing = sorted(found)[-number:]
        return {"wavelab.dev/fate-on": ",".join(f"{node}=crash" for node in failing)}

    return fates


def promote(_: Seen) -> Command:
    patch = '{"spec":{"promoted":true}}'
    return ["patch", "fd", f"{JOB}-v2", "--type", "merge", "-p", patch], None


def call(_: Seen) -> Command:
    """Two HTTPJobs, of which one has an endpoint that is not well, and a run of that."""
    url = f"http://{HOST}:{PORT}"
    schema = {"type": "object", "required": ["day"], "properties": {"day": {"type": "string"}}}
    orders = {
        "http": {"url": f"{url}/orders"},
        "runs": {"payloadSchema": schema},
        "trigger": {"timeZone": "Europe/Berlin", "schedule": {"cron": "30 2 * * *"}},
    }
    reports = {
        "http": {"url": f"{url}/reports"},
        "runs": {"retry": {"maxAttempts": 3, "initialDelay": "1s"}},
    }
    documents = [
        _document("HTTPJob", "orders", orders),
        _document("HTTPJob", "reports", reports),
        _document("JobRun", "reports-1", {"jobName": "reports"}),
    ]
    return ["apply", "-f", "-"], yaml.safe_dump_all(documents)


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def cordon(seen: Seen) -> Command:
    return ["cordon", *seen.touched(6)], None


def ended(name: str, state: str) -> Callable[[Seen], bool]:
    """The rollout has ended so, every node runs something stable, and the job is at rest."""

    def holds(seen: Seen) -> bool:
        claims = seen.claims().values()
        stable = sum("stableAt" in each["status"] for each in claims)
        found = seen.deployment(f"{JOB}-{name}").get("state")
        return found == state and stable == NODES and seen.state in ("Running", "Degraded")

    return holds


def judges_canary(seen: Seen) -> bool:
    """The canary of version 2 is judged, and the job says so."""
    return _executions(seen, 2) == [("Validating", "")] and "judging" in seen.message


def awaits_person(seen: Seen) -> bool:
    return seen.state == "RolloutPaused"


def judges_wave_2(seen: Seen) -> bool:
    """The four nodes after the canary are judged, and the job has caught up with its rollout."""
    states = sorted(state for state, _ in _executions(seen, 2))
    caught_up = seen.message == seen.deployment(f"{JOB}-v2").get("message")
    return states == ["Running", *["Validating"] * 4] and caught_up


def goes_back(seen: Seen) -> bool:
    """All but the canary's node have the stable version."""
    back = seen.deployment(f"{JOB}-v3-rollback")
    return back.get("state") == "InProgress" and back.get("updatedNodes") == NODES - 1


def judged(withdrawn: str) -> Callable[[Seen], bool]:
    """Version 6 has one execution, which is judged, and withdrawn for this reason."""
    return lambda seen: _executions(seen, 6) == [("Validating", withdrawn)]


def _executions(seen: Seen, version: int) -> list[tuple[str, str]]:
    """State of each execution of a version, and why it was withdrawn; empty where it was not."""
    found = [each["status"] for each in seen.executions if each["spec"]["jobVersion"] == version]
    return [
        (each["observedState"]["stateType"], (each.get("details") or {}).get("withdrawn", ""))
        for each in found
    ]


STORY = (
    Scene("version 1 runs", apply(1), ended("v1", "Completed")),
    Scene(
        "version 2 is planned",
        apply(2, options=["--dry-run=server"], autoPromote=False),
        ended("v1", "Completed"),
        "planned",
    ),
    Scene("a canary is judged", apply(2, autoPromote=False), judges_canary, "canary-judged"),
    Scene("it waits", None, awaits_person, "awaiting-promotion"),
    Scene("wave 2 is judged", promote, judges_wave_2, "second-wave", watched=True),
    Scene("version 2 runs", None, ended("v2", "Completed"), "watched"),
    Scene("a canary failed", apply(3, never_ready), goes_back, "rolling-back"),
    Scene("version 2 runs again", None, ended("v3-rollback", "Completed"), "rolled-back"),
    Scene("one node fails", apply(4, crash_on(1)), ended("v4", "Completed"), "within-budget"),
    Scene("two fail", apply(5, crash_on(2)), ended("v5-rollback", "Completed"), "above-budget"),
    Scene("another canary is judged", apply(6), judged("")),
    Scene("its node is cordoned", cordon, judged("Cordoned"), "withdrawn"),
    Scene("two jobs call", call, lambda _: True, "called"),
)
