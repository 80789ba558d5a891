"""Which nodes a wave takes, by labels of real Node objects on the real API server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from integration.conftest import NODES
from support.jobs import container
from support.rollouts import awaits, settled_on
from support.space import Space
from wavelab.client import Client
from wavelab.simulated import simulated_name

pytestmark = pytest.mark.cluster

TIER = "example.com/tier"
ABLE = {"canarySelector": {"matchLabels": {TIER: "canary"}}}
ZONE = "topology.kubernetes.io/zone"
KERNEL = "example.com/kernel"


class Labels:
    """Labels that a test puts on nodes; all of them are taken off again at its end."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._put: set[tuple[str, str]] = set()

    def put(self, number: int, **labels: str) -> str:
        """Label the node of this number, by the names ``tier``, ``zone`` and ``kernel``."""
        keys = {"tier": TIER, "zone": ZONE, "kernel": KERNEL}
        named = {keys[short]: value for short, value in labels.items()}
        name = simulated_name(number)
        self._put |= {(name, key) for key in named}
        self._patch(name, named)
        return name

    def clear(self) -> None:
        for name, key in self._put:
            self._patch(name, {key: None})

    def _patch(self, name: str, labels: dict[str, str | None] | dict[str, str]) -> None:
        self._client.request(
            "PATCH",
            f"/api/v1/nodes/{name}",
            {"metadata": {"labels": labels}},
            content="application/merge-patch+json",
        )


@pytest.fixture
def labels(cluster_client: Client) -> Iterator[Labels]:
    made = Labels(cluster_client)
    yield made
    made.clear()


def waves(space: Space, version: int) -> dict[int, list[str]]:
    """The nodes of each wave of a version."""
    made: dict[int, list[str]] = {}
    for each in space.executions("app", version):
        made.setdefault(each["spec"]["rolloutWave"], []).append(each["spec"]["nodeName"])
    return {wave: sorted(made[wave]) for wave in sorted(made)}


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_canaries_are_nodes_with_the_label_from_version_to_version(
    settled: Space, labels: Labels
) -> None:
    canaries = [labels.put(number, tier="canary") for number in (4, 9)]
    rollout = {"canaryCount": 2, "maxParallel": "100%"}
    settled.apply("app", container("app:2", **rollout, **ABLE))
    settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))
    assert waves(settled, 2)[1] == canaries
    status = settled.deployment("app-v2")
    assert status["canaryNodes"] == canaries
    assert status["resolved"]["rollout"]["canarySelector"] == ABLE["canarySelector"]

    pods = {pod["metadata"]["uid"] for pod in settled.list("Pod")}
    settled.apply("app", container("app:2", **rollout))
    settled.wait(
        "a change of the choice alone is rolled out",
        lambda: settled.deployment("app-v3").get("state") == "Completed",
    )
    assert {pod["metadata"]["uid"] for pod in settled.list("Pod")} == pods, "it restarts nothing"

    settled.apply("app", container("app:3", **rollout, **{**ABLE, "autoPromote": False}))
    settled.wait("it waits for a person", lambda: awaits(settled, "app-v4"))
    assert waves(settled, 4) == {1: canaries}


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_without_a_canary_it_stalls_says_why_and_goes_on_once_a_node_is_labelled(
    settled: Space, labels: Labels
) -> None:
    settled.apply("app", container("app:2", autoPromote=False, **ABLE))
    settled.wait(
        "it is stalled", lambda: settled.condition("app", "Stalled").get("reason") == "NoCanary"
    )
    stalled = settled.condition("app", "Stalled")
    assert stalled["status"] == "True"
    assert (
        f"spec.rollout.canarySelector.matchLabels ({TIER}=canary) matches none of the job's"
        f" {NODES} nodes" in stalled["message"]
    )
    assert "label a node" in stalled["message"]
    settled.wait(
        "its deployment says so", lambda: settled.deployment("app-v2")["reason"] == "NoCanary"
    )
    assert set(settled.running("app").values()) == {"1"}
    canary = labels.put(7, tier="canary")
    settled.wait("it waits for a person", lambda: awaits(settled, "app-v2"))
    assert waves(settled, 2) == {1: [canary]}
    settled.wait(
        "the job is no longer stalled",
        lambda: settled.condition("app", "Stalled").get("status") != "True",
    )


@pytest.mark.row("spec.rollout.spreadBy")
def test_canaries_cover_zones_and_kernels_and_later_waves_take_from_the_zones_in_turn(
    settled: Space, labels: Labels
) -> None:
    zone, kernel = {}, {}
    for number in range(1, NODES + 1):
        where, release = "a" if number > 6 else "b" if number > 2 else "c", "56"[number % 2]
        name = labels.put(number, zone=where, kernel=release)
        zone[name], kernel[name] = where, release
    spread = [ZONE, KERNEL]
    settled.apply("app", container("app:2", canaryCount=6, maxParallel=5, spreadBy=spread))
    settled.wait("v2 runs on every node", lambda: settled_on(settled, 2))
    first, *later = waves(settled, 2).values()
    assert {(zone[name], kernel[name]) for name in first} == {(z, k) for z in "abc" for k in "56"}
    assert [sorted(Counter(zone[name] for name in wave).values()) for wave in later] == [
        [2, 3],
        [5],
        [4],
    ], "two of the second zone are left, and none of the third"
    settled.apply("app", container("app:3", canaryCount=6, autoPromote=False, spreadBy=spread))
    settled.wait("v3 waits for a person", lambda: awaits(settled, "app-v3"))
    assert waves(settled, 3) == {1: first}
