"""The command line against the real API server and a running operator, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import wavelab
from integration.conftest import ROOT
from support.few import GATED, NODES, ended, few, runs, spec_of
from support.rollouts import awaits
from support.space import Space
from wavegate.cli import cluster as cli_cluster
from wavegate.cli.options import Target
from wavegate.kube.resources import NODES as NODE_RESOURCE

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Told:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def wavegate(cluster: wavelab.Cluster, jobs: Space) -> Command:
    """Run a command in the test's namespace."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "operator"), os.environ.get("PYTHONPATH", "")]),
        "KUBECONFIG": str(cluster.kubeconfig),
    }

    def run(*arguments: str, given: str | None = None) -> Told:
        command = [sys.executable, "-m", "wavegate.cli.main", *arguments, "-n", jobs.name]
        done = subprocess.run(
            command,
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def jobs(space: Space, operator: Any) -> Any:
    """A namespace whose jobs are deleted after the test."""
    yield space
    for job in space.list("FleetJob"):
        space.delete("FleetJob", job["metadata"]["name"])


@pytest.fixture
def gate(jobs: Space) -> Space:
    """v1 runs on three nodes; the canary of v2 is stable and waits for a person."""
    jobs.apply("app", few())
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    jobs.apply("app", few("app:2", **GATED))
    jobs.wait("v2 waits at its gate", lambda: awaits(jobs, "app-v2"))
    jobs.wait("the job says so", lambda: jobs.job_state("app") == "RolloutPaused")
    return jobs


def document(spec: dict[str, Any], space: Space) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": "FleetJob",
            "metadata": {"name": "app", "namespace": space.name},
            "spec": spec,
        }
    )


def test_what_is_read_is_what_is_there(gate: Space, wavegate: Command) -> None:
    told = json.loads(wavegate("get", "app", "-o", "json").out)
    assert told["job"]["state"] == "RolloutPaused"
    assert [len(wave["nodes"]) for wave in told["waves"]] == [1]
    assert [(each["version"], len(each["nodes"])) for each in told["before"]] == [(1, 2)]
    tree = wavegate("get", "app")
    assert (tree.code, tree.err) == (0, "")
    assert "wave 1 (canary): 1 node: 1 Running" in tree.out
    assert wavegate("list").out.splitlines()[1].split()[:3] == [
        *("app", "RolloutPaused", "(AwaitingPromotion)")
    ]
    history = json.loads(wavegate("history", "app", "-o", "json").out)["items"]
    assert [(each["name"], each["state"]) for each in history] == [
        ("app-v1", "Completed"),
        ("app-v2", "Paused"),
    ]

    def reasons() -> set[str]:
        items = json.loads(wavegate("events", "app", "-o", "json").out)["items"]
        return {each["reason"] for each in items}

    gate.wait("its event is there", lambda: "RolloutPaused" in reasons())
    timed_out = wavegate("status", "app", "--wait", "--timeout", "1s")
    assert (timed_out.code, "not ended after 1 s" in timed_out.err) == (3, True)


def test_why_names_who_has_paused_it_and_when(gate: Space, wavegate: Command) -> None:
    answer = json.loads(wavegate("why", "app", "-o", "json").out)
    assert (answer["reason"], answer["who"]) == ("AwaitingPromotion", "a person")
    assert f"wavegate promote app -n {gate.name}" in answer["how"]
    assert answer["nextAt"] == ""
    assert wavegate("pause", "app").code == 0
    gate.wait("it is paused", lambda: gate.deployment("app-v2").get("reason") == "Paused")
    answer = json.loads(wavegate("why", "app-v2", "-o", "json").out)
    assert answer["reason"] == "Paused"
    (line,) = [each for each in answer["evidence"] if each.startswith("spec.paused of app-v2")]
    assert "was set by wavegate-cli at 2" in line
    assert answer["since"] in line
    assert wavegate("resume", "app").code == 0
    gate.wait("it goes on", lambda: awaits(gate, "app-v2"))


def test_promoting_finishes_the_rollout_and_status_waits_for_it(
    gate: Space, wavegate: Command
) -> None:
    written = wavegate("promote", "app", "--dry-run=client", "-o", "yaml")
    assert yaml.safe_load(written.out)["spec"] == {"promoted": True}
    assert awaits(gate, "app-v2")
    waiting: list[Told] = []
    thread = threading.Thread(
        target=lambda: waiting.append(wavegate("status", "app", "--wait", "--timeout", "60s"))
    )
    thread.start()
    told = wavegate("promote", "app")
    assert (told.code, told.out) == (0, "fleetdeployment.wavegate.dev/app-v2 promoted\n")
    thread.join()
    assert waiting[0].code == 0, waiting[0].err
    assert "v2 runs on 3 nodes" in waiting[0].out
    assert runs(gate, 2)


def test_a_plan_is_what_happens_on_the_real_server(jobs: Space, wavegate: Command) -> None:
    first, then = few(), few("app:2", **{**GATED, "autoPromote": True, "maxParallel": 1})
    jobs.apply("app", first)
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    nothing = wavegate("plan", "-f", "-", "--exit-code", given=document(first, jobs))
    assert (nothing.code, nothing.err) == (0, "")
    asked = wavegate("plan", "-f", "-", "--exit-code", "-o", "json", given=document(then, jobs))
    assert asked.code == 1, asked.err
    told = json.loads(asked.out)
    assert (told["version"], told["deployment"]) == (2, "app-v2")
    assert len(told["leftOut"][0]["nodes"]) >= 17
    jobs.apply("app", then)
    jobs.wait("v2 runs", lambda: runs(jobs, 2))
    waves: dict[int, list[str]] = {}
    for each in jobs.executions("app", 2):
        waves.setdefault(each["spec"]["rolloutWave"], []).append(each["spec"]["nodeName"])
    assert {wave["wave"]: wave["nodes"] for wave in told["waves"]} == waves
    deployment = jobs.deployment("app-v2")
    assert deployment["totalWaves"] == len(told["waves"]) == 3
    assert wavegate("diff", "-f", "-", given=document(then, jobs)).code == 0


def test_what_a_person_makes_is_accepted_by_the_operator(jobs: Space, wavegate: Command) -> None:
    jobs.apply("app", few())
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    jobs.apply("app", few("app:2"))
    jobs.wait("v2 runs", lambda: runs(jobs, 2))
    assert wavegate("rollback", "app", "--name", "back").code == 0
    jobs.wait("it went back", lambda: set(jobs.running("app").values()) == {"1"})
    jobs.wait("it ended", lambda: ended(jobs, "back"))
    assert wavegate("stop", "app", "--name", "halt").code == 0
    jobs.wait("it stopped", lambda: not jobs.running("app"))
    jobs.wait("it ended", lambda: ended(jobs, "halt"))
    jobs.wait("the job says so", lambda: jobs.job_state("app") == "Stopped")
    assert wavegate("restart", "app", "--to-version", "2", "--name", "again").code == 0
    jobs.wait("v2 runs again", lambda: runs(jobs, 2))
    assert spec_of(jobs, "FleetJob", "app")["suspend"] is False


def test_a_job_is_suspended_unless_git_owns_it(jobs: Space, wavegate: Command) -> None:
    jobs.apply("app", few())
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    assert wavegate("suspend", "app").code == 0
    jobs.wait("it is suspended", lambda: jobs.job_state("app") == "Stopped")
    assert wavegate("unsuspend", "app").code == 0
    jobs.wait("v1 runs", lambda: runs(jobs, 1))
    path = f"{jobs.path('FleetJob', 'app')}?fieldManager=argocd-controller&force=true"
    body = yaml.safe_load(document(few(), jobs))
    jobs.client.request("PATCH", path, body, content="application/apply-patch+yaml")
    told = wavegate("suspend", "app")
    assert told.code == 1
    assert "applied from Git by argocd-controller" in told.err
    assert yaml.safe_load(told.out)["spec"] == {"suspend": True}
    assert spec_of(jobs, "FleetJob", "app")["suspend"] is False


def test_who_may_not_is_told_so_and_nothing_happens(gate: Space, wavegate: Command) -> None:
    told = wavegate("promote", "app", "--as", "nobody")
    assert (told.code, told.out) == (2, "")
    assert 'User "nobody" cannot get resource "fleetjobs"' in told.err
    assert awaits(gate, "app-v2")
    checked = wavegate("check", "--as", "nobody", "-o", "json")
    assert checked.code == 1
    verdicts = {each["what"]: each["verdict"] for each in json.loads(checked.out)["items"]}
    assert verdicts[f"you may list fleetjobs in {gate.name}"] == "wrong"
    assert verdicts[f"you may patch fleetdeployments in {gate.name}"] == "no"


def test_all_is_well_and_check_says_so(jobs: Space, wavegate: Command) -> None:
    told = wavegate("check")
    assert told.code == 0, told.out
    assert "ok    API server: v1." in told.out
    assert " leads, in wavegate-system" in told.out
    assert len({line.split()[0] for line in told.out.splitlines()}) == 1


def test_lists_come_in_pages(cluster: wavelab.Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nodes of the cluster, of which others may add some meanwhile."""
    monkeypatch.setattr(cli_cluster, "PAGE", 7)
    with cli_cluster.connect(Target(kubeconfig=str(cluster.kubeconfig))) as connected:
        (nodes,) = connected.read(cli_cluster.Selection(NODE_RESOURCE))
    names = [each["metadata"]["name"] for each in nodes]
    assert len(set(names)) == len(names) >= 20
    assert {each["kind"] for each in nodes} == {"Node"}


def test_names_are_completed_from_the_cluster(jobs: Space, cluster: wavelab.Cluster) -> None:
    for name in ("app", "apple", "other"):
        jobs.apply(name, few(nodes=["none"]))
    words = ["wavegate", "get", "-n", jobs.name, "ap"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(cluster.kubeconfig),
        "_WAVEGATE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-m", "wavegate.cli.main"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["plain,app", "plain,apple"]


def test_a_live_tree_follows_the_rollout_to_its_end(
    gate: Space, wavegate: Command, cluster: wavelab.Cluster, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    out = tmp_path / "out"
    command = [sys.executable, "-u", "-m", "wavegate.cli.main", "get", "app", "-w"]
    with out.open("w") as file:
        process = subprocess.Popen([*command, "-n", gate.name], env=environment, stdout=file)
    try:
        gate.wait("it has begun", lambda: "RolloutPaused" in out.read_text())
        wavegate("promote", "app")
        gate.wait("it saw the end", lambda: "v2 runs on 3 nodes" in out.read_text())
    finally:
        process.terminate()
        process.wait(timeout=30)
    told = out.read_text()
    assert "\x1b" not in told
    assert all(f"{node} v2 Running" in told for node in NODES)
