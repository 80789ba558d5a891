"""The objects of the minimal client."""

from __future__ import annotations

import pytest

from bench.contenders import of_node, owned, rounds

EXECUTION = {
    "apiVersion": "wavegate.dev/v1alpha1",
    "kind": "Execution",
    "metadata": {
        "name": "fleet-abc-1",
        "uid": "1",
        "resourceVersion": "7",
        "labels": {"wavegate.dev/job": "fleet"},
        "ownerReferences": [{"uid": "of the job"}],
    },
    "spec": {"nodeName": "sim-001", "jobVersion": 1},
    "status": {"observedState": "Running"},
}
TERM = {"key": "metadata.name", "operator": "In", "values": ["sim-001"]}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "fleet-abc", "uid": "2", "labels": {"wavegate.dev/job": "fleet"}},
    "spec": {"nodeName": "sim-001", "affinity": {"matchFields": [TERM]}, "containers": []},
    "status": {"phase": "Running"},
}


def test_another_node_s_objects_are_those_of_the_pattern_without_what_the_server_filled_in():
    execution, pod = of_node((EXECUTION, POD), "sim-042")
    labels = {"wavegate.dev/job": "fleet"}
    assert execution == {
        **EXECUTION,
        "metadata": {"name": "bare-sim-042-1", "labels": labels},
        "spec": {"nodeName": "sim-042", "jobVersion": 1},
    }
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bare-sim-042", "labels": labels},
        "spec": {"affinity": {"matchFields": [{**TERM, "values": ["sim-042"]}]}, "containers": []},
    }


def test_a_pod_belongs_to_its_execution_and_the_pattern_stays_as_it_is():
    pod = owned(POD, EXECUTION)
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Execution", "fleet-abc-1", "1")
    assert owner["controller"]
    assert "ownerReferences" not in POD["metadata"]


@pytest.mark.parametrize(("nodes", "waves"), [(1000, 10), (20, 10), (25, 9), (5, 5), (1, 1)])
def test_a_share_of_the_nodes_makes_so_many_waves(nodes: int, waves: int):
    assert rounds(nodes) == waves
