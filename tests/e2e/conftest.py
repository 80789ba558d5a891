"""A cluster of three real nodes, and the operator on it; one for this package."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import wavelab
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def real_cluster() -> Iterator[wavelab.Cluster]:
    """Three nodes with a kubelet and a containerd each, CRDs and rights installed."""
    lab = wavelab.Cluster("test-e2e")
    try:
        lab.down()  # of a run that was killed
        lab.up(nodes=3)
        lab.kubectl("create", "namespace", "wavegate-system")
        lab.kubectl("apply", "-f", str(ROOT / "crds"), "-f", str(ROOT / "manifests"))
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
def operator(
    real_cluster: wavelab.Cluster, tmp_path_factory: pytest.TempPathFactory, node_directory: Path
) -> Iterator[OperatorProcess]:
    """The operator under its own ServiceAccount."""
    config = real_cluster.service_account_kubeconfig("wavegate-system", "wavegate")
    log = tmp_path_factory.mktemp("operator") / "log"
    process = OperatorProcess(config, log, f"--config-directory={node_directory}")
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
