"""An operator's call backs without the operator: a cache with a run that is to be called back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from support.runs_world import NOW
from wavegate.api.names import API_VERSION
from wavegate.cache.runs import RunCache
from wavegate.dispatch.keeping import Body
from wavegate.domain.times import format_time_micro
from wavegate.kube.errors import ApiError, NotFound
from wavegate.runner.callbacks import CallBack, Callbacks, Reply
from wavegate.runner.sources import Sources
from wavegate.runs.callbacks import OUTCOMES, Verb, hash_of

TOKEN: Final = "the-token"
JOB: Final = ("shop", "app")
SPEC: Final = {"http": {"url": "http://echo.example/", "completion": "Async"}}

Document = dict[str, Any]


class Bench:
    """``stored`` is what the API server has; a pass is made by `recorded`."""

    def __init__(self, spec: Mapping[str, Any] = SPEC, namespaces: Sequence[str] = ()) -> None:
        self.now = NOW
        self.leading = True
        self.woken: list[Any] = []
        self.took: list[str] = []
        self.asked: list[str] = []
        self.stored: dict[tuple[str, str], Document | ApiError] = {}
        self._revision = 10
        self.cache = RunCache(lambda _: None, clock=lambda: 0.0, now=lambda: self.now)
        client: Any = self
        self.callbacks = Callbacks(
            self.cache,
            client,
            Sources(client, read_secrets=True),
            namespaces=namespaces,
            leading=lambda: self.leading,
            now=lambda: self.now,
            wake=self.woken.append,
            took=self.took.append,
        )
        self._keep_job(spec)
        self.know(run())
        self.callbacks.lead()

    def _keep_job(self, spec: Mapping[str, Any]) -> None:
        self.cache.assume("HTTPJob", {"metadata": meta("app", 1), "spec": spec})
        owner = {"apiVersion": API_VERSION, "kind": "HTTPJob", "name": "app", "uid": "app-uid"}
        metadata = {**meta("app-h1", 2), "ownerReferences": [{**owner, "controller": True}]}
        kept = {"jobId": "app-uid", "version": 1, "jobSpec": spec, "workloadHash": "h1:1"}
        self.cache.assume("JobVersion", {"metadata": metadata, "spec": kept})

    async def get(self, resource: Any, namespace: str, name: str) -> Document:
        """As the operator's client."""
        self.asked.append(f"{resource.plural}/{namespace}/{name}")
        await asyncio.sleep(0)
        found = self.stored.get((namespace, name), NotFound(404, "NotFound", "no"))
        if isinstance(found, ApiError):
            raise found
        return found

    def know(self, document: Document) -> None:
        """The operator hears of a run."""
        self._revision += 1
        document["metadata"]["resourceVersion"] = str(self._revision)
        self.cache.assume("JobRun", document)

    async def call_back(
        self,
        verb: Verb = "complete",
        *,
        token: str = TOKEN,
        name: str = "one",
        attempt: int = 1,
        body: bytes = b"",
        namespace: str = "shop",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        async def read() -> Body:
            return Body(body)

        call = CallBack(namespace, name, attempt, verb, token, headers or {}, read)
        return await self.callbacks.take(call)

    async def recorded(self, verb: Verb = "complete", phase: str = "Completed") -> None:
        """A pass puts on record what was called back, and the next one sees that."""
        await settled()
        assert self.callbacks.answers(JOB)
        self.know(run(phase=phase, outcome=OUTCOMES[verb]))
        self.callbacks.answers(JOB)


async def settled() -> None:
    """All that goes on without waiting has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


def run(
    name: str = "one", *, phase: str = "Executing", attempt: int = 1, **callback: Any
) -> Document:
    kept = {
        "tokenHash": hash_of(f"{name}-uid", attempt, TOKEN),
        "heartbeatTimeout": "1m",
        "acceptedTime": format_time_micro(NOW),
        **callback,
    }
    status = {"phase": phase, "reason": phase, "attempt": attempt, "version": 1}
    spec = {"jobName": "app", "payload": "{}"}
    return {"metadata": meta(name, 3), "spec": spec, "status": {**status, "callback": kept}}


def meta(name: str, version: int) -> Document:
    return {
        "name": name,
        "namespace": "shop",
        "uid": f"{name}-uid",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
    }
