"""What the reference shows of a refusal is what kubectl prints."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import wavelab
from integration.conftest import ROOT
from support.examples import shown_in_readme
from wavelab.binaries import path_of

pytestmark = pytest.mark.cluster

SHOWN = re.compile(r"\$ kubectl apply -f job\.yaml\n(.*?)```", re.DOTALL)


def test_a_refusal_looks_as_the_reference_shows_it(
    cluster: wavelab.Cluster, tmp_path: Path
) -> None:
    [expected] = SHOWN.findall((ROOT / "docs" / "reference" / "README.md").read_text())
    [job] = [job for example in shown_in_readme() for job in example.jobs]
    job["metadata"]["namespace"] = "default"
    job["spec"] |= {"priority": 101, "restartPolicy": "Often"}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    done = subprocess.run(
        [str(path_of("kubectl")), f"--kubeconfig={cluster.kubeconfig}", "apply", "-f", "job.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    head, *fields = (line.rstrip() for line in done.stderr.splitlines())
    first, *shown = expected.splitlines()
    assert head == first
    assert sorted(fields) == sorted(shown), "the server names the fields in any order"
