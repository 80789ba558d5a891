"""The operator with the chart's rights in two namespaces: it works there, and asks for no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import wavelab
from support.chart import template
from support.few import ended, few, runs
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

NAMES = ("scoped-a", "scoped-b")
USER = "system:serviceaccount:wavegate-system:scoped"
RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


@pytest.fixture
def scoped(cluster_client: Client) -> Iterator[list[Space]]:
    """The two namespaces, and one that is not looked after."""
    spaces = [Space(cluster_client, name) for name in (*NAMES, "not-scoped")]
    yield spaces
    for space in spaces:
        cluster_client.delete(f"/api/v1/namespaces/{space.name}")


@pytest.fixture
def operator_of_two(
    cluster: wavelab.Cluster, scoped: list[Space], operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """Under the rights of the chart with watchNamespaces; nobody else looks after anything."""
    values = {
        "fullnameOverride": "scoped",
        "watchNamespaces": list(NAMES),
        "rbac": {"userRoles": False},
    }
    rights = [each for each in template(values=values) if each["kind"] in RIGHTS]
    text = yaml.safe_dump_all(rights)
    operator.stop()
    cluster.kubectl("apply", "-f", "-", input=text)
    config = cluster.service_account_kubeconfig("wavegate-system", "scoped")
    options = [f"--namespace={name}" for name in NAMES]
    process = OperatorProcess(config, tmp_path / "log", *options, "--lease-name=scoped")
    process.start()
    yield process
    process.close()
    cluster.kubectl("delete", "-f", "-", input=text)


def test_rollout_gate_rollback_restart_and_removal_in_two_namespaces_alone(
    cluster: wavelab.Cluster, scoped: list[Space], operator_of_two: OperatorProcess
) -> None:
    first, second, other = scoped
    other.apply("app", few(strategy="Immediate"))
    for space in (first, second):
        space.apply("app", few())
    for space in (first, second):
        space.wait("v1 runs", lambda s=space: runs(s, 1))
    first.apply("app", few("app:2", strategy="Canary", autoPromote=False))
    first.wait(
        "the canary waits", lambda: first.deployment("app-v2").get("reason") == "AwaitingPromotion"
    )
    first.patch("FleetDeployment", "app-v2", {"promoted": True})
    first.wait("v2 runs", lambda: runs(first, 2))
    second.apply("app", few("app:2", fate="never-ready", strategy="Canary"))
    second.wait("it is taken back", lambda: ended(second, "app-v2-rollback"))
    second.wait("v1 runs again", lambda: set(second.running("app").values()) == {"1"})
    operator_of_two.stop()
    operator_of_two.start()
    for space in (first, second):
        space.delete("FleetJob", "app")
        space.wait("nothing is left", lambda s=space: not s.list("Pod"))
    assert other.get("FleetJob", "app")
    assert not other.list("JobVersion")
    assert not other.list("Pod")
    assert refused(cluster) == []


def refused(cluster: wavelab.Cluster) -> list[str]:
    """Requests of the operator's that its rights do not cover."""
    mine = [each for each in cluster.audit_events() if each["user"]["username"] == USER]
    assert len(mine) > 50
    return [
        f"{each['verb']} {each['requestURI']}"
        for each in mine
        if each.get("responseStatus", {}).get("code") in (401, 403)
    ]
