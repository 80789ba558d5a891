"""A small API server for the engine's tests: names, uids, resourceVersions and preconditions.

It is a `Transport`. Requests are recorded; `fail` answers the next ones of a kind with an error,
before or after they have taken effect.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wavegate.cache.cluster import ClusterCache
from wavegate.domain.actions import CreateExecution, CreateVersion
from wavegate.domain.observed import JobView, PlanSettings
from wavegate.engine import bodies
from wavegate.engine.bucket import TokenBucket
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.executor import Executor
from wavegate.engine.livejobs import LiveJobs
from wavegate.engine.livepods import LivePods
from wavegate.engine.pace import Pace
from wavegate.engine.preparations import Preparations
from wavegate.engine.queue import WorkQueue
from wavegate.engine.statuses import StatusWriter
from wavegate.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from wavegate.kube.guard import Guard, NotSent
from wavegate.telemetry.metrics import Metrics

EPOCH = 1_700_000_000.0
Document = dict[str, Any]


def now() -> float:
    """Epoch seconds on the loop's (virtual) clock."""
    return EPOCH + asyncio.get_running_loop().time()


@dataclass
class Request:
    method: str
    path: str
    body: Any
    query: Mapping[str, Any]
    at: float


@dataclass
class _Failure:
    method: str
    part: str
    error: ApiError
    applied: bool


@dataclass
class FakeApi:
    """Objects by path, such as ``/api/v1/namespaces/web/pods/a``."""

    latency: float = 0.0
    objects: dict[str, Document] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    _version: int = 100
    _failures: list[_Failure] = field(default_factory=list)
    _watchers: list[asyncio.Queue[Document | None]] = field(default_factory=list)

    def fail(
        self, method: str, part: str, error: ApiError, *, applied: bool = False, times: int = 1
    ) -> None:
        """The next ``times`` requests of that method whose path has ``part`` get ``error``."""
        self._failures += [_Failure(method, part, error, applied)] * times

    def recover(self) -> None:
        """No more failures."""
        self._failures.clear()

    def put(self, path: str, document: Document) -> Document:
        """Store a document as a user or another process would."""
        stored = copy.deepcopy(document)
        metadata = stored.setdefault("metadata", {})
        self._version += 1
        metadata.setdefault("uid", f"uid-{self._version}")
        metadata.setdefault("name", path.rsplit("/", 1)[1])
        if "/namespaces/" in path:
            metadata.setdefault(
                "namespace", path.split("/namespaces/")[1].split("/", maxsplit=1)[0]
            )
        metadata.setdefault("creationTimestamp", "2023-11-14T22:13:20Z")
        metadata["resourceVersion"] = str(self._version)
        kind = "MODIFIED" if path in self.objects else "ADDED"
        self.objects[path] = stored
        self._tell(kind, stored)
        return copy.deepcopy(stored)

    def writes(self, part: str = "") -> list[Request]:
        """What was asked to be changed, dry runs aside."""
        return [
            request
            for request in self.requests
            if request.method != "GET" and part in request.path and "dryRun" not in request.query
        ]

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = 8.0,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> Document:
        if guard is not None and not guard():
            raise NotSent
        at = asyncio.get_running_loop().time()
        self.requests.append(Request(method, path, copy.deepcopy(body), query or {}, at))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.sleep(self.latency)
            failure = self._next_failure(method, path)
            if failure is not None and not failure.applied:
                raise failure.error
            answer = self._apply(method, path, query or {}, body)
            if failure is not None:
                raise failure.error
            return answer
        finally:
            self.in_flight -= 1

    async def watch(
        self, path: str, query: Mapping[str, Any], *, idle_timeout: float
    ) -> AsyncGenerator[Document, None]:
        failure = self._next_failure("WATCH", path)
        if failure is not None:
            raise failure.error
        events: asyncio.Queue[Document | None] = asyncio.Queue()
        self._watchers.append(events)
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            self._watchers.remove(events)

    def _tell(self, kind: str, document: Document) -> None:
        for events in self._watchers:
            events.put_nowait({"type": kind, "object": copy.deepcopy(document)})

    def _next_failure(self, method: str, path: str) -> _Failure | None:
        for failure in self._failures:
            if failure.method == method and failure.part in path:
                self._failures.remove(failure)
                return failure
        return None

    def _apply(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Document:
        match method:
            case "POST":
                return self._create(path, query, body)
            case "GET":
                return self._found(path)
            case "PUT":
                return self._update(path, body)
            case "DELETE":
                return self._delete(path, body)
            case "PATCH":
                return self._patch(path, body)
        raise AssertionError(method)

    def _create(self, collection: str, query: Mapping[str, Any], body: Document) -> Document:
        if "dryRun" in query:
            return copy.deepcopy(body)
        metadata = body["metadata"]
        name = metadata.get("name") or f"{metadata['generateName']}{self._version}"
        path = f"{collection}/{name}"
        if path in self.objects:
            raise AlreadyExists(409, "AlreadyExists", f"{name} already exists")
        content = {field: value for field, value in body.items() if field != "status"}
        return self.put(path, content)

    def _found(self, path: str) -> Document:
        if path not in self.objects:
            raise NotFound(404, "NotFound", f"{path} not found")
        return copy.deepcopy(self.objects[path])

    def _update(self, path: str, body: Document) -> Document:
        owner = path.removesuffix("/status")
        there = self._found(owner)
        asked = body["metadata"]
        self._check(there, asked.get("uid"), asked["resourceVersion"])
        if owner != path:
            return self.put(owner, {**there, "status": body["status"]})
        return self.put(owner, body)

    def _patch(self, path: str, change: Document) -> Document:
        """A merge patch that names a resourceVersion."""
        there = self._found(path)
        self._check(there, None, change["metadata"]["resourceVersion"])
        return self.put(path, _merged(there, change))

    def _delete(self, path: str, options: Document) -> Document:
        there = self._found(path)
        wanted = options["preconditions"]
        self._check(there, wanted["uid"], wanted["resourceVersion"])
        if "/pods/" in path:
            there["metadata"]["deletionTimestamp"] = "2023-11-14T22:15:00Z"
            return self.put(path, there)
        del self.objects[path]
        self._tell("DELETED", there)
        return {"kind": "Status", "status": "Success"}

    @staticmethod
    def _check(there: Document, uid: str | None, version: str) -> None:
        metadata = there["metadata"]
        if uid not in (None, metadata["uid"]) or version != metadata["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")


def _merged(there: Any, change: Any) -> Any:
    """As JSON merge patch (RFC 7386) says it."""
    if not isinstance(change, dict):
        return change
    merged = dict(there) if isinstance(there, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


class Engine:
    """The parts below the writer, wired as the process wires them."""

    def __init__(self, api: FakeApi, leading: Callable[[], bool] = lambda: True) -> None:
        self.api = api
        self.metrics = Metrics()
        self.queue = WorkQueue(now)
        self.cache = ClusterCache(self.queue.add, clock=lambda: asyncio.get_running_loop().time())
        self.bucket = TokenBucket(300, 500)
        self.client = Client(api, leading, self.bucket)
        self.events = EventTeller(self.client, "test", now)
        self.live = LiveJobs(self.client, self.cache, self.queue, now)
        self.live_pods = LivePods(self.client, self.cache, self.queue, now)
        self.preparations = Preparations()
        statuses = StatusWriter(
            self.client, self.cache, self.live, self.events, self.metrics, Pace(now)
        )
        self.executor = Executor(
            self.client, self.cache, statuses, self.preparations, PlanSettings(), now
        )

    def make_job(self, name: str = "edge", priority: int = 50) -> JobView:
        """A FleetJob on the server and in the cache."""
        path = f"/apis/wavegate.dev/v1alpha1/namespaces/web/fleetjobs/{name}"
        raw = self.api.put(
            path,
            {
                "apiVersion": "wavegate.dev/v1alpha1",
                "kind": "FleetJob",
                "metadata": {"generation": 1},
                "spec": {
                    "type": "container",
                    "priority": priority,
                    "template": {"spec": {"containers": [{"name": "main", "image": "a:1"}]}},
                },
                "status": {"observedGeneration": -1},
            },
        )
        self.cache.assume("FleetJob", raw)
        job = self.cache.job(("web", name))
        assert job is not None
        return job

    def make_version(self, job: JobView) -> None:
        """Its first version, of which pods can be made."""
        action = CreateVersion(
            name=f"{job.name}-v1",
            version=1,
            raw_spec=job.raw_spec,
            workload_hash="h1:0",
            driver_image="",
            driver_revision="1",
            job_status={},
        )
        made = self.api.put(path_of("jobversions", action.name), bodies.version(job, action))
        self.cache.assume("JobVersion", made)


def claim(node: str, *, attempt: int = 1, name: str = "") -> CreateExecution:
    """A claim of the job ``edge``, version 1, on a node."""
    return CreateExecution(
        name=name or f"edge-{node}-{attempt}",
        version=1,
        node=node,
        node_uid=f"uid-of-{node}",
        wave=1,
        deployment="edge-v1",
        attempt=attempt,
        workload_hash="h1:0",
        eval_id="e1",
        labels={"team": "red"},
    )


def path_of(plural: str, name: str) -> str:
    """Path of an object of ours in namespace ``web``."""
    return f"/apis/wavegate.dev/v1alpha1/namespaces/web/{plural}/{name}"
