"""`make cluster`, `make run` and `make status`, on a cluster that has nothing of ours yet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wavelab.__main__ import main
from wavelab.cluster import Cluster
from wavelab.tests.conftest import Wait

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_the_operator_runs_on_a_cluster_made_for_daily_work(
    state_root: Path, wait: Wait, tmp_path: Path
) -> None:
    assert state_root.is_dir()
    cluster = Cluster("daily")
    cluster.up(simulated=1)
    said = tmp_path / "operator.log"
    environment = {**os.environ, "NAME": "daily", "PYTHON": sys.executable}
    with said.open("w") as log:
        operator = subprocess.Popen(
            ["bash", str(ROOT / "hack/run.sh")], cwd=ROOT, env=environment, stdout=log, stderr=log
        )

    def leads() -> bool:
        assert operator.poll() is None, said.read_text()
        holder = ("get", "leases", "-n", "wavegate-system", "-o", "jsonpath={..holderIdentity}")
        return bool(cluster.kubectl(*holder)) if "export KUBECONFIG" in said.read_text() else False

    try:
        wait("the operator leads", leads)
    finally:
        operator.send_signal(signal.SIGTERM)
        operator.wait(timeout=60)
    assert "Traceback" not in said.read_text()
    assert operator.returncode == 0, said.read_text()


def test_status_of_all(state_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert state_root.is_dir()
    assert main(["status", "--all"]) == 0
    assert "no local cluster" in capsys.readouterr().out
    Cluster("daily").up(simulated=1)
    assert main(["status", "--all"]) == 0
    assert "cluster daily: running" in capsys.readouterr().out
