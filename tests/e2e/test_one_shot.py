"""Jobs that run to completion, on real nodes: what they say, what they write, what they close."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import wavelab
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

pytestmark = pytest.mark.nodes

ROOT = Path(__file__).parents[2]
BUSYBOX = "wavegate.local/busybox:1.36"
CORDON = str(ROOT / "manifests/optional/cordon.yaml")


@pytest.fixture(scope="module")
def once(real_client: Client, operator: OperatorProcess) -> Space:
    """A namespace in which pods may see directories of their node."""
    return Space(real_client, "once")


@pytest.fixture
def name(once: Space, request: pytest.FixtureRequest) -> Iterator[str]:
    """A job's name, for one test; the job is removed after it."""
    job = request.node.originalname.removeprefix("test_").replace("_", "-")[:40].rstrip("-")
    yield job
    once.delete("FleetJob", job)
    once.wait("its pods are gone", lambda: not once.list("Pod"))


@pytest.fixture(scope="module")
def one_node(real_client: Client) -> str:
    """All nodes share this machine's file system: files are written by one of them."""
    return sorted(nodes_of(real_client))[0]


def nodes_of(client: Client) -> dict[str, Any]:
    found = client.get("/api/v1/nodes")["items"]
    return {each["metadata"]["name"]: each for each in found}


def closed(client: Client) -> dict[str, str]:
    """By cordoned node, what is written of by whom."""
    return {
        name: each["metadata"].get("annotations", {}).get("wavegate.dev/cordoned-by", "")
        for name, each in nodes_of(client).items()
        if each["spec"].get("unschedulable")
    }


def example(kind: str, **replaced: str) -> dict[str, Any]:
    """The spec of an example, with the image that these nodes have."""
    text = (ROOT / "examples" / f"{kind}.yaml").read_text()
    for old, new in {"busybox:1.37": BUSYBOX, **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    return dict(yaml.safe_load(text)["spec"])


def ended(space: Space, job: str, version: int = 1) -> bool:
    return space.deployment(f"{job}-v{version}").get("state") in ("Completed", "Failed")


def results(space: Space, job: str, version: int = 1) -> dict[str, Any]:
    return {
        each["spec"]["nodeName"]: each["status"].get("result")
        for each in space.executions(job, version)
    }


@pytest.mark.row("spec.type", "status.result", "status.results")
def test_the_example_of_a_query_returns_what_each_node_said(
    once: Space, name: str, real_client: Client
) -> None:
    once.apply(name, example("query"))
    once.wait("it ended", lambda: once.job_state(name) == "Completed", seconds=120)
    release = Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert results(once, name) == {
        node: {"exitCode": 0, "message": f"{node} runs {release}."}
        for node in nodes_of(real_client)
    }
    job = once.get("FleetJob", name)
    assert job is not None
    assert job["status"]["results"] == {"succeeded": 3, "failed": 0}
    assert once.deployment(f"{name}-v1")["resolved"]["rollout"]["strategy"] == "Rolling"


@pytest.mark.row("spec.restartPolicy", "status.result")
def test_a_failed_query_keeps_its_exit_code_and_its_last_words(
    once: Space, name: str, one_node: str
) -> None:
    spec = example("query")
    spec["selector"] = {"matchIds": [one_node]}
    spec["config"] = {"command": ["sh", "-c", "echo no such device; exit 7"]}
    once.apply(name, spec)
    once.wait("it failed", lambda: once.job_state(name) == "Failed", seconds=120)
    assert results(once, name) == {one_node: {"exitCode": 7, "message": "no such device"}}
    assert "no such device" in once.condition(name)["message"]
    assert len(once.executions(name)) == 1


@pytest.mark.row("spec.config")
def test_the_example_of_files_writes_them_and_finds_what_was_changed(
    once: Space, name: str, one_node: str, node_directory: Path
) -> None:
    spec = example("config", **{"/etc/edge-agent": str(node_directory)})
    spec["selector"] = {"matchIds": [one_node]}
    once.apply(name, spec)
    once.wait("it ended", lambda: once.job_state(name) == "Completed", seconds=120)
    agent, limits = node_directory / "agent.conf", node_directory / "conf.d/limits.conf"
    assert agent.read_text() == "interval = 15\ntargets = cpu, memory\n"
    assert limits.stat().st_mode & 0o777 == 0o640
    (said,) = results(once, name).values()
    assert said["message"].startswith("2 files: 2 written, 0 had been changed on the node")

    agent.write_text("interval = 1\n")
    spec["config"]["files"][1]["content"] = "most = 200\n"
    once.apply(name, spec)
    once.wait("v2 ended", lambda: ended(once, name, 2), seconds=120)
    assert results(once, name, 2)[one_node]["message"].splitlines() == [
        "2 files: 2 written, 1 had been changed on the node",
        f"changed {agent}",
        f"written {agent}",
        f"written {limits}",
    ]
    assert agent.read_text() == "interval = 15\ntargets = cpu, memory\n"
    assert limits.read_text() == "most = 200\n"


@pytest.mark.row("spec.config")
def test_files_outside_of_what_is_allowed_are_refused(
    once: Space, name: str, one_node: str, node_directory: Path
) -> None:
    spec = example("config", **{"/etc/edge-agent": f"{node_directory}-elsewhere"})
    once.apply(name, spec)
    once.wait("refused", lambda: once.condition(name).get("reason") == "TemplateRefused")
    message = once.condition(name)["message"]
    assert message.startswith("spec.config.files[0].path: ")
    assert str(node_directory) in message
    assert not once.executions(name)
    link = node_directory / "out"
    link.symlink_to(f"{node_directory}-elsewhere")
    spec["selector"] = {"matchIds": [one_node]}
    spec["restartPolicy"] = "Never"
    spec["config"]["files"] = [{"path": f"{link}/a", "content": "x"}]
    once.apply(name, spec)
    once.wait("the link leads nowhere", lambda: once.job_state(name) == "Failed", seconds=120)
    assert not Path(f"{node_directory}-elsewhere").exists()
    assert f"error: {link}/a: mkdir" in once.condition(name)["message"]


@pytest.mark.row("spec.config", "Cordon")
def test_the_example_of_an_update_waits_for_the_right_and_then_closes_one_node_after_the_other(
    once: Space, name: str, real_cluster: wavelab.Cluster, real_client: Client
) -> None:
    real_cluster.kubectl("delete", "--ignore-not-found", "-f", CORDON)
    once.apply(name, example("update"))
    once.wait("says so", lambda: once.condition(name).get("reason") == "CordonForbidden")
    assert "manifests/optional/cordon.yaml" in once.condition(name)["message"]
    assert once.condition(name, "Stalled")["status"] == "True"
    assert not once.executions(name)
    real_cluster.kubectl("apply", "-f", CORDON)
    seen: dict[str, str] = {}

    def over() -> bool:
        now = closed(real_client)
        assert len(now) <= 1
        seen.update(now)
        return once.job_state(name) == "Completed"

    once.wait("it ended", over, seconds=180, poll=0.05)
    assert set(seen) == set(nodes_of(real_client))
    assert all(by.startswith(f"once/{name}/") for by in seen.values())
    once.wait("all are open", lambda: not closed(real_client))
    assert all(said["message"] == "updated to 2025.4" for said in results(once, name).values())
    assert once.deployment(f"{name}-v1")["resolved"]["rollout"]["maxParallel"] == 1


def long_update(node: str, seconds: int) -> dict[str, Any]:
    spec = example("update")
    spec["selector"] = {"matchIds": [node]}
    spec["config"]["command"] = ["sleep", str(seconds)]
    spec["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    return spec


def at_work(space: Space, client: Client, node: str) -> bool:
    pods = [each for each in space.list("Pod") if each["status"].get("phase") == "Running"]
    return node in closed(client) and bool(pods)


@pytest.mark.row("spec.config", "Cordon")
def test_a_node_is_opened_again_by_the_next_process(
    once: Space,
    name: str,
    one_node: str,
    real_cluster: wavelab.Cluster,
    real_client: Client,
    operator: OperatorProcess,
) -> None:
    real_cluster.kubectl("apply", "-f", CORDON)
    once.apply(name, long_update(one_node, 5))
    once.wait("it works", lambda: at_work(once, real_client, one_node), seconds=120)
    operator.kill()

    def pod_ended() -> bool:
        return any(each["status"].get("phase") == "Succeeded" for each in once.list("Pod"))

    once.wait("it ends while nobody looks", pod_ended, seconds=60)
    assert one_node in closed(real_client)
    operator.start()
    once.wait("it is open", lambda: not closed(real_client), seconds=60)
    once.wait("it ended", lambda: once.job_state(name) == "Completed")
    assert len(once.executions(name)) == 1


@pytest.mark.row("spec.config", "Cordon")
def test_a_deleted_job_and_a_suspended_one_open_their_node(
    once: Space,
    name: str,
    one_node: str,
    real_cluster: wavelab.Cluster,
    real_client: Client,
) -> None:
    real_cluster.kubectl("apply", "-f", CORDON)
    once.apply(name, long_update(one_node, 600))
    once.wait("it works", lambda: at_work(once, real_client, one_node), seconds=120)
    once.patch("FleetJob", name, {"suspend": True})
    once.wait("it is open", lambda: not closed(real_client), seconds=60)
    once.patch("FleetJob", name, {"suspend": False})
    once.wait("it works again", lambda: at_work(once, real_client, one_node), seconds=120)
    once.delete("FleetJob", name)
    once.wait("it is open", lambda: not closed(real_client), seconds=60)
    once.wait("no taint", lambda: "taints" not in nodes_of(real_client)[one_node]["spec"])
