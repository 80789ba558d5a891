"""Nodes that really run pods. One cluster a machine may have them, so one test tells the story.

It lives in the ordinary state directory, where everybody else sees that the nodes are taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from wavelab import RefusedError, network, process, registry, teardown
from wavelab import state as states
from wavelab.cluster import Cluster
from wavelab.images import BUSYBOX, PIPELINE, Image, write_tar
from wavelab.tests.conftest import Wait

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(900)]

PIPELINE_CONFIG = """\
http: {address: "0.0.0.0:4195"}
metrics: {json_api: {}}
input: {generate: {interval: 50ms, mapping: 'root.n = random_int(max: 9)'}}
pipeline: {processors: [{mapping: 'root = if this.n < 3 { throw("boom") } else { this }'}]}
output: {drop: {}}
"""


def pod(name: str, node: str, container: dict[str, object], **spec: object) -> str:
    ready = {"name": "c", "imagePullPolicy": "Never", **container}
    selector = {"kubernetes.io/hostname": node}
    body = {"containers": [ready], "nodeSelector": selector, "terminationGracePeriodSeconds": 1}
    metadata = {"name": name}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**body, **spec}}
    )


def web(name: str, node: str) -> str:
    script = "mkdir /tmp/w; echo hello > /tmp/w/index.html; echo started; httpd -f -p 80 -h /tmp/w"
    container: dict[str, object] = {
        "image": BUSYBOX,
        "command": ["sh", "-c", script],
        "readinessProbe": {"httpGet": {"path": "/index.html", "port": 80}, "periodSeconds": 1},
    }
    return pod(name, node, container)


def pipeline(name: str, node: str) -> str:
    container: dict[str, object] = {
        "image": PIPELINE,
        "args": ["-c", "/etc/wavegate/config.yaml"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 4195}, "periodSeconds": 1},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/wavegate"}],
        "securityContext": {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return pod(name, node, container, volumes=[{"name": "config", "configMap": {"name": "config"}}])


def traces() -> dict[str, list[str]]:
    """Everything on this machine that a cluster with real nodes adds to."""
    listed = (
        "/sys/class/net",
        "/run/containerd",
        "/run/containerd/s",
        "/run/netns",
        "/var/lib/cni",
        "/var/lib/cni/results",
        "/var/lib/kubelet",
        "/var/log/containers",
        *map(str, Path("/sys/fs/cgroup").glob("*/k8s.io")),
        "/sys/fs/cgroup/k8s.io",
    )
    found = {d: sorted(p.name for p in Path(d).iterdir()) for d in listed if Path(d).is_dir()}
    found["chains"] = network.kube_chains_now()
    found["mounts"] = sorted(map(str, teardown.mounts_below(Path("/"))))
    found["forwarding"] = [Path("/proc/sys/net/ipv4/ip_forward").read_text()]
    return found


@pytest.fixture
def lab() -> Iterator[Cluster]:
    cluster = Cluster("nodes-test")
    cluster.down()
    yield cluster
    cluster.down()


def is_ready(cluster: Cluster, what: str) -> bool:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    return cluster.kubectl("get", what, "-o", f"jsonpath={path}", check=False) == "True"


def pull_seconds(cluster: Cluster, name: str) -> float:
    """How long the kubelet says that it took to pull the image of this pod."""
    selector = f"involvedObject.name={name},reason=Pulled"
    path = "jsonpath={.items[0].message}"
    said = cluster.kubectl("get", "events", "--field-selector", selector, "-o", path)
    found = re.search(r" in (\d+m)?([\d.]+)(ms|s) ", said)
    assert found, said
    return float(found[2]) / (1000 if found[3] == "ms" else 1) + 60 * int((found[1] or "0m")[:-1])


def refuses(action: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as refusal:
        action()
    return str(refusal.value)


def test_real_nodes_from_up_to_down(lab: Cluster, wait: Wait, tmp_path: Path) -> None:
    before = traces()
    # What a machine that was switched off leaves of a cluster with real nodes: files alone.
    dead = states.State("nodes-dead", phase=states.RUNNING, nodes={"node-1": 1})
    dead.save()
    with states.cluster_lock("nodes-dead"):
        assert "nodes-dead" in refuses(lambda: lab.up(nodes=2)), "somebody is at work on it"
    # From simulated to mixed: the server moves to where pods reach it, objects stay.
    lab.up(simulated=2)
    lab.kubectl("create", "configmap", "config", f"--from-literal=config.yaml={PIPELINE_CONFIG}")
    lab.up(nodes=2, simulated=2, labels={"site": "a"})
    assert not dead.directory.exists(), "nothing of it ran, so that its nodes are free"
    state = states.load("nodes-test")
    assert state is not None
    assert lab.nodes == ["node-1", "node-2", "sim-001", "sim-002"]
    assert "nodes-test" in refuses(lambda: Cluster("nodes-other").up(nodes=1))

    lab.kubectl("apply", "-f-", input=web("web", "node-1"))
    lab.kubectl("apply", "-f-", input=pipeline("pipe", "node-2"))
    for name in ("web", "pipe"):
        wait(f"{name} is Ready", partial(is_ready, lab, f"pod/{name}"))
    assert lab.kubectl("logs", "web") == "started\n"
    assert lab.kubectl("exec", "web", "--", "cat", "/tmp/w/index.html") == "hello\n"
    # From a pod of one node to a pod of another, and to the API server by its Service address.
    address = lab.kubectl("get", "pod", "pipe", "-o", "jsonpath={.status.podIP}")
    url = f"http://{address}:4195/metrics"
    metrics = json.loads(lab.kubectl("exec", "web", "--", "wget", "-qO-", url))
    assert 'input_received{label="",path="root.input"}' in metrics
    server = "http://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"
    answer = lab.kubectl("exec", "web", "--", "sh", "-c", f"wget -qO- {server} 2>&1 || true")
    # The server speaks TLS only and says so: the answer itself shows the way there works.
    assert "400 Bad Request" in answer

    own_files = {"/bin/busybox": (Path("/bin/busybox"), 0o755)}
    own = write_tar(Image("example.local/own:1", own_files), tmp_path / "own.tar")
    lab.load_image(own)
    container: dict[str, object] = {
        "image": "example.local/own:1",
        "command": ["/bin/busybox", "echo", "own"],
    }
    lab.kubectl("apply", "-f-", input=pod("own", "node-2", container, restartPolicy="Never"))
    wait("the own image runs", lambda: lab.kubectl("logs", "own", check=False) == "own\n")

    assert "push an image" in refuses(lambda: lab.limit_registry("4mbit"))
    payload = Random(1).randbytes(1 << 20)  # a second of the link below is half of it
    image = Image("example.local/far:1", {**own_files, "/payload": (payload, 0o644)})
    name = lab.push_image(write_tar(image, tmp_path / "far.tar"))
    assert name == f"{registry.HOST}/far:1"
    lab.limit_registry("4mbit")
    container = {**container, "image": name, "imagePullPolicy": "IfNotPresent"}
    lab.kubectl("apply", "-f-", input=pod("far", "node-1", container, restartPolicy="Never"))
    wait("the image is pulled and runs", lambda: lab.kubectl("logs", "far", check=False) == "own\n")
    assert pull_seconds(lab, "far") > 2 * 0.9
    lab.push_image(own)  # to the registry that runs
    container = {**container, "image": f"{registry.HOST}/own:1", "imagePullPolicy": "Always"}
    lab.kubectl("apply", "-f-", input=pod("again", "node-1", container, restartPolicy="Never"))
    wait("the second one runs", lambda: lab.kubectl("logs", "again", check=False) == "own\n")

    lab.stop_kubelet("node-1")
    wait("node-1 is NotReady", lambda: not is_ready(lab, "node/node-1"))
    assert is_ready(lab, "node/node-2")
    assert is_ready(lab, "node/sim-001")
    lab.start_kubelet("node-1")
    wait("node-1 is back", lambda: is_ready(lab, "node/node-1"))
    wait("its pod is Ready again", lambda: is_ready(lab, "pod/web"))

    lab.up(nodes=1, simulated=2)
    assert lab.nodes == ["node-1", "sim-001", "sim-002"]
    assert is_ready(lab, "pod/web")
    containers = teardown.container_ids(state.directory)
    assert teardown.in_cgroups(containers)

    lab.down()
    assert process.carriers(state.instance) == []
    assert teardown.in_cgroups(containers) == []
    wait("every trace is gone", lambda: traces() == before)
