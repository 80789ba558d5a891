"""From nothing to the acts of the demonstration, through an operator that the chart installed.

The tests of this file are one story, in order: install, first success, acts with the leader killed
in the middle, upgrade and rollback with a rollout in flight, uninstall.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from demo.__main__ import Demonstration
from demo.clusters import InstalledStage
from demo.kubectl import Kubectl
from demo.view import Outcome, View
from install.conftest import IMAGE_MIB
from install.release import Release
from support.chart import NAMESPACE, ROOT, previous
from wavelab import binaries
from wavelab.images import PAUSE

pytestmark = [pytest.mark.nodes, pytest.mark.install]

HELM = "helm"
ASKED_AT_MOST = 120.0
"""Seconds from nothing to a canary that waits."""


def test_the_image_has_one_program_and_fits_its_budget(
    archive: Path, took: Callable[[str], None]
) -> None:
    size = archive.stat().st_size / 2**20
    took(f"the operator's image, unpacked: {size:.0f} MiB")
    assert size <= IMAGE_MIB
    paths = set()
    with tarfile.open(archive) as outer:
        manifest = json.loads(outer.extractfile("manifest.json").read())[0]  # type: ignore[union-attr]
        config = json.loads(outer.extractfile(manifest["Config"]).read())["config"]  # type: ignore[union-attr]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                paths |= {name.removeprefix("./") for name in inner.getnames()}
    programs = {
        path for path in paths if path.startswith(("bin/", "sbin/", "usr/bin/", "usr/sbin/"))
    }
    assert programs == {"usr/bin/python3", "usr/bin/python3.11"}
    own = {path for path in paths if path.startswith("opt/wavegate/bin/")}
    assert "opt/wavegate/bin/python" in own
    assert not {path for path in own if "pip" in path}
    assert not any("/site-packages/pip/" in path for path in paths)
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/opt/wavegate/bin/python", "-m", "wavegate"]


def test_from_nothing_to_a_canary_that_waits_in_three_commands(
    release: Release, took: Callable[[str], None]
) -> None:
    """helm install and the two commands of its notes, as they stand there."""
    begun = time.monotonic()
    notes = release.install().partition("NOTES:")[2]
    kubectl = release.lab.kubectl
    # The notes' NODE, and their image, which these nodes cannot pull.
    kubectl("label", "nodes", "--all", "pool=edge")
    text = notes.partition("<<EOF\n")[2].partition("  EOF\n")[0]
    job = yaml.safe_load(text)
    job["spec"]["template"]["spec"]["containers"][0]["image"] = PAUSE
    kubectl("apply", "-n", "default", "-f", "-", input=json.dumps(job))
    name = job["metadata"]["name"]
    release.wait("the canary waits", lambda: reason(release, f"{name}-v1") == "AwaitingPromotion")
    seconds = time.monotonic() - begun
    took(f"helm install to a canary that waits: {seconds:.1f} s")
    assert seconds < ASKED_AT_MOST
    assert "helm test wavegate" in notes


def reason(release: Release, deployment: str) -> str:
    found = release.items("fleetdeployments", "--all-namespaces")
    return next(
        (
            each["status"].get("reason", "")
            for each in found
            if each["metadata"]["name"] == deployment
        ),
        "",
    )


def test_the_pods_run_as_the_chart_says(release: Release) -> None:
    pods = release.pods()
    assert len(pods) == 2
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2, "spread over nodes"
    for pod in pods:
        assert "hostNetwork" not in pod["spec"]
        (container,) = pod["spec"]["containers"]
        assert container["image"] == "wavegate.local/wavegate:0.1.0"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert release.leads()
    shell = subprocess.run(
        [
            str(binaries.path_of("kubectl")), f"--kubeconfig={release.lab.kubeconfig}",
            "exec", "-n", NAMESPACE, release.leader(), "--", "/bin/sh", "-c", "true",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert shell.returncode != 0
    assert "no such file" in shell.stderr


def test_helm_test_passes(release: Release) -> None:
    assert "Succeeded" in release.helm("test", "wavegate", "--timeout=1m")


def test_the_first_job_is_promoted_and_goes(release: Release) -> None:
    kubectl = release.lab.kubectl
    patch = '{"spec":{"promoted":true}}'
    kubectl("patch", "fd", "hello-v1", "-n", "default", "--type=merge", "-p", patch)
    release.wait("it is everywhere", lambda: reason(release, "hello-v1") == "Completed")
    kubectl("delete", "fj", "hello", "-n", "default")
    release.wait("its pods are gone", lambda: not release.items("pods", "-n", "default"))


def test_the_acts_of_the_demonstration_though_the_leader_s_pod_is_killed(
    release: Release, took: Callable[[str], None]
) -> None:
    stage = InstalledStage("pool=edge", "wavegate-demo")
    stage.kubectl = Kubectl(str(binaries.path_of("kubectl")), release.lab.kubeconfig)
    console = Console(file=io.StringIO(), width=200, no_color=True)
    play = Demonstration(stage, View(console, live=False), None)
    outcomes: list[Outcome] = []
    ended = threading.Event()

    def run() -> None:
        try:
            outcomes.extend(play.run())
        finally:
            ended.set()

    threading.Thread(target=run, daemon=True).start()
    first = kill_leader_in_second_act(release, ended)
    assert ended.wait(timeout=240), play.evidence()
    stage.remove(lambda _: None)
    assert [(each.title, each.problems) for each in outcomes if each.problems] == []
    assert len(outcomes) == 4, play.evidence()
    assert release.leads()
    assert release.leader() != first
    took(f"the four acts with the leader's pod killed: {sum(e.seconds for e in outcomes):.0f} s")


def kill_leader_in_second_act(release: Release, ended: threading.Event) -> str:
    """Kill the leader's pod while the second version's canary is being judged; its name."""

    def judged() -> bool:
        found = release.items("executions", "-n", "wavegate-demo")
        states = [
            each.get("status", {}).get("observedState", {}).get("stateType")
            for each in found
            if each["spec"]["jobVersion"] == 2
        ]
        return "Validating" in states

    release.wait("version 2's canary is judged", lambda: ended.is_set() or judged())
    name = release.leader()
    release.lab.kubectl("delete", "pod", name, "-n", NAMESPACE, "--grace-period=0", "--force")
    return name


def test_it_asks_for_nothing_that_its_rights_do_not_cover(release: Release) -> None:
    asked = release.requests()
    assert len(asked) > 100
    refused = [
        f"{each['verb']} {each['requestURI']}"
        for each in asked
        if each["responseStatus"]["code"] in (401, 403)
    ]
    assert refused == []


JOB = {
    "apiVersion": "wavegate.dev/v1alpha1",
    "kind": "FleetJob",
    "metadata": {"name": "steady", "namespace": "default"},
    "spec": {
        "type": "container",
        "selector": {"matchLabels": {"pool": "edge"}},
        "rollout": {
            "strategy": "Canary",
            "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "30s"},
        },
        "template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": []}},
    },
}


def apply_version(release: Release, number: int) -> None:
    job = json.loads(json.dumps(JOB))
    env = [{"name": "VERSION", "value": str(number)}]
    job["spec"]["template"]["spec"]["containers"] = [{"name": "main", "image": PAUSE, "env": env}]
    release.lab.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(job))


def promote(release: Release, number: int) -> None:
    name = f"steady-v{number}"
    release.wait("the canary waits", lambda: reason(release, name) == "AwaitingPromotion")
    patch = '{"spec":{"promoted":true}}'
    release.lab.kubectl("patch", "fd", name, "-n", "default", "--type=merge", "-p", patch)
    release.wait("it is everywhere", lambda: reason(release, name) == "Completed")


def said_of(release: Release) -> str:
    """Why the job is Ready, or not."""
    (job,) = release.items("fleetjobs", "-n", "default")
    conditions = job.get("status", {}).get("conditions", [])
    return next((str(each["reason"]) for each in conditions if each["type"] == "Ready"), "")


def state_of_the_job(release: Release) -> dict[str, list[str]]:
    """Everything of it but times in its status: names, uids, generations, restarts."""
    found: dict[str, list[str]] = {}
    for kind in ("fleetjobs", "fleetdeployments", "jobversions", "executions", "pods"):
        for each in release.items(kind, "-n", "default"):
            meta = each["metadata"]
            restarts = [c["restartCount"] for c in each["status"].get("containerStatuses", [])]
            told = f"{meta['name']} {meta['uid']} {meta.get('generation')} {restarts}"
            found.setdefault(kind, []).append(told)
    return found


def test_upgrade_and_rollback_leave_a_rollout_in_flight_as_it_is(
    release: Release, tmp_path: Path
) -> None:
    """From the chart of the release before, and back to it."""
    release.upgrade(chart=previous(tmp_path))
    release.wait("a pod of the previous chart leads", release.leads)
    first = release.revision()
    apply_version(release, 1)
    promote(release, 1)
    apply_version(release, 2)
    release.wait("the job says that it waits", lambda: said_of(release) == "AwaitingPromotion")
    settle(release)
    before, writes = state_of_the_job(release), len(release.writes())
    old = {pod["metadata"]["uid"] for pod in release.pods()}

    release.upgrade("--set", "settings.verbose=true", "--set", "settings.lostAfter=30m")
    release.wait("a new pod leads", release.leads)
    upgraded = {pod["metadata"]["uid"] for pod in release.pods()}
    assert len(upgraded) == 2
    assert not upgraded & old
    assert "--lost-after=30m" in release.pods()[0]["spec"]["containers"][0]["args"]
    settle(release)
    assert state_of_the_job(release) == before
    assert release.writes()[writes:] == []

    release.helm("rollback", "wavegate", first, "--wait", "--timeout=2m")
    release.wait("a pod of the first revision leads", release.leads)
    assert "--lost-after=1h" in release.pods()[0]["spec"]["containers"][0]["args"]
    settle(release)
    assert state_of_the_job(release) == before
    assert release.writes()[writes:] == []
    promote(release, 2)


def settle(release: Release) -> None:
    """Until the leader knows everything and has looked at the job at least once."""
    name = release.leader()

    def looked() -> bool:
        said = release.lab.kubectl("logs", "-n", NAMESPACE, name, check=False)
        return "leading as" in said and "ready after" in said

    release.wait("the leader has begun", looked)
    # What it would write at once it has written by the time it has read a Lease of its own again.
    renewed = lease_time(release)
    release.wait("it goes on", lambda: lease_time(release) != renewed)


def lease_time(release: Release) -> str:
    (lease,) = release.items("leases", "-n", NAMESPACE)
    return str(lease["spec"]["renewTime"])


def test_uninstalled_it_leaves_the_jobs_and_installed_again_it_goes_on(release: Release) -> None:
    before = state_of_the_job(release)["pods"]
    assert len(before) == 3
    said = release.helm("uninstall", "wavegate", "--wait", "--timeout=1m")
    assert said.count("CustomResourceDefinition") in (0, 4), "what is kept is told"
    release.wait("no operator is left", lambda: not release.pods())
    assert state_of_the_job(release)["pods"] == before
    assert len(release.items("crd")) == 4
    release.lab.kubectl("delete", "namespace", NAMESPACE)
    release.install()
    release.wait("it leads", release.leads)
    assert state_of_the_job(release)["pods"] == before
    apply_version(release, 3)
    promote(release, 3)


def test_removed_in_the_order_of_the_readme_nothing_is_left(release: Release) -> None:
    kubectl = release.lab.kubectl
    kubectl("delete", "fleetjobs", "--all", "--all-namespaces")
    release.wait("its pods are gone", lambda: not release.items("pods", "-n", "default"))
    release.helm("uninstall", "wavegate", "--wait", "--timeout=1m")
    kubectl("delete", "--filename", str(ROOT / "crds"))
    kubectl("delete", "namespace", NAMESPACE)
    assert left_behind(release) == []


def left_behind(release: Release) -> list[str]:
    """Objects of any kind that are ours by group, label or account."""
    found = []
    kinds = release.lab.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    assert len(kinds) > 40
    assert not [kind for kind in kinds if kind.endswith("wavegate.dev")]
    for kind in kinds:
        if kind.startswith("events"):
            continue
        for each in release.items(kind, "--all-namespaces"):
            name, labels = each["metadata"]["name"], each["metadata"].get("labels", {})
            ours = [key for key in labels if key.startswith("wavegate.dev/")]
            if ours or "wavegate" in (name, labels.get("app.kubernetes.io/name")):
                found.append(f"{kind} {name}")
    return found
