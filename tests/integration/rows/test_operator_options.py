"""Rows that show only where the operator is started with options of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

import wavelab
from support.answering import Endpoint
from support.asking import Asked
from support.few import AT_ONCE, created, ended, runs, simulated, status_of
from support.jobs import container
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

Start = Callable[..., OperatorProcess]


@pytest.fixture
def start(
    cluster: wavelab.Cluster, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[Start]:
    """Starts the operator with options, in place of the one that all tests have in common."""
    made: list[OperatorProcess] = []

    def begin(*options: str) -> OperatorProcess:
        if shared_operator.running:
            shared_operator.stop()
        config = cluster.service_account_kubeconfig("wavegate-system", "wavegate")
        process = OperatorProcess(config, tmp_path / "log", *options)
        made.append(process)
        process.start()
        return process

    yield begin
    for process in made:
        process.stop()
    shared_operator.start()


@pytest.mark.row("spec.priority")
def test_row_spec_priority(start: Start, space: Space, shared_operator: OperatorProcess) -> None:
    """With ten writes a second, the higher one has its pods while the lower one waits."""
    if shared_operator.running:
        shared_operator.stop()
    for name, priority in (("a-low", 10), ("b-high", 90)):
        space.apply(name, {**container(strategy="Immediate"), "priority": priority})
    start("--write-rate=10", "--write-burst=1")
    for name in ("a-low", "b-high"):
        space.wait(f"{name} is complete", lambda name=name: ended(space, f"{name}-v1"))
    made = {
        name: [created(p) for p in space.list("Pod") if p["metadata"]["name"].startswith(name)]
        for name in ("a-low", "b-high")
    }
    assert {name: len(times) for name, times in made.items()} == {"a-low": 20, "b-high": 20}
    assert median(made["a-low"]) - median(made["b-high"]) >= 2, "equals would take turns"
    for name in made:
        space.delete("FleetJob", name)


@pytest.mark.row("status.nodes.lost", "status.nodes.notReady", "Absent")
def test_row_status_nodes_lost(start: Start, cluster: wavelab.Cluster, space: Space) -> None:
    start("--lost-after=3s")
    selector = {"matchLabels": {"lost": "maybe"}}
    with simulated(cluster, {name: {"lost": "maybe"} for name in ("lost-1", "lost-2")}):
        space.apply("app", {**container(**AT_ONCE), "selector": selector})
        space.wait("v1 runs", lambda: runs(space, 1, ["lost-1", "lost-2"]))
        assert status_of(space)["nodes"]["lost"] == 0
        cluster.kubectl("label", "node", "lost-1", "wavelab.dev/fate=not-ready")
        space.wait("it is missed", lambda: status_of(space)["nodes"]["notReady"] == 1)
        space.wait("it is lost", lambda: status_of(space)["nodes"]["lost"] == 1)
        space.wait("the job says so", lambda: space.job_state("app") == "Degraded")
        states = {e["spec"]["nodeName"]: e["status"] for e in space.executions("app")}
        assert states["lost-1"]["observedState"]["stateType"] == "Lost"
        cluster.kubectl("label", "node", "lost-1", "wavelab.dev/fate-")
        space.wait("it comes back with it", lambda: space.job_state("app") == "Running")
        assert status_of(space)["nodes"]["lost"] == 0
        assert len(space.executions("app")) == 2
        space.delete("FleetJob", "app")


@pytest.mark.row(
    "HTTPJob.spec.http.headers[].valueFrom.secretKeyRef.name",
    "HTTPJob.spec.http.signing.secretRefs[].name",
    "JobRun.spec.payloadFrom.secretKeyRef.name",
)
def test_without_read_secrets_none_is_read(start: Start, space: Space, endpoint: Endpoint) -> None:
    """As the operator comes; whoever names a Secret is told."""
    start("--call-network=127.0.0.0/8")
    asked, ref = Asked(space, endpoint), {"name": "mine", "key": "token"}
    asked.keep("Secret", "mine", {"token": "t"})
    asked.job("header", http={"headers": [{"name": "A", "valueFrom": {"secretKeyRef": ref}}]})
    asked.job("signed", http={"signing": {"secretRefs": [ref]}})
    asked.job("plain")
    asked.run("header", "header")
    asked.run("signed", "signed")
    asked.run("payload", "plain", payloadFrom={"secretKeyRef": ref})
    for name in ("header", "signed", "payload"):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("SystemFailed", "SourceUnreadable")
        assert status["message"].startswith("Secret mine: this operator reads no Secrets")
    assert endpoint.calls == []


@pytest.mark.row("HTTPJob.spec.http.completion")
def test_without_callback_url_no_async_job_is_called(
    start: Start, space: Space, endpoint: Endpoint
) -> None:
    """As the operator comes; never as if it were Sync."""
    start("--call-network=127.0.0.0/8")
    asked = Asked(space, endpoint)
    asked.job(http={"completion": "Async"})
    asked.run("one")
    status = asked.ended("one")
    assert (status["phase"], status["reason"]) == ("SystemFailed", "CallbacksOff")
    assert status["message"].endswith("its administrator can allow it, or set Sync")
    assert endpoint.calls == []


@pytest.mark.row("HTTPJob.spec.http.url")
def test_without_call_network_loopback_is_not_called(
    start: Start, space: Space, endpoint: Endpoint
) -> None:
    start()
    asked = Asked(space, endpoint)
    asked.job()
    asked.run("one")
    status = asked.ended("one")
    assert (status["phase"], status["reason"]) == ("SystemFailed", "AddressRefused")
    assert status["message"] == "127.0.0.2 is a loopback address"
    assert endpoint.calls == []
