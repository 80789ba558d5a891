"""An operator that is newer than the CRDs of its cluster."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import yaml

import wavelab
from integration.conftest import ROOT
from support.crds import install_crds
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

LACKING = "the CRDs are older than this operator and lack FleetJob status.lastAccepted: apply"


@pytest.fixture
def older_crds(cluster: wavelab.Cluster, space: Space) -> Iterator[None]:
    """That of FleetJob does not know a field of the status yet."""
    crd = yaml.safe_load((ROOT / "crds" / "wavegate.dev_fleetjobs.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["lastAccepted"]
    cluster.kubectl("apply", "--filename", "-", input=json.dumps(crd))
    space.wait("the older one is published", lambda: "lastAccepted" not in published(cluster))
    yield
    install_crds(cluster)


def published(cluster: wavelab.Cluster) -> str:
    return cluster.kubectl("get", "--raw", "/openapi/v3/apis/wavegate.dev/v1alpha1")


def readiness(operator: OperatorProcess) -> tuple[int, str]:
    address = operator.metrics_url().replace("/metrics", "/readyz")
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return int(answer.status), str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_waits_until_they_are_applied(
    cluster: wavelab.Cluster, older_crds: None, second_operator: OperatorProcess
) -> None:
    second_operator.launch()
    second_operator.wait_for_log(LACKING)
    code, words = readiness(second_operator)
    assert (code, LACKING in words) == (503, True)
    install_crds(cluster)
    second_operator.wait_for_log("ready after")
    assert readiness(second_operator) == (200, "ok\n")
