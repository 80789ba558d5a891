"""What ``plan`` and ``diff`` print, and their exit codes; that it comes true is asked in sim."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.world import spec
from support.told import Played, Stage, Told, play
from wavegate.simulation.fates import ERRS, FINE

EDGE = {"matchLabels": {"pool": "edge"}}
ROLLING: dict[str, Any] = {"strategy": "Rolling", "maxParallel": "100%"}


async def runs(stage: Stage) -> None:
    stage.cluster.fleet.add("far", pool="moon", zone="c")
    for node, zone in (("n00", "a"), ("n01", "a"), ("n02", "b"), ("n03", "b")):
        stage.cluster.fleet.label(node, zone=zone)
    stage.cluster.apply("app", {**spec("app:1", **ROLLING), "selector": EDGE})
    await stage.ended("app-v1")
    await stage.until("the job runs", lambda: stage.state() == "Running")


async def cannot_use_all(stage: Stage) -> None:
    await runs(stage)
    stage.cluster.fleet.cordon("n01")
    stage.cluster.fleet.set_ready("n02", False)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(runs, monkeypatch)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a job's file; its path."""

    def to_file(job_spec: Any, name: str = "app", **metadata: Any) -> str:
        path = tmp_path / f"{name}.yaml"
        job = {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": "FleetJob",
            "metadata": {"name": name, **metadata},
            "spec": job_spec,
        }
        path.write_text(yaml.safe_dump(job))
        return str(path)

    return to_file


def json_of(told: Told) -> dict[str, Any]:
    assert told.err == ""
    return dict(json.loads(told.out))


def update(**rollout: Any) -> dict[str, Any]:
    settings = {"maxParallel": 2, "maxFailedNodes": 1, "maxFailedNodesPercent": 100, **rollout}
    return {**spec("app:2", **settings), "selector": EDGE}


def test_an_update_is_told_with_all_that_it_takes(running: Played, write: Any) -> None:
    path = write(update(autoPromote=False))
    told = running("plan", "-f", path, "--zone-label", "zone")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[0] == "FleetJob default/app: makes v2 from v1, rolled out as app-v2 (Canary)"
    text = "\n".join(lines)
    for part in (
        "-    - image: app:1",
        "+    - image: app:2",
        "waves        wave 1 (canary), 1 node: n",
        "wave 2, 2 nodes: n",
        "wave 3, 1 node: n",
        "left out     spec.selector.matchLabels: pool is to be edge, it has moon: far",
        "unavailable  at most 2 of 4 nodes at a time; by zone: a ",
        "writes       about ",
        "4 Execution create",
        "takes        ",
        "stops it     one canary that fails",
        "2 of 4 nodes that fail (maxFailedNodes 1, maxFailedNodesPercent 100)",
        "a node fails after 3 bad windows of 5s in a row (errors above 10.0%",
        "or when it is not healthy after 1m",
        "then all nodes go back to v1 by themselves",
        "waits        after the canaries for a person: wavegate promote app",
    ):
        assert part in text
    assert [each["metadata"]["name"] for each in running.list("JobVersion")] == ["app-v1"]


def test_errors_are_a_reason_only_where_they_are_read(running: Played, write: Any) -> None:
    check = {"healthCheck": {"interval": "5s", "deadline": "1m"}}
    told = running("plan", "-f", write(update(**check)))
    assert "a node fails after 3 bad windows of 5s in a row (restarts, not ready)" in told.out


@pytest.mark.parametrize(
    ("job_spec", "code", "words"),
    [
        (
            {**spec("app:1", **ROLLING), "selector": EDGE},
            0,
            "nothing to do, the spec is",
        ),
        (update(), 1, "makes v2 from v1"),
        (
            {**spec("app:1", **ROLLING), "selector": EDGE, "description": "other words"},
            1,
            "changes, but makes no version and restarts nothing",
        ),
    ],
)
def test_the_exit_code_says_whether_there_is_something_to_do(
    job_spec: Any, code: int, words: str, running: Played, write: Any
) -> None:
    path = write(job_spec)
    told = running("plan", "-f", path, "--exit-code")
    assert told.code == code
    assert words in told.out.splitlines()[0]
    assert running("plan", "-f", path).code == 0
    assert running("diff", "-f", path).code == code


@pytest.mark.parametrize(
    ("job_spec", "words"),
    [
        ({"type": "container"}, "spec.template.spec.containers"),
        ({**update(), "rolout": {}}, "spec.rolout: is not known to this release"),
        ({"type": "query", "config": {}}, "spec.type: cannot be changed"),
    ],
)
def test_what_the_server_would_refuse_is_an_error(
    job_spec: Any, words: str, running: Played, write: Any
) -> None:
    told = running("plan", "-f", write(job_spec), "--exit-code")
    assert (told.code, told.out) == (2, "")
    assert words in told.err


def test_nodes_that_cannot_be_used_are_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    told = json_of(play(cannot_use_all, monkeypatch)("plan", "-f", write(update()), "-o", "json"))
    assert told["leftOut"] == [
        {"reason": "Cordoned", "nodes": ["n01"]},
        {"reason": "NotReady", "nodes": ["n02"]},
        {
            "reason": "spec.selector.matchLabels: pool is to be edge, it has moon",
            "nodes": ["far"],
        },
    ]
    taken = sorted(name for wave in told["waves"] for name in wave["nodes"])
    assert taken == ["n00", "n03"]
    assert told["unavailable"]["of"] == 2


def test_offline_it_takes_nodes_from_a_file(running: Played, write: Any, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text(yaml.safe_dump({"kind": "List", "items": running.list("Node")}))
    told = json_of(running("plan", "-f", write(update()), "--nodes", str(nodes), "-o", "json"))
    assert (told["exists"], told["nodesAreCertain"]) == (False, False)
    assert (told["version"], told["deployment"]) == (1, "app-v1")
    assert [len(wave["nodes"]) for wave in told["waves"]] == [1, 2, 1]
    assert (
        "known once the job is there"
        in running("plan", "-f", write(update()), "--nodes", str(nodes)).out
    )
    nodes.write_text("kind: List\nitems: []\n")
    refused = running("plan", "-f", write(update()), "--nodes", str(nodes))
    assert (refused.code, refused.out) == (2, "")
    assert "has no object of kind Node" in refused.err


def test_a_workload_that_failed_is_made_but_not_rolled_out(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    async def failed(stage: Stage) -> None:
        await runs(stage)
        stage.cluster.fleet.fate = lambda _node, image: ERRS if image == "app:2" else FINE
        stage.cluster.apply("app", update())
        await stage.says("RolledBack")
        stage.cluster.apply("app", {**spec("app:1", **ROLLING), "selector": EDGE})
        await stage.ended("app-v3")

    told = play(failed, monkeypatch)("plan", "-f", write({**update(), "priority": 1}))
    lines = told.out.splitlines()
    assert lines[0] == "FleetJob default/app: makes v4, which is not rolled out"
    assert any(line.startswith("then         v4 is v2 again, which failed") for line in lines)


def test_what_is_open_is_superseded_and_said(monkeypatch: pytest.MonkeyPatch, write: Any) -> None:
    async def at_the_gate(stage: Stage) -> None:
        await runs(stage)
        stage.cluster.apply("app", update(autoPromote=False))
        await stage.says("AwaitingPromotion")

    path = write({**update(), "template": spec("app:3")["template"]})
    told = json_of(play(at_the_gate, monkeypatch)("plan", "-f", path, "-o", "json"))
    assert (told["version"], told["supersedes"]) == (3, "app-v2")


@pytest.mark.parametrize(
    ("change", "waits", "rolled_out"),
    [
        (update(paused=True), "before its first node, until spec.rollout.paused is off", True),
        ({**update(), "suspend": True}, "", False),
    ],
)
def test_what_a_paused_or_suspended_job_waits_for(
    change: Any, waits: str, rolled_out: bool, running: Played, write: Any
) -> None:
    told = json_of(running("plan", "-f", write(change), "-o", "json"))
    assert bool(told["deployment"]) == rolled_out
    assert waits in "; ".join(told["waits"])
    taken = sorted(name for wave in told["waves"] for name in wave["nodes"])
    assert taken == (["n00", "n01", "n02", "n03"] if rolled_out else [])
    if not rolled_out:
        assert told["says"].startswith("stopped by spec.suspend")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            update(canarySelector={"matchLabels": {"tier": "test"}}),
            "canarySelector.matchLabels (tier=test) matches none of the job's 4 nodes",
        ),
        (
            {**update(), "selector": {"matchLabels": {"pool": "mars"}}},
            "no node that can be used matches the selector",
        ),
    ],
)
def test_a_rollout_that_would_not_get_on_says_what_it_would_wait_for(
    change: Any, words: str, running: Played, write: Any
) -> None:
    told = json_of(running("plan", "-f", write(change), "-o", "json"))
    assert told["waves"] == []
    (waits,) = told["waits"]
    assert waits.startswith("for something that a plan does not bring about: ")
    assert words in waits


async def paused(stage: Stage) -> None:
    await runs(stage)
    stage.cluster.apply("app", update())
    await stage.until("it began", lambda: stage.deployment("app-v2").get("startedAt"))
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
    await stage.says("Paused")


def test_what_keeps_a_version_from_being_made_is_said_and_none_is_promised(
    running: Played, write: Any
) -> None:
    path = write({**update(), "config": {"a": "x" * 300 * 1024}})
    told = json_of(running("plan", "-f", path, "-o", "json"))
    assert (told["version"], told["deployment"]) == (0, "")
    words = "spec.config: has 307208 bytes as JSON, at most 262144 are allowed"
    assert told["says"] == words
    shown = running("plan", "-f", path)
    assert "makes no version" in shown.out.splitlines()[0]
    assert f"then         {words}" in shown.out


def test_what_keeps_a_version_from_being_made_is_said_while_another_is_rolled_out(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    path = write({**update(), "config": {"a": "x" * 300 * 1024}})
    told = json_of(play(paused, monkeypatch)("plan", "-f", path, "-o", "json"))
    assert (told["version"], told["deployment"]) == (0, "")
    assert told["says"].startswith("spec.config: has 307208 bytes")


def test_other_words_while_a_rollout_is_open_make_no_version_and_change_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    path = write({**update(), "description": "the same with other words"})
    told = play(paused, monkeypatch)("plan", "-f", path)
    assert told.code == 0
    assert "makes no version" in told.out.splitlines()[0]
    assert told.out.splitlines()[-1] == "then         v2 runs on 4 nodes"


def test_the_time_is_that_of_past_rollouts_wave_by_wave(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    async def twice(stage: Stage) -> None:
        await runs(stage)
        stage.cluster.apply("app", update())
        await stage.ended("app-v2")

    done = play(twice, monkeypatch)
    told = json_of(done("plan", "-f", write({**update(), "labels": {"a": "b"}}), "-o", "json"))
    rows = json.loads(done("history", "app", "-o", "json").out)["items"]
    assert [row["waves"] for row in rows] == [1, 3]
    waves = len(told["waves"])
    assert told["seconds"]["rollouts"] == 2
    assert told["seconds"]["from"] >= told["seconds"]["least"] >= 10 * waves
    assert told["seconds"]["to"] <= 20 * waves


def test_time_in_which_a_person_was_waited_for_says_nothing(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    async def slow_person(stage: Stage) -> None:
        await runs(stage)
        stage.cluster.apply("app", update(autoPromote=False))
        await stage.says("AwaitingPromotion")
        await asyncio.sleep(3600)
        stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"promoted": True}})
        await stage.ended("app-v2")

    done = play(slow_person, monkeypatch)
    told = json_of(done("plan", "-f", write({**update(), "labels": {"a": "b"}}), "-o", "json"))
    assert told["seconds"]["rollouts"] == 1
    assert told["seconds"]["to"] < 100


def test_many_waves_are_told_together_and_all_with_wide(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    fleet = play(runs, monkeypatch, nodes=30)
    path = write(update(maxParallel=1))
    text = fleet("plan", "-f", path).out
    assert "waves 8 to 29, 22 nodes (-o wide names them)" in text
    assert "wave 30, 1 node: " in text
    assert "wave 15, 1 node: " in fleet("plan", "-f", path, "-o", "wide").out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: FleetJob\nmetadata: {}\n", "metadata.name: is required"),
        ("kind: ConfigMap\n", "has 0 objects of kind FleetJob, and one is needed"),
        ("a: [", "while parsing"),
        ("- 1\n", "document 1 is no object with a kind"),
    ],
)
def test_a_file_that_is_no_job_is_an_error(
    text: str, words: str, running: Played, tmp_path: Path
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(text)
    told = running("plan", "-f", str(path))
    assert (told.code, told.out) == (2, "")
    assert words in told.err


def test_a_file_that_is_not_there_and_a_namespace_that_is_another(
    running: Played, write: Any
) -> None:
    assert "No such file" in running("plan", "-f", "/nowhere.yaml").err
    told = running("plan", "-f", write(update(), namespace="edge"), "-n", "other")
    assert told.code == 2
    assert "the file is for namespace edge, and -n says other" in told.err
