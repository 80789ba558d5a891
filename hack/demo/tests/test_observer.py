"""How what kubectl says is read."""

from __future__ import annotations

from dataclasses import replace

from demo.kubectl import Kubectl
from demo.observer import Seen, observe
from demo.tests import canned


class Cluster(Kubectl):
    """Answers as kubectl would, with whatever it is given."""

    def __init__(self, *items: canned.Document) -> None:
        super().__init__("kubectl", None)
        self._items = list(items)

    def items(self, kinds: str, *arguments: str) -> list[canned.Document]:
        assert arguments == ("-n", "demo")
        return [each for each in self._items if f"{each['kind'].lower()}s" in kinds]


def test_only_the_demonstrations_job_counts_and_rollouts_are_in_their_order() -> None:
    def deployment(name: str, sequence: int) -> canned.Document:
        return {
            "kind": "FleetDeployment",
            "metadata": {"name": name},
            "status": {"sequence": sequence},
        }

    seen = observe(
        Cluster(
            {"kind": "FleetJob", "metadata": {"name": "other"}},
            {"kind": "FleetJob", "metadata": {"name": "telemetry"}},
            deployment("second", 2),
            deployment("first", 1),
        ),
        "demo",
    )
    assert seen.job["metadata"]["name"] == "telemetry"
    assert [each["metadata"]["name"] for each in seen.deployments] == ["first", "second"]


def test_the_highest_attempt_of_a_node_counts() -> None:
    claims = canned.rolled_back().claims()
    assert {node: each["spec"]["jobVersion"] for node, each in claims.items()} == {
        "a": 2,
        "b": 2,
        "c": 2,
    }


def test_a_pod_that_is_not_ready_or_is_to_go_does_not_run() -> None:
    going = canned.pod("b", 2)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    pods = [canned.pod("a", 2), going, canned.pod("c", 2, ready=False)]
    assert replace(canned.promoted(), pods=pods).running() == {"a": 2}


def test_facts_name_few_nodes_and_count_many() -> None:
    assert canned.degraded().facts() == "Degraded; v4 on a, b; v2 on c"
    assert canned.rolled_back().facts() == "Running (RolledBack); v2 on a, b, c"
    many = replace(canned.promoted(), pods=[canned.pod(str(n), 2) for n in range(5)])
    assert many.facts() == "Running; v2 on 5 nodes"


def test_a_rollout_that_has_not_ended_is_the_open_one() -> None:
    assert canned.rolled_back().open_rollout() == {}
    held = canned.rollout("v4", "InProgress", reason="MetricsUnreadable")
    seen = replace(canned.rolled_back(), deployments=[*canned.rolled_back().deployments, held])
    assert seen.open_rollout()["reason"] == "MetricsUnreadable"


def test_nothing_is_seen_in_an_empty_namespace() -> None:
    seen = observe(Cluster(), "demo")
    assert seen == Seen(job={}, deployments=[], executions=[], pods=[])
    assert seen.facts() == "no state"
