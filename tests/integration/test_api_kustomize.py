"""The kustomize configuration: a renamed job is followed by what names it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

import wavelab
from integration.api_rules import deployment, job
from integration.conftest import ROOT
from integration.run_documents import http_job, job_run, run_batch

pytestmark = pytest.mark.cluster


def test_a_prefix_reaches_the_name_of_the_job(cluster: wavelab.Cluster, tmp_path: Path) -> None:
    shutil.copy(ROOT / "manifests" / "kustomize" / "wavegate.yaml", tmp_path)
    gates = [{"jobName": "echo"}, {"jobKind": "FleetJob", "jobName": "job"}, {"jobName": "else"}]
    trigger = {"dependsOn": gates}
    objects = [
        job("job", type="query", trigger=trigger),
        deployment("back"),
        http_job("echo", trigger=trigger),
        job_run("one"),
        run_batch("many"),
    ]
    pass_over_nodes = job_run("two", jobKind="FleetJob", jobName="job")
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all([pass_over_nodes, *objects]))
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "namePrefix": "team-",
                "resources": ["objects.yaml"],
                "configurations": ["wavegate.yaml"],
            }
        )
    )
    documents = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(tmp_path))))
    named = {document["metadata"]["name"]: document for document in documents}
    made = {each["kind"]: each for each in documents if each is not named["team-two"]}
    assert made["FleetJob"]["metadata"]["name"] == "team-job"
    assert made["FleetDeployment"]["metadata"]["name"] == "team-back"
    assert made["FleetDeployment"]["spec"]["jobName"] == "team-job"
    for kind in ("JobRun", "RunBatch"):
        assert made[kind]["spec"]["jobName"] == made["HTTPJob"]["metadata"]["name"] == "team-echo"
    assert named["team-two"]["spec"]["jobName"] == "team-job"
    for kind in ("FleetJob", "HTTPJob"):
        gates = made[kind]["spec"]["trigger"]["dependsOn"]
        assert [each["jobName"] for each in gates] == ["team-echo", "team-job", "else"]
