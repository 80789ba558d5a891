"""What the command line says of a simulated cluster: stories in virtual time, then commands.

The operator is the whole one, so that what commands read is what it really writes. Commands reach
the same server through their own transport, which adds the field selectors that the simulated
server does not have.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sim.world import spec
from wavegate.cli import cluster as cli_cluster
from wavegate.cli.main import main
from wavegate.cli.options import Target
from wavegate.domain.times import parse_time
from wavegate.kube.errors import error_of
from wavegate.kube.guard import Guard
from wavegate.kube.resources import BY_KIND
from wavegate.kube.transport import DEFAULT_TIMEOUT, JSON, Query
from wavegate.settings import Settings
from wavegate.simulation.cluster import NAMESPACE, SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Administrator, load_roles
from wavegate.simulation.server import Server
from wavegate.simulation.store import Document

MANIFESTS = Path(__file__).parents[2] / "manifests"
POLL = 0.5
PATIENCE = 7200.0

_USER = Administrator("user")

Story = Callable[["Stage"], Awaitable[None]]


@cache
def roles() -> list[dict[str, Any]]:
    return load_roles(MANIFESTS)


@dataclass
class Stage:
    """What a story acts on."""

    cluster: SimulatedCluster

    async def until(self, what: str, holds: Callable[[], object]) -> None:
        end = self.cluster.loop.time() + PATIENCE
        while not holds():
            assert self.cluster.loop.time() < end, f"never came true: {what}: {self.job()}"
            await asyncio.sleep(POLL)

    def job(self, name: str = "app") -> Document:
        return self.cluster.get("FleetJob", name) or {}

    def stopping(self) -> bool:
        """Whether a pod has been told to stop and is still there."""
        return any(each["metadata"].get("deletionTimestamp") for each in self.cluster.list("Pod"))

    def reason(self, name: str = "app") -> str:
        """Of the job's condition Ready."""
        conditions = self.job(name).get("status", {}).get("conditions") or ()
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")

    def state(self, name: str = "app") -> str:
        return str((self.job(name).get("status", {}).get("state") or {}).get("stateType", ""))

    def deployment(self, name: str) -> Mapping[str, Any]:
        return dict((self.cluster.get("FleetDeployment", name) or {}).get("status", {}))

    async def says(self, reason: str) -> None:
        """Until the job's condition Ready gives this reason."""
        await self.until(f"the job says {reason}", lambda: self.reason() == reason)

    async def ended(self, name: str, state: str = "Completed") -> None:
        await self.until(f"{name} {state}", lambda: self.deployment(name).get("state") == state)

    async def install(self, **rollout: Any) -> None:
        """Version 1 of the job ``app`` on every node."""
        self.cluster.apply("app", spec("app:1", strategy="Rolling", maxParallel="100%", **rollout))
        await self.ended("app-v1")
        await self.until("the job runs", lambda: self.state() == "Running")


@dataclass(frozen=True)
class Told:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Played:
    """A cluster after a story; time stands still. Commands write to its server."""

    server: Server
    now: float
    patch: pytest.MonkeyPatch
    logs: Mapping[str, bytes] = field(default_factory=dict)
    """What the kubelets have of pods, by the pod's name."""
    answers: Mapping[str, Callable[[Any], Document]] = field(default_factory=dict)
    """Of paths that the simulated server does not serve, by the request's body."""
    meanwhile: Callable[[], None] | None = None
    """What happens half a second after a command has begun."""

    def __call__(self, *arguments: str) -> Told:
        """Run a command as the administrator, in the story's namespace."""
        out, err = io.StringIO(), io.StringIO()
        self.patch.setattr(cli_cluster, "open_transport", self._open)
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments)
        return Told(code, out.getvalue(), err.getvalue())

    def get(self, kind: str, name: str) -> Document | None:
        return self.server.store.get(SERVED[kind], (NAMESPACE, name))

    def list(self, kind: str) -> list[Document]:
        answer = self.server.request(_USER, "GET", BY_KIND[kind].collection())
        return [{"kind": kind, **each} for each in answer["items"]]

    def apply(self, name: str, job_spec: Mapping[str, Any]) -> None:
        """Replace the job's spec; no operator is there to see it."""
        there = self.get("FleetJob", name)
        assert there is not None
        path = BY_KIND["FleetJob"].object(NAMESPACE, name)
        self.server.request(_USER, "PUT", path, body={**there, "spec": dict(job_spec)})

    def delete(self, kind: str, name: str) -> None:
        self.server.request(_USER, "DELETE", BY_KIND[kind].object(NAMESPACE, name))

    async def _open(self, target: Target) -> cli_cluster.Opened:
        user = Administrator(target.impersonated or "user")
        transport = SelectingTransport(self.server, user, self.logs, self.answers)
        if self.meanwhile is not None:
            asyncio.get_running_loop().call_later(0.5, self.meanwhile)

        async def close() -> None:
            pass

        return cli_cluster.Opened(transport, NAMESPACE, lambda: self.now, close)


class SelectingTransport:
    """Requests of a user, with the selectors that a real server knows."""

    def __init__(
        self,
        server: Server,
        user: Administrator,
        logs: Mapping[str, bytes],
        answers: Mapping[str, Callable[[Any], Document]],
    ) -> None:
        self._server = server
        self._user = user
        self._logs = logs
        self._answers = answers

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> Document:
        if path in self._answers:
            answer = self._answers[path](body)
        else:
            plain = {key: value for key, value in (query or {}).items() if key not in _SELECTORS}
            answer = self._server.request(self._user, method, path, plain, body, content_type)
        if "items" in answer:
            items = [each for each in answer["items"] if _selected(each, query or {})]
            answer = {**answer, "items": items}
        return answer

    async def lines(
        self, path: str, query: Query, *, idle_timeout: float | None
    ) -> AsyncGenerator[bytes, None]:
        """The log of a pod; those that nobody has written are refused, as before it has begun."""
        name = path.split("/")[-2]
        if name not in self._logs:
            raise error_of(400, {"message": f"container {query['container']} waits to start"})
        lines = self._logs[name].splitlines()
        last = int(query.get("tailLines", len(lines)))
        for line in lines[len(lines) - last :]:
            yield line

    async def watch(
        self, path: str, query: Query, *, idle_timeout: float
    ) -> AsyncGenerator[Document, None]:
        plain = {key: value for key, value in query.items() if key not in _SELECTORS}
        events = self._server.watch(self._user, path, plain)
        try:
            while (event := await events.next()) is not None:
                if _selected(event["object"], query):
                    yield event
        finally:
            events.close()


_SELECTORS = ("fieldSelector", "labelSelector", "fieldManager")


def _selected(document: Document, query: Query) -> bool:
    fields = [each for each in str(query.get("fieldSelector", "")).split(",") if each]
    label, equals, wanted = str(query.get("labelSelector", "")).partition("=")
    labels = document["metadata"].get("labels") or {}
    has = labels.get(label) == wanted if equals else label in labels
    return all(_has(document, each) for each in fields) and (not label or has)


def _has(document: Document, field: str) -> bool:
    path, _, value = field.partition("=")
    found: Any = document
    for key in path.split("."):
        found = found.get(key, {})
    return bool(found == value)


def play(
    story: Story,
    patch: pytest.MonkeyPatch,
    nodes: int = 4,
    settings: Settings = Settings(identity=""),  # noqa: B008 - it is frozen
) -> Played:
    """Play a story with the whole operator on so many nodes."""

    async def run() -> tuple[Server, float]:
        cluster = SimulatedCluster(roles(), settings=settings)
        for number in range(nodes):
            cluster.fleet.add(f"n{number:02}")
        cluster.keep_running()
        try:
            await story(Stage(cluster))
            return cluster.server, cluster.now()
        finally:
            await cluster.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        server, now = runner.run(run())
    return Played(server, now, patch)


def seconds(text: str) -> float:
    """Epoch seconds of a time that a command has printed."""
    found = parse_time(text)
    assert found is not None, text
    return found
