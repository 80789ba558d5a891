"""Driven by Git: what kstatus, Helm, Argo CD and kustomize see and do, on the real API server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import wavelab
from integration.conftest import ROOT
from support.chart import run_helm
from support.examples import example_files
from support.few import NODES, ended, few, runs, seen
from support.kstatus import Recorder, argocd, kstatus, told
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = pytest.mark.cluster

WAITS = "AwaitingPromotion"
GATED = {"strategy": "Canary", "autoPromote": False}


@pytest.fixture
def jobs(cluster: wavelab.Cluster, space: Space, tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(cluster, space.name, "fleetjobs", tmp_path / "jobs")
    yield recorder
    recorder.close()


@pytest.fixture
def deployments(cluster: wavelab.Cluster, space: Space, tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(cluster, space.name, "fleetdeployments", tmp_path / "deployments")
    yield recorder
    recorder.close()


def awaits(space: Space, name: str) -> bool:
    return space.deployment(name).get("reason") == WAITS


@pytest.mark.row("Conditions")
def test_at_no_moment_is_a_job_taken_for_finished_that_is_not(
    space: Space, operator: OperatorProcess, jobs: Recorder, deployments: Recorder
) -> None:
    """The acts of the demonstration, and a suspend; what is told of each spec, in order."""
    space.apply("app", few())
    space.wait("v1 runs", lambda: runs(space, 1))
    space.apply("app", few("app:2", **GATED))
    space.wait("the canary waits", lambda: awaits(space, "app-v2"))
    space.wait("the job says so", lambda: space.condition("app").get("reason") == WAITS)
    space.patch("FleetDeployment", "app-v2", {"promoted": True})
    space.wait("v2 runs", lambda: runs(space, 2))
    space.apply("app", few("app:3", fate="never-ready", strategy="Canary"))
    space.wait("it is taken back", lambda: space.condition("app").get("reason") == "RolledBack")
    canaries = space.deployment("app-v2")["canaryNodes"]  # the same from version to version
    fate = f"{next(node for node in NODES if node not in canaries)}=crash"
    space.apply(
        "app", few("app:4", fate, strategy="Canary", autoPromote=True, maxFailedNodesPercent=50)
    )
    space.wait("v4 is degraded", lambda: space.job_state("app") == "Degraded")
    space.patch("FleetJob", "app", {"suspend": True})
    space.wait("it is stopped", lambda: space.condition("app").get("reason") == "Suspended")

    for recorder, kind, name in (
        (jobs, "FleetJob", "app"),
        *((deployments, "FleetDeployment", f"app-v{n}") for n in ("1", "2", "3", "3-rollback")),
    ):
        live = space.get(kind, name)
        assert live is not None, name
        space.wait(f"{name} as it is now is recorded", partial(recorder.seen, live))
    by_generation: dict[int, list[dict[str, Any]]] = {}
    for each in jobs.states("app"):
        by_generation.setdefault(each["metadata"]["generation"], []).append(each)
    assert [told(kstatus(each)) for each in by_generation.values()] == [
        ["InProgress", "Current"],
        ["InProgress", "Current"],
        ["InProgress", "Failed"],
        ["InProgress", "Current"],
        ["InProgress", "Current"],
    ]
    assert [told(argocd(each)) for each in by_generation.values()] == [
        ["Progressing", "Healthy"],
        ["Progressing", "Suspended", "Progressing", "Healthy"],
        ["Progressing", "Degraded"],
        ["Progressing", "Healthy"],
        ["Progressing", "Suspended"],
    ]
    assert told(kstatus(deployments.states("app-v1"))) == ["InProgress", "Current"]
    assert told(kstatus(deployments.states("app-v2"))) == ["InProgress", "Current"]
    assert told(kstatus(deployments.states("app-v3"))) == ["InProgress", "Failed"]
    assert told(kstatus(deployments.states("app-v3-rollback"))) == ["InProgress", "Current"]
    waiting = told(argocd(deployments.states("app-v2")))
    assert waiting == ["Progressing", "Suspended", "Progressing", "Healthy"]


def manifest(space: Space, spec: dict[str, Any]) -> str:
    metadata = {"name": "app", "namespace": space.name}
    document = {"apiVersion": "wavegate.dev/v1alpha1", "kind": "FleetJob", "metadata": metadata}
    return yaml.safe_dump({**document, "spec": spec})


def applied_three_times(cluster: wavelab.Cluster, text: str) -> None:
    """As Flux or Argo CD does, and as a person does; a conflict is a WavelabError."""
    for _ in range(3):
        cluster.kubectl("apply", "--server-side", "--field-manager=gitops", "-f", "-", input=text)
    for _ in range(3):
        said = cluster.kubectl("apply", "-f", "-", input=text)
        assert said.count("unchanged") + said.count("configured") == said.count("\n")


def test_nothing_drifts_before_during_and_after_a_rollback(
    cluster: wavelab.Cluster, space: Space, operator: OperatorProcess
) -> None:
    cluster.kubectl("apply", "--server-side", "--field-manager=gitops", "-f", "-",
                    input=manifest(space, few()))  # fmt: skip
    space.wait("v1 runs", lambda: runs(space, 1))
    bad = manifest(space, few("app:2", fate="never-ready", strategy="Canary"))
    applied_three_times(cluster, bad)
    generation = job(space)["metadata"]["generation"]
    space.wait("the canary was taken", lambda: space.executions("app", 2))
    applied_three_times(cluster, bad)
    space.wait("it is being taken back", lambda: space.deployment("app-v2-rollback"))
    applied_three_times(cluster, bad)
    space.wait("it was taken back", lambda: ended(space, "app-v2-rollback"))
    space.wait("the job says so", lambda: space.condition("app").get("reason") == "RolledBack")
    applied_three_times(cluster, bad)
    assert job(space)["metadata"]["generation"] == generation
    assert {v["metadata"]["name"] for v in space.list("JobVersion")} == {"app-v1", "app-v2"}
    owners = {
        each["manager"]: each
        for each in job(space)["metadata"]["managedFields"]
        if "f:spec" in each["fieldsV1"]
    }
    assert set(owners) <= {"gitops", "kubectl-client-side-apply"}
    assert "gitops" in owners
    ours = [
        each
        for each in job(space)["metadata"]["managedFields"]
        if each.get("subresource") == "status"
    ]
    assert ours
    assert all(set(each["fieldsV1"]) == {"f:status"} for each in ours)


def job(space: Space) -> dict[str, Any]:
    found = space.get("FleetJob", "app")
    assert found is not None
    return found


@pytest.mark.parametrize("example", example_files(), ids=lambda each: each.source)
def test_no_example_drifts(
    example: Any, cluster: wavelab.Cluster, space: Space, operator: OperatorProcess
) -> None:
    documents = [
        {**each, "metadata": {**each["metadata"], "namespace": space.name}}
        for each in example.objects
    ]
    text = yaml.safe_dump_all(documents)
    applied_three_times(cluster, text)
    for each in documents:
        stored = space.get(each["kind"], each["metadata"]["name"])
        assert stored is not None
        assert stored["metadata"]["generation"] == 1
    for each in example.jobs:
        name = each["metadata"]["name"]
        space.wait("it was seen", lambda n=name: seen(space, n))
        space.delete("FleetJob", name)


def test_the_examples_for_argo_cd_and_flux_are_about_jobs_that_the_server_takes(
    cluster: wavelab.Cluster, space: Space
) -> None:
    documents = list(yaml.safe_load_all((ROOT / "gitops" / "jobs" / "agent.yaml").read_text()))
    jobs = [each for each in documents if each["kind"] == "FleetJob"]
    waves = [each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for each in jobs]
    assert waves == ["0", "1"]
    (flux,) = yaml.safe_load_all((ROOT / "gitops" / "flux" / "jobs.yaml").read_text())
    checked = [(each["kind"], each["name"]) for each in flux["spec"]["healthChecks"]]
    assert checked == [(each["kind"], each["metadata"]["name"]) for each in jobs]
    text = (ROOT / "gitops" / "jobs" / "agent.yaml").read_text()
    text = text.replace("namespace: edge", f"namespace: {space.name}").replace(
        "name: edge", f"name: {space.name}"
    )
    said = cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=text
    )
    assert said.count("fleetjob") == 2


KUSTOMIZATION = {
    "namePrefix": "team-",
    "labels": [{"pairs": {"team": "a"}, "includeSelectors": True}],
    "commonAnnotations": {"example.com/owner": "a"},
    "resources": ["objects.yaml"],
}


def test_kustomize_renames_labels_and_leaves_our_selectors_alone(
    cluster: wavelab.Cluster, space: Space, tmp_path: Path
) -> None:
    restart = {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": "again"},
        "spec": {"jobName": "app", "type": "Restart"},
    }
    one = yaml.safe_load(manifest(space, few()))
    del one["metadata"]["namespace"]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all([one, restart]))
    shutil.copy(ROOT / "manifests" / "kustomize" / "wavegate.yaml", tmp_path)
    changes = {**KUSTOMIZATION}
    changes |= {"namespace": space.name, "configurations": ["wavegate.yaml"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(changes))
    made = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(tmp_path))))
    by_kind = {each["kind"]: each for each in made}
    assert by_kind["FleetJob"]["metadata"]["name"] == "team-app"
    assert by_kind["FleetDeployment"]["spec"]["jobName"] == "team-app"
    assert by_kind["FleetJob"]["spec"] == one["spec"]
    assert by_kind["FleetJob"]["metadata"]["labels"] == {"team": "a"}
    said = cluster.kubectl("apply", "--server-side", "--validate=strict", "-k", str(tmp_path))
    assert said.count("serverside-applied") == 2
    space.delete("FleetJob", "team-app")


def test_kustomize_renames_the_operator_and_its_references_follow(
    cluster: wavelab.Cluster, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "manifests" / "install.yaml", tmp_path / "objects.yaml")
    changes = {**KUSTOMIZATION, "replicas": [{"name": "wavegate", "count": 3}]}
    changes["images"] = [{"name": "wavegate.local/wavegate", "newName": "r.example.com/w"}]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(changes))
    text = cluster.kubectl("kustomize", str(tmp_path))
    made = {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text)}
    namespace = "wavegate-system"  # kustomize gives no prefix to namespaces
    deployment = made["Deployment", "team-wavegate"]
    assert deployment["metadata"]["namespace"] == namespace
    assert deployment["spec"]["replicas"] == 3
    pod = deployment["spec"]["template"]
    assert pod["spec"]["serviceAccountName"] == "team-wavegate"
    assert pod["spec"]["containers"][0]["image"] == "r.example.com/w:0.1.0"
    assert (
        pod["metadata"]["labels"].items() >= deployment["spec"]["selector"]["matchLabels"].items()
    )
    for kind, name in (
        ("ClusterRoleBinding", "team-wavegate"),
        ("RoleBinding", "team-wavegate-leader"),
    ):
        binding = made[kind, name]
        assert binding["roleRef"]["name"] == name
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == ("team-wavegate", namespace)
    crds = [name for kind, name in made if kind == "CustomResourceDefinition"]
    assert "fleetjobs.wavegate.dev" in crds


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
    "values.yaml": "spec: {}\n",
    "templates/job.yaml": (
        "apiVersion: wavegate.dev/v1alpha1\nkind: FleetJob\nmetadata: {name: app}\n"
        "spec: {{ toJson .Values.spec }}\n"
    ),
}


def test_helm_waits_for_a_job_in_a_users_chart_and_fails_with_it(
    cluster: wavelab.Cluster, space: Space, operator: OperatorProcess, tmp_path: Path
) -> None:
    for name, text in CHART.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    common = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={space.name}")

    def helm(verb: str, spec: dict[str, Any]) -> tuple[int, str]:
        options = ("--wait", "--timeout=60s", "--values", "-")
        given = yaml.safe_dump({"spec": spec})
        done = run_helm(verb, "app", str(tmp_path), *common, *options, given=given)
        return done.returncode, done.stderr

    assert helm("install", few()) == (0, "")
    assert runs(space, 1), "helm came back before the job was there"
    code, said = helm("upgrade", few("app:2", fate="never-ready", strategy="Canary"))
    assert code != 0
    assert space.condition("app").get("reason") == "RolledBack", "helm gave up before the job did"
    assert "v2 failed" in said
    assert helm("upgrade", few("app:3"))[0] == 0
    assert runs(space, 3)
    run_helm("uninstall", "app", *common)
    space.wait("nothing is left", lambda: not space.list("Pod"))
