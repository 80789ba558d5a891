"""Operators with the chart's rights in some namespaces: they work there, and ask for no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

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
APART = ("apart-a", "apart-b")
"""Names of two operators, each of the namespace that it looks after."""
WRITTEN = ("executions", "fleetdeployments", "fleetjobs", "jobversions", "pods")
RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


@pytest.fixture
def scoped(cluster_client: Client) -> Iterator[list[Space]]:
    """The two namespaces, and one that is not looked after."""
    spaces = [Space(cluster_client, name) for name in (*NAMES, "not-scoped")]
    yield spaces
    for space in spaces:
        cluster_client.delete(f"/api/v1/namespaces/{space.name}")


@contextmanager
def release(
    cluster: wavelab.Cluster, name: str, namespaces: tuple[str, ...], log: Path
) -> Iterator[OperatorProcess]:
    """An operator under the rights of the chart with watchNamespaces."""
    values = {
        "fullnameOverride": name,
        "watchNamespaces": list(namespaces),
        "rbac": {"userRoles": False},
    }
    rights = [each for each in template(values=values) if each["kind"] in RIGHTS]
    text = yaml.safe_dump_all(rights)
    cluster.kubectl("apply", "-f", "-", input=text)
    config = cluster.service_account_kubeconfig("wavegate-system", name)
    options = [f"--namespace={each}" for each in namespaces]
    process = OperatorProcess(config, log, *options, f"--lease-name={name}")
    process.start()
    yield process
    process.close()
    cluster.kubectl("delete", "-f", "-", input=text)


@pytest.fixture
def operator_of_two(
    cluster: wavelab.Cluster, scoped: list[Space], operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """One operator for both namespaces; nobody else looks after anything."""
    operator.stop()
    with release(cluster, "scoped", NAMES, tmp_path / "log") as process:
        yield process


@pytest.fixture
def apart(
    cluster: wavelab.Cluster,
    cluster_client: Client,
    operator: OperatorProcess,
    tmp_path: Path,
) -> Iterator[list[Space]]:
    """Namespaces with an operator each; both lead."""
    spaces = [Space(cluster_client, name) for name in APART]
    operator.stop()
    with ExitStack() as stack:
        for name in APART:
            stack.enter_context(release(cluster, name, (name,), tmp_path / f"{name}.log"))
        yield spaces
    for space in spaces:
        cluster_client.delete(f"/api/v1/namespaces/{space.name}")


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
    assert refused(cluster, "scoped") == []


def test_two_operators_share_a_cluster_and_neither_touches_the_others_namespace(
    cluster: wavelab.Cluster, apart: list[Space]
) -> None:
    for version in (1, 2):
        for space in apart:
            space.apply("app", few(f"app:{version}"))
        for space in apart:
            space.wait(f"v{version} runs", lambda s=space, v=version: runs(s, v))
    for name in APART:
        assert refused(cluster, name) == []
        own = [each["objectRef"] for each in requests(cluster, name) if "objectRef" in each]
        written = {each.get("namespace") for each in own if each["resource"] in WRITTEN}
        assert written == {name}


def requests(cluster: wavelab.Cluster, name: str) -> list[dict[str, Any]]:
    """Those of the operator of that name, as the API server has heard them."""
    user = f"system:serviceaccount:wavegate-system:{name}"
    return [each for each in cluster.audit_events() if each["user"]["username"] == user]


def refused(cluster: wavelab.Cluster, name: str) -> list[str]:
    """Requests of an operator's that its rights do not cover."""
    mine = requests(cluster, name)
    assert len(mine) > 50
    return [
        f"{each['verb']} {each['requestURI']}"
        for each in mine
        if each.get("responseStatus", {}).get("code") in (401, 403)
    ]
