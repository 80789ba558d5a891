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
    objects = [job("job"), deployment("back"), http_job("echo"), job_run("one"), run_batch("many")]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "namePrefix": "team-",
                "resources": ["objects.yaml"],
                "configurations": ["wavegate.yaml"],
            }
        )
    )
    made = {d["kind"]: d for d in yaml.safe_load_all(cluster.kubectl("kustomize", str(tmp_path)))}
    assert made["FleetJob"]["metadata"]["name"] == "team-job"
    assert made["FleetDeployment"]["metadata"]["name"] == "team-back"
    assert made["FleetDeployment"]["spec"]["jobName"] == "team-job"
    for kind in ("JobRun", "RunBatch"):
        assert made[kind]["spec"]["jobName"] == made["HTTPJob"]["metadata"]["name"] == "team-echo"
