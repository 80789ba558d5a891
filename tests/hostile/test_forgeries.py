"""What is forged is left alone, and a rollout goes on around it (see `forgeries`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hostile.forgeries import ALL, FORGED, FORGER, ROWS, Forgery
from sim.world import spec
from support.told import Stage, roles
from wavegate.kube.resources import BY_KIND, NODES
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.store import Document
from wavegate.simulation.transport import Request, Untroubled


class Sent(Untroubled):
    """Requests other than reads, as they leave the operator."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def leaving(self, request: Request) -> None:
        if request.method != "GET":
            self.requests.append(request)

    def to(self, path: str) -> list[str]:
        """What was sent to an object or to one of its subresources, in the order sent."""
        return [
            f"{each.method} {each.path}"
            for each in self.requests
            if each.path == path or each.path.startswith(f"{path}/")
        ]


def _put(stage: Stage, document: Document) -> Document:
    """Make the object with its status, as whoever has every right does."""
    resource, server = BY_KIND[document["kind"]], stage.cluster.server
    name, namespace = document["metadata"]["name"], document["metadata"].get("namespace")
    if server.store.get(SERVED[document["kind"]], (namespace or "", name)) is not None:
        return server.request(FORGER, "PUT", resource.object(namespace, name), body=document)
    made = server.request(FORGER, "POST", resource.collection(namespace), body=document)
    if "status" in document and resource != NODES:
        path = resource.status(namespace, name)
        body = {**made, "status": document["status"]}
        made = server.request(FORGER, "PUT", path, body=body)
    return made


def _said(stage: Stage) -> str:
    """Why the job is Stalled; empty where it is not."""
    conditions = stage.job().get("status", {}).get("conditions") or ()
    found = [f"{each['reason']}: {each['message']}" for each in conditions]
    types = [each["type"] for each in conditions]
    return found[types.index("Stalled")] if "Stalled" in types else ""


def _run(stage: Stage, image: str) -> set[str]:
    """Nodes on which a ready pod of the operator's runs the image."""
    return {
        pod["spec"]["nodeName"]
        for pod in stage.cluster.list("Pod")
        if pod["metadata"]["name"] != FORGED
        and pod["spec"]["containers"][0]["image"] == image
        and any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in pod.get("status", {}).get("conditions", ())
        )
    }


def _play(row: Forgery, then: Callable[[Stage, Forgery, Sent, Document], Any]) -> None:
    async def run() -> None:
        cluster = SimulatedCluster(roles())
        for name in ALL:
            cluster.fleet.add(name)
        sent = Sent()
        cluster.keep_running(lambda _: sent)
        try:
            stage = Stage(cluster)
            await stage.install()
            made = _put(stage, row.make(stage))
            sent.requests.clear()
            cluster.apply("app", row.second or spec("app:2", strategy="Rolling"))
            await then(stage, row, sent, made)
        finally:
            await cluster.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


def _node_of(made: Document) -> str:
    return str(made["spec"]["nodeName"])


def _path(made: Document) -> str:
    metadata = made["metadata"]
    return BY_KIND[made["kind"]].object(metadata.get("namespace"), metadata["name"])


def _without_reports(document: Document) -> Document:
    """All but what others report of it."""
    metadata = {k: v for k, v in document["metadata"].items() if k != "resourceVersion"}
    kept = {key: value for key, value in document.items() if key != "status"}
    return {**kept, "metadata": metadata}


def _stored(stage: Stage, made: Document) -> Document | None:
    key = (made["metadata"].get("namespace", ""), made["metadata"]["name"])
    return stage.cluster.server.store.get(SERVED[made["kind"]], key)


def _is_left_alone(row: Forgery, sent: Sent, made: Document) -> None:
    path = _path(made)
    may = {f"PUT {path}/status"} if row.answered else set()
    assert set(sent.to(path)) <= may


def _is_untouched(stage: Stage, row: Forgery, sent: Sent, made: Document) -> None:
    now = _stored(stage, made)
    assert now is not None, "it is gone"
    _is_left_alone(row, sent, made)
    if made["kind"] in ("Pod", "Node") or row.answered:
        assert _without_reports(now) == _without_reports(made)
    else:
        assert now == made


async def _rolls_out(stage: Stage, row: Forgery, sent: Sent, made: Document) -> None:
    if row.in_the_way:
        await stage.until("it is named", lambda: row.says in _said(stage))
        assert _said(stage).startswith(("Stranger: ", "TemplateRefused: ")), _said(stage)
    reached = set(row.reached)
    await stage.until("the others are reached", lambda: reached <= _run(stage, "app:2"))
    if not row.in_the_way:
        await stage.ended("app-v2")
    await asyncio.sleep(600)
    assert _run(stage, "app:2") >= reached
    assert not _run(stage, "evil:1")
    assert bool(_said(stage)) == row.in_the_way, _said(stage)
    _is_untouched(stage, row, sent, made)
    if made["kind"] == "Node":
        return
    options = {"gracePeriodSeconds": 0}
    stage.cluster.server.request(FORGER, "DELETE", _path(made), body=options)
    await stage.until("all are reached", lambda: set(ALL) <= _run(stage, "app:2"))
    await stage.until("all is well", lambda: not _said(stage) and stage.state() == "Running")


async def _job_goes(stage: Stage, row: Forgery, sent: Sent, made: Document) -> None:
    reached = set(row.reached)
    await stage.until("the others are reached", lambda: reached <= _run(stage, "app:2"))
    stage.cluster.delete("FleetJob", "app")

    def left() -> list[str]:
        pods = (each["metadata"]["name"] for each in stage.cluster.list("Pod"))
        return [name for name in pods if name != made["metadata"]["name"]]

    await stage.until("its pods are gone", lambda: not left())
    await asyncio.sleep(120)
    _is_left_alone(row, sent, made)


@pytest.mark.row("Occupied")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_left_alone_and_a_rollout_reaches_the_other_nodes(row: Forgery) -> None:
    _play(row, _rolls_out)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_not_removed_with_the_job(row: Forgery) -> None:
    _play(row, _job_goes)


def test_a_name_that_is_kept_beyond_the_deadline_fails_its_node_and_the_rollout_ends() -> None:
    """The row of that name, with a deadline that is over before the forgery is gone."""
    row = next(each for each in ROWS if each.name == "a pod of the name that we would use")

    async def then(stage: Stage, row: Forgery, sent: Sent, made: Document) -> None:
        await stage.ended("app-v2", "Failed")
        [failure] = stage.deployment("app-v2")["failures"]
        assert (failure["node"], failure["reason"]) == (_node_of(made), "DeadlineExceeded")
        _is_untouched(stage, row, sent, made)

    _play(replace(row, second=spec("app:2", strategy="Rolling", maxParallel="100%")), then)
