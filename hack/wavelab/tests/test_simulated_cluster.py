"""Clusters with simulated nodes: up, fates, side by side, after a crash, down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wavelab import RefusedError, WavelabError, fates, process
from wavelab import state as states
from wavelab.cluster import Cluster
from wavelab.tests.conftest import Wait

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture
def cluster(state_root: Path) -> Iterator[Cluster]:
    assert state_root.is_dir()
    made = Cluster("one")
    made.up(simulated=6, labels={"site": "a"})
    yield made
    made.down()


def pod_template(fate_on: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "x"}, "annotations": {fates.FATE_ON: fate_on}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "c", "image": "example.local/x"}],
        },
    }


def daemon_set(fate_on: str) -> str:
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "x"},
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "updateStrategy": {"type": "OnDelete"},
                "template": pod_template(fate_on),
            },
        }
    )


def pods_by_node(cluster: Cluster) -> dict[str, dict[str, Any]]:
    items = json.loads(cluster.kubectl("get", "pods", "-o", "json"))["items"]
    return {item["spec"]["nodeName"]: item for item in items if "nodeName" in item["spec"]}


def shape(pod: dict[str, Any]) -> str:
    """What a person sees of a pod: phase, Ready, and the first container's state."""
    status = pod["status"]
    ready = [c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"]
    state = (status.get("containerStatuses") or [{}])[0].get("state", {})
    ((kind, detail),) = state.items() or [("none", {})]
    reason = detail.get("reason", "")
    return f"{status['phase']} {(ready or ['-'])[0]} {kind} {reason}".strip()


def test_every_fate_and_a_fate_for_each_node(cluster: Cluster, wait: Wait) -> None:
    expected = {
        "sim-001": "Running True running",
        "sim-002": "Running False running",
        "sim-003": "Running False waiting CrashLoopBackOff",
        "sim-004": "Pending False waiting ImagePullBackOff",
        "sim-005": "Pending - none",
        "sim-006": "Running True running",
    }
    cluster.kubectl(
        "apply",
        "-f-",
        input=daemon_set(
            "sim-002=never-ready, sim-003=crash-loop,sim-004=image-missing,sim-005=hang"
            ",sim-006=slow-stop"
        ),
    )
    seen: dict[str, str] = {}

    def all_met() -> bool:
        seen.clear()
        seen.update({node: shape(pod) for node, pod in pods_by_node(cluster).items()})
        return seen == expected

    wait(f"fates as expected ({seen})", all_met)
    old = pods_by_node(cluster)["sim-006"]["metadata"]["uid"]
    cluster.kubectl("delete", "pod", pods_by_node(cluster)["sim-006"]["metadata"]["name"])
    wait(
        "a deleted pod is gone in the end",
        lambda: (
            pods_by_node(cluster).get("sim-006", {}).get("metadata", {}).get("uid")
            not in (None, old)
        ),
    )


def bare_pod(name: str, fate: str) -> str:
    template = pod_template("")
    template["metadata"] = {"name": name, "annotations": {fates.FATE: fate}}
    template["spec"]["restartPolicy"] = "Never"
    return json.dumps({"apiVersion": "v1", "kind": "Pod", **template})


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        ("crash", "Failed False terminated Error"),
        ("complete", "Succeeded False terminated Completed"),
        ("unready-later", "Running False running"),
    ],
)
def test_fates_that_take_a_pod_somewhere(cluster: Cluster, wait: Wait, fate: str, end: str) -> None:
    cluster.kubectl("apply", "-f-", input=bare_pod("p", fate))
    wait(end, lambda: end in [shape(pod) for pod in pods_by_node(cluster).values()])


def only_shape_is(cluster: Cluster, end: str) -> bool:
    return [shape(pod) for pod in pods_by_node(cluster).values()] == [end]


def test_a_running_pod_follows_its_annotation_both_ways(cluster: Cluster, wait: Wait) -> None:
    cluster.kubectl("apply", "-f-", input=bare_pod("p", "ready"))
    for fate, end in (
        ("ready", "Running True running"),
        ("never-ready", "Running False running"),
        ("ready", "Running True running"),
    ):
        cluster.kubectl("annotate", "pod", "p", "--overwrite", f"{fates.FATE}={fate}")
        wait(end, partial(only_shape_is, cluster, end))


def test_nodes_come_go_and_turn_not_ready(cluster: Cluster, wait: Wait) -> None:
    cluster.add_simulated(["edge-1"], labels={"site": "b"})
    assert "edge-1" in cluster.kubectl("get", "nodes", "-l", "site=b", "-o", "name")
    cluster.kubectl("label", "node", "edge-1", "wavelab.dev/fate=not-ready")

    def ready() -> bool:
        nodes = {node["name"]: node["ready"] for node in cluster.status()["nodes"]}
        return bool(nodes["edge-1"])

    wait("the node is not Ready", lambda: not ready())
    cluster.kubectl("label", "node", "edge-1", "wavelab.dev/fate-")
    wait("the node is Ready again", ready)
    cluster.remove_node("edge-1")
    assert "edge-1" not in cluster.nodes


def test_own_stages_are_played(cluster: Cluster, wait: Wait) -> None:
    cluster.apply_stages(
        json.dumps(
            fates.stage(
                "mine",
                "Pod",
                [fates.is_in(fates.POD_FATE, "mine"), fates.is_in(".status.phase", "Pending")],
                {"statusTemplate": "phase: Unknown"},
            )
        )
    )
    cluster.kubectl("apply", "-f-", input=bare_pod("p", "mine"))
    wait("my stage", lambda: "Unknown - none" in map(shape, pods_by_node(cluster).values()))


def test_a_service_account_has_its_own_rights_and_no_more(cluster: Cluster) -> None:
    cluster.kubectl("create", "serviceaccount", "reader")
    cluster.kubectl("create", "role", "r", "--verb=list", "--resource=configmaps")
    cluster.kubectl("create", "rolebinding", "r", "--role=r", "--serviceaccount=default:reader")
    path = cluster.service_account_kubeconfig("default", "reader")
    assert path.stat().st_mode & 0o077 == 0
    cluster.kubectl("--kubeconfig", str(path), "get", "configmaps")
    with pytest.raises(WavelabError, match="forbidden"):
        cluster.kubectl("--kubeconfig", str(path), "get", "pods")
    user = "system:serviceaccount:default:reader"
    seen = [event for event in cluster.audit_events() if event["user"]["username"] == user]
    codes = {e["objectRef"]["resource"]: e["responseStatus"]["code"] for e in seen}
    assert (codes["configmaps"], codes["pods"]) == (200, 403)


def test_up_again_reuses_and_resizes(cluster: Cluster) -> None:
    instance = cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    said: list[str] = []
    cluster.up(simulated=2, progress=said.append)
    assert any("reusing" in line for line in said)
    assert cluster.nodes == ["sim-001", "sim-002"]
    assert instance == cluster.kubectl(
        "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"
    )


def test_two_side_by_side_and_one_goes(cluster: Cluster) -> None:
    other = Cluster("two")
    other.up(simulated=1)
    assert other.nodes == ["sim-001"]
    other.down()
    assert len(cluster.nodes) == 6
    assert other.status()["state"] == "absent"


def test_down_leaves_nothing(state_root: Path) -> None:
    cluster = Cluster("gone")
    cluster.up(simulated=1)
    state = states.load("gone")
    assert state is not None
    assert process.carriers(state.instance)
    assert cluster.down()
    assert not process.carriers(state.instance)
    assert not (state_root / "gone").exists()
    assert not cluster.down()
    with pytest.raises(RefusedError, match="no cluster gone"):
        cluster.kubectl("get", "nodes")


KILLED_UP = """
import os, signal, sys
from wavelab.__main__ import main
from wavelab.process import Processes

start = Processes.start

def start_and_die(self, name, *arguments, **options):
    started = start(self, name, *arguments, **options)
    if name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return started

Processes.start = start_and_die
main(["up", "--name", "crash", "--simulated", "2"])
"""
"""An `up` that is killed in the moment in which it has started a program."""


@pytest.mark.parametrize("moment", ["etcd", "kube-apiserver", "kube-scheduler", "kwok"])
@pytest.mark.usefixtures("state_root")
def test_up_after_an_up_that_was_killed(moment: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_UP, moment],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    left = states.load("crash")
    assert left is not None
    before = process.carriers(left.instance)
    cluster = Cluster("crash")
    assert cluster.status()["state"] == "broken"
    cluster.up(simulated=2)
    assert cluster.status()["state"] == "running"
    assert process.wait_gone(before, 0) == []
    cluster.down()


def test_a_lost_component_is_noticed(cluster: Cluster) -> None:
    state = states.load("one")
    assert state is not None
    process.Processes(state.directory, state.instance).stop("etcd")
    assert cluster.status()["state"] == "broken"
    said: list[str] = []
    cluster.up(simulated=1, progress=said.append)
    assert any("not whole" in line for line in said)
    assert cluster.nodes == ["sim-001"]


def test_controllers_get_another_limit_and_go_on_working(cluster: Cluster, wait: Wait) -> None:
    def flags(program: str) -> str:
        return Path(f"/proc/{cluster.pids()[program]}/cmdline").read_text()

    controllers = ("kube-controller-manager", "kube-scheduler")
    before = cluster.pids()
    assert all(f"--kube-api-qps={states.CLIENT_RATE}" in flags(each) for each in controllers)
    cluster.set_client_rate(0)
    after = cluster.pids()
    changed = {program for program in after if after[program] != before.get(program)}
    assert changed == set(controllers)
    assert not any("--kube-api-qps" in flags(each) for each in controllers), "as shipped"
    cluster.kubectl("apply", "-f-", input=daemon_set(""))
    wait("both work", lambda: len(pods_by_node(cluster)) == 6)
