"""Which nodes a job runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import wavelab
from support.few import runs, simulated
from support.jobs import container
from support.space import Space

pytestmark = pytest.mark.cluster

A, B, C = "sel-a", "sel-b", "sel-c"
FORMS = {
    "zone=east": [A],
    "zone==west": [B],
    "zone!=east": [B, C],
    "zone in (east,west)": [A, B],
    "zone notin (east)": [B, C],
    "disk": [A],
    "!disk": [B, C],
}


@pytest.fixture
def three(cluster: wavelab.Cluster) -> Iterator[None]:
    nodes = {
        A: {"three": "yes", "zone": "east", "disk": "ssd"},
        B: {"three": "yes", "zone": "west"},
        C: {"three": "yes"},
    }
    with simulated(cluster, nodes):
        yield


def apply(space: Space, name: str, **selector: object) -> None:
    space.apply(name, {**container("app:1", strategy="Immediate"), "selector": selector})


@pytest.mark.row(
    "spec.selector.matchExpressions", "spec.selector.matchLabels", "spec.selector.matchIds"
)
@pytest.mark.usefixtures("three")
def test_row_spec_selector(jobs: Space) -> None:
    """Each form of an expression; and all that is given must hold."""
    expected = {}
    for number, (form, nodes) in enumerate(FORMS.items()):
        apply(jobs, f"form-{number}", matchLabels={"three": "yes"}, matchExpressions=[form])
        expected[f"form-{number}"] = nodes
    apply(jobs, "expressions", matchExpressions=["three", "zone!=east", "zone"])
    apply(jobs, "label", matchLabels={"three": "yes"})
    apply(jobs, "labels", matchLabels={"three": "yes", "zone": "west"})
    apply(jobs, "ids", matchIds=[A, C, "nobody"])
    apply(jobs, "all", matchIds=[A, C], matchExpressions=["!disk"], matchLabels={"three": "yes"})
    expected |= {"expressions": [B], "label": [A, B, C], "labels": [B], "ids": [A, C], "all": [C]}
    for name, nodes in expected.items():
        jobs.wait(f"{name}: {nodes}", lambda name=name, nodes=nodes: runs(jobs, 1, nodes, name))


@pytest.mark.row("Targets")
def test_row_targets(cluster: wavelab.Cluster, jobs: Space) -> None:
    """As for a DaemonSet, without cordoned nodes; a job with a toleration goes further."""
    labels = {"target": "yes", "size": "large"}
    nodes = dict.fromkeys(["tgt-free", "tgt-tainted", "tgt-cordoned"], labels)
    with simulated(cluster, {**nodes, "tgt-small": {**labels, "size": "small"}}):
        cluster.kubectl("taint", "node", "tgt-tainted", "special=yes:NoSchedule")
        cluster.kubectl("cordon", "tgt-cordoned")
        spec = container("app:1", strategy="Immediate")
        spec["selector"] = {"matchLabels": {"target": "yes"}}
        jobs.apply("plain", spec)
        pod = {**spec["template"]["spec"], "nodeSelector": {"size": "large"}}
        pod["tolerations"] = [{"key": "special", "operator": "Exists"}]
        jobs.apply("chosen", {**spec, "template": {"spec": pod}})
        jobs.wait("plain", lambda: runs(jobs, 1, ["tgt-free", "tgt-small"], "plain"))
        jobs.wait("chosen", lambda: runs(jobs, 1, ["tgt-free", "tgt-tainted"], "chosen"))
