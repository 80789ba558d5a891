"""A cluster of three real nodes, a Prometheus, and the operator on it; one for this package."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wavelab
from support.operator_process import OperatorProcess
from support.space import Space
from support.targets import PodTargets
from wavelab.client import Client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def real_cluster() -> Iterator[wavelab.Cluster]:
    """Three nodes with a kubelet and a containerd each, CRDs and rights installed."""
    lab = wavelab.Cluster("test-e2e")
    try:
        lab.down()  # of a run that was killed
        lab.up(nodes=3)
        rights = ROOT / "manifests" / "rights.yaml"
        lab.kubectl("apply", "-f", str(ROOT / "crds"), "-f", str(rights))
        lab.kubectl(
            "wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds")
        )
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="package")
def real_client(real_cluster: wavelab.Cluster) -> Client:
    return real_cluster.client()


@pytest.fixture(scope="package")
def node_directory() -> Iterator[Path]:
    """A directory of the nodes in which jobs may write: of this machine, as they all are."""
    path = Path(tempfile.mkdtemp(prefix="wavegate-e2e-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="package")
def prometheus_config(real_client: Client) -> Iterator[dict[str, Any]]:
    """What makes a Prometheus scrape the pods of our jobs twice a second."""
    targets = PodTargets(real_client)
    discovery = {"url": targets.url, "refresh_interval": "500ms"}
    yield {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "pods", "http_sd_configs": [discovery]}],
    }
    targets.close()


@pytest.fixture(scope="package")
def operator(
    real_cluster: wavelab.Cluster,
    prometheus_config: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    node_directory: Path,
) -> Iterator[OperatorProcess]:
    """The operator under its own ServiceAccount, with the source ``main``."""
    address = real_cluster.start_prometheus(prometheus_config)
    config = real_cluster.service_account_kubeconfig("wavegate-system", "wavegate")
    log = tmp_path_factory.mktemp("operator") / "log"
    options = [f"--config-directory={node_directory}", f"--prometheus-source=main={address}"]
    process = OperatorProcess(config, log, *options)
    process.start()
    yield process
    process.close()


@pytest.fixture(scope="package")
def edge(
    real_cluster: wavelab.Cluster,
    real_client: Client,
    operator: OperatorProcess,
) -> Space:
    """A namespace whose pods must satisfy the restricted Pod Security Standard."""
    return Space(real_client, "edge", **{"pod-security.kubernetes.io/enforce": "restricted"})
