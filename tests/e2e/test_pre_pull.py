"""What pulling early saves on real nodes, whose registry is behind a slow link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

import wavelab
from support.diary import Diary
from support.space import Document, Space
from wavelab import images, machine

pytestmark = pytest.mark.nodes

MIB = 64
RATE = "100mbit"
NODES = ("node-1", "node-2", "node-3")
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def heavy(image: str, *, pre_pull: bool) -> dict[str, Any]:
    """A job whose canary waits for a person, and whose other two nodes are the second wave."""
    main = {
        "name": "main",
        "image": image,
        "command": ["/bin/busybox", "sleep", "86400"],
        "securityContext": RESTRICTED,
    }
    return {
        "type": "container",
        "template": {
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [main],
            }
        },
        "rollout": {
            "strategy": "Canary",
            "autoPromote": False,
            "maxParallel": 2,
            "prePull": pre_pull,
            "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "3m"},
        },
    }


@pytest.fixture
def pushed(real_cluster: wavelab.Cluster, tmp_path: Path) -> list[str]:
    """Two images that no node has, of a size that no compression helps."""
    names = []
    for number in (2, 3):
        files: dict[str, tuple[bytes | Path, int]] = {
            "/bin/busybox": (machine.BUSYBOX, 0o755),
            "/payload": (Random(number).randbytes(MIB << 20), 0o644),
        }
        image = images.Image(f"example.local/heavy:{number}", files)
        names.append(real_cluster.push_image(images.write_tar(image, tmp_path / f"{number}.tar")))
    real_cluster.limit_registry(RATE)
    return names


@pytest.fixture
def first(edge: Space) -> Iterator[Space]:
    """The job ``heavy``, its first version on all nodes."""
    edge.apply("heavy", heavy(images.BUSYBOX, pre_pull=False))
    edge.wait("its canary is stable", lambda: awaits_a_person(edge, 1))
    edge.patch("FleetDeployment", "heavy-v1", {"promoted": True})
    edge.wait("v1 runs", lambda: edge.deployment("heavy-v1").get("state") == "Completed")
    yield edge
    edge.delete("FleetJob", "heavy")
    edge.wait("nothing is left of it", lambda: not pods_of(edge, "heavy"))


def awaits_a_person(space: Space, version: int) -> bool:
    return space.deployment(f"heavy-v{version}").get("reason") == "AwaitingPromotion"


def pods_of(space: Space, job: str) -> list[Document]:
    return [p for p in space.list("Pod") if p["metadata"]["name"].startswith(f"{job}-")]


def pulls(space: Space) -> list[Document]:
    return [p for p in space.list("Pod") if "wavegate.dev/pull" in p["metadata"]["labels"]]


def how_it_ended(pod: Document) -> str:
    """As kubectl shows it; empty while it has not."""
    found = [each.get("state", {}) for each in pod["status"].get("containerStatuses", [])]
    if pod["status"].get("phase") != "Failed":
        return ""
    return str(found[0]["terminated"]["reason"])


def told_of_images(space: Space, version: int) -> dict[str, str]:
    """What its kubelet has said of the image of the version's pod, by node."""
    found = {}
    events = space.client.get(f"/api/v1/namespaces/{space.name}/events")["items"]
    for pod in space.list("Pod"):
        labels, uid = pod["metadata"]["labels"], pod["metadata"]["uid"]
        if labels.get("wavegate.dev/version") == str(version):
            found[pod["spec"]["nodeName"]] = next(
                str(event["message"])
                for event in events
                if event["involvedObject"].get("uid") == uid and event["reason"] == "Pulled"
            )
    return found


def roll_out(space: Space, version: int, image: str, *, pre_pull: bool) -> Diary:
    """Through the gate and to the end; images that are pulled early are there before the gate."""
    space.apply("heavy", heavy(image, pre_pull=pre_pull))
    with Diary(space) as diary:
        space.wait("its canary is stable", lambda: awaits_a_person(space, version), 120)
        if pre_pull:
            space.wait(
                "the images are there",
                lambda: [how_it_ended(p) for p in pulls(space)] == ["StartError"] * 2,
                seconds=120,
            )
        space.patch("FleetDeployment", f"heavy-v{version}", {"promoted": True})
        space.wait(
            "it has completed",
            lambda: space.deployment(f"heavy-v{version}").get("state") == "Completed",
            seconds=120,
        )
        space.wait("no image is pulled any more", lambda: not pulls(space))
    return diary


@pytest.mark.row("spec.rollout.prePull", "Pre-pull")
def test_an_image_pulled_early_is_there_when_the_node_has_its_turn(
    first: Space, pushed: list[str], measured: Callable[[str], None]
) -> None:
    without = roll_out(first, 2, pushed[0], pre_pull=False)
    said = told_of_images(first, 2)
    assert all("Successfully pulled" in said[node] for node in NODES), said
    assert without.pulled() == []

    with_it = roll_out(first, 3, pushed[1], pre_pull=True)
    said = told_of_images(first, 3)
    [canary] = first.deployment("heavy-v3")["canaryNodes"]
    assert "Successfully pulled" in said.pop(canary), "no wave was judged before the first"
    assert len(said) == 2
    assert all("already present" in words for words in said.values()), said
    assert len(with_it.pulled()) == with_it.most_pulls_at_once() == 2
    early = {entry.node for entry in with_it.entries if entry.pulls}
    assert early == set(said), "one on each node of the second wave"

    seconds = {
        name: [diary.down_seconds(node) for node in sorted(said)]
        for name, diary in (("without", without), ("with", with_it))
    }
    for name, found in seconds.items():
        shown = ", ".join(f"{each:.1f} s" for each in found)
        measured(f"down for a new image of {MIB} MiB, {RATE}, {name} prePull: {shown}")
    assert sum(seconds["with"]) < sum(seconds["without"])
