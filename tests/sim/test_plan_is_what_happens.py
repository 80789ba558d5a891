"""What ``wavegate plan`` foretells and what the whole operator then does, for 50 generated cases.

A case is a fleet (zones, labels, nodes that cannot be used), a job that runs or does not, and a
change. The forecast is made from what is stored right before the change is applied; the rollout
that follows is the simulated operator's, with its queue, its limits and its own clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from sim.world import spec
from support.told import Stage, play
from wavegate.cli.planning.forecast import ZONE, Forecast, forecast
from wavegate.cli.sight import Sight, sequence
from wavegate.simulation.fates import COMPLETES, FINE
from wavegate.simulation.store import Change, Document

CASES = 50
CHILDREN = ("FleetDeployment", "Execution", "Pod", "JobVersion")
COUNTED = (
    "JobVersion create",
    "FleetDeployment create",
    "Execution create",
    "Execution status",
    "Pod create",
    "Pod delete",
)
"""Writes of which there are as many as foretold; job and deployment are written by the clock."""


@dataclass(frozen=True)
class Case:
    """``first``: the spec that runs before, None where there is no job; ``then`` is applied."""

    nodes: Mapping[str, Mapping[str, str]]
    cordoned: frozenset[str]
    not_ready: frozenset[str]
    first: Mapping[str, Any] | None
    then: Mapping[str, Any]


def rollout(rng: Random) -> dict[str, Any]:
    """Settings of a rollout that goes through without a person."""
    settings: dict[str, Any] = {
        "strategy": rng.choice(["Rolling", "Canary", "Canary", "Immediate"]),
        "maxParallel": rng.choice([1, 2, 3, "10%", "30%", "100%"]),
        "healthCheck": {
            "interval": rng.choice(["2s", "5s"]),
            "deadline": "2m",
            "successThreshold": rng.choice([1, 2]),
        },
    }
    if settings["strategy"] == "Canary":
        settings["autoPromote"] = rng.random() < 0.8
        settings[rng.choice(["canaryCount", "canaryPercent"])] = rng.choice([1, 2, 3])
        if rng.random() < 0.3:
            settings["canarySelector"] = {"matchLabels": {"tier": "test"}}
    if rng.random() < 0.4:
        settings["spreadBy"] = [ZONE]
    return settings


def case(seed: int) -> Case:
    rng = Random(seed)
    nodes = {
        f"n{number:02}": {
            "pool": rng.choice(["edge", "edge", "edge", "core"]),
            "tier": rng.choice(["test", "live"]),
            ZONE: rng.choice("abc"),
        }
        for number in range(rng.randint(4, 14))
    }
    nodes["n00"] = {"pool": "edge", "tier": "test", ZONE: "a"}
    others = sorted(nodes.keys() - {"n00"})
    selector = {"matchLabels": {"pool": "edge"}}
    before = {**spec("app:1", strategy="Rolling", maxParallel="100%"), "selector": selector}
    change = rng.choice(["image", "image", "image", "rollout", "selector", "words", "new", "once"])
    then = {**spec("app:2", **rollout(rng)), "selector": selector}
    match change:
        case "rollout":
            then["template"] = before["template"]
        case "selector":
            then["selector"] = {"matchExpressions": ["pool in (edge,core)"]}
        case "words":
            then = {**before, "description": "another text"}
    if change == "once":
        then = {
            "type": "query",
            "config": {"command": ["look"]},
            "selector": selector,
            "template": {"spec": {"containers": [{"name": "main", "image": "ask:1"}]}},
            "rollout": {"strategy": "Rolling", "maxParallel": rng.choice([1, 2, "50%"])},
        }
    return Case(
        nodes,
        frozenset(rng.sample(others, rng.randint(0, 1))),
        frozenset(rng.sample(others, rng.randint(0, 1))),
        None if change in ("new", "once") else before,
        then,
    )


@dataclass
class Happened:
    """What the server was asked for, and who served."""

    writes: Counter[str] = field(default_factory=Counter)
    serving: set[str] = field(default_factory=set)
    before: frozenset[str] = frozenset()
    peak: int = 0
    listening: bool = False

    def change(self, change: Change) -> None:
        kind = change.kind.resource.kind
        if kind == "Pod":
            self._pod(change)
        if not self.listening:
            return
        if not change.old:
            self.writes[f"{kind} create"] += 1
        elif kind == "Pod" and change.new and _newly_deleted(change):
            self.writes["Pod delete"] += 1
        elif kind == "Execution" and change.new:
            self.writes["Execution status"] += 1

    def _pod(self, change: Change) -> None:
        pod = change.document
        node = pod.get("spec", {}).get("nodeName")
        if node is None:
            return
        if change.new and serves(pod):
            self.serving.add(node)
        else:
            self.serving.discard(node)
        if self.listening:
            self.peak = max(self.peak, len(self.before - self.serving))


def serves(pod: Document) -> bool:
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded":
        return True
    is_ready = any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in status.get("conditions", ())
    )
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def _newly_deleted(change: Change) -> bool:
    return "deletionTimestamp" in change.document["metadata"] and "deletionTimestamp" not in str(
        change.old
    )


@dataclass
class Compared:
    told: Forecast | None = None
    happened: Happened = field(default_factory=Happened)
    waves: dict[int, list[str]] = field(default_factory=dict)
    job: Document = field(default_factory=dict)
    deployment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


async def compare(stage: Stage, this: Case, found: Compared) -> None:
    cluster = stage.cluster
    cluster.fleet.fate = lambda _node, image: COMPLETES if image.startswith("ask") else FINE
    cluster.server.store.listeners.append(found.happened.change)
    for name, labels in this.nodes.items():
        cluster.fleet.add(name, **labels)
    for name in this.cordoned:
        cluster.fleet.cordon(name)
    for name in this.not_ready:
        cluster.fleet.set_ready(name, False)
    if this.first is not None:
        cluster.apply("app", this.first)
        await stage.ended("app-v1")
        await stage.until("the job runs", lambda: stage.state() == "Running")
    lists = {kind: [{"kind": kind, **each} for each in cluster.list(kind)] for kind in CHILDREN}
    current = None
    if this.first is not None:
        current = Sight(
            {"kind": "FleetJob", **stage.job()},
            sorted(lists["FleetDeployment"], key=sequence),
            lists["Execution"],
            lists["Pod"],
            lists["JobVersion"],
        )
    nodes = [{"kind": "Node", **each} for each in cluster.list("Node")]
    proposed = {"metadata": {"name": "app", "namespace": "default"}, "spec": this.then}
    found.told = forecast(current, proposed, nodes, cluster.now())
    found.happened.before = frozenset(found.happened.serving)
    found.happened.listening = True
    cluster.apply("app", this.then)
    begun = cluster.now()
    await stage.until("the operator has seen it", lambda: is_seen(stage.job()))
    if found.told.deployment:
        name = found.told.deployment
        if found.told.waits:
            await stage.says("AwaitingPromotion")
            cluster.patch("FleetDeployment", name, {"spec": {"promoted": True}})
        await stage.ended(name)
    found.seconds = cluster.now() - begun
    await stage.until("the job is settled", lambda: stage.state() in ("Running", "Completed"))
    found.job = stage.job()
    found.deployment = stage.deployment(found.told.deployment)
    for each in cluster.list("Execution"):
        if each["spec"].get("deploymentName") == found.told.deployment:
            members = found.waves.setdefault(each["spec"]["rolloutWave"], [])
            members.append(each["spec"]["nodeName"])


def is_seen(job: Document) -> bool:
    return bool(job["status"]["observedGeneration"] == job["metadata"]["generation"])


@pytest.mark.parametrize("seed", range(CASES))
def test_a_plan_is_what_happens(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    this, found = case(seed), Compared()

    async def story(stage: Stage) -> None:
        await compare(stage, this, found)

    play(story, monkeypatch, nodes=0)
    told, happened = found.told, found.happened
    assert told is not None
    if told.version:
        assert found.job["status"]["version"] == told.version
    else:
        assert happened.writes["JobVersion create"] == 0
    foretold = {wave["wave"]: sorted(wave["nodes"]) for wave in told.waves}
    did = {wave: sorted(nodes) for wave, nodes in sorted(found.waves.items())}
    if told.nodes_are_certain:
        assert did == foretold
    else:
        assert {wave: len(nodes) for wave, nodes in did.items()} == {
            wave: len(nodes) for wave, nodes in foretold.items()
        }
    assert {key: happened.writes[key] for key in COUNTED} == {
        key: told.writes.get(key, 0) for key in COUNTED
    }
    assert happened.peak == told.unavailable["most"]
    if told.deployment:
        assert found.deployment["state"] == "Completed"
        assert found.seconds >= told.seconds["least"] - 5
        assert found.seconds <= told.seconds["least"] * 2 + 30


def test_the_cases_are_of_many_kinds() -> None:
    cases = [case(seed) for seed in range(CASES)]
    strategies = Counter(each.then["rollout"]["strategy"] for each in cases)
    assert min(strategies[each] for each in ("Rolling", "Canary", "Immediate")) >= 4
    assert sum(each.first is None for each in cases) >= 5
    assert sum(bool(each.cordoned or each.not_ready) for each in cases) >= 20
    assert sum("spreadBy" in each.then["rollout"] for each in cases) >= 10
