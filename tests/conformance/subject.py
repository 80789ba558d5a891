"""The server that a case of the conformance list is asked of, and the documents that cases send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from wavegate.kube.errors import ApiError, Conflict, NotFound
from wavegate.kube.resources import (
    CONFIG_MAPS,
    EVENTS,
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    LEASES,
    NODES,
    PODS,
    Resource,
)
from wavegate.kube.transport import MERGE_PATCH, Transport

Document = dict[str, Any]


@dataclass
class Subject:
    """A server, as its administrator and as the operator see it, and a namespace of the case's."""

    admin: Transport
    operator: Transport
    namespace: str
    compact: Callable[[], Awaitable[None]]
    made: list[str] = field(default_factory=list)

    def space(self, resource: Resource) -> str | None:
        return self.namespace if resource.namespaced else None

    async def create(self, body: Document, **query: Any) -> Document:
        resource = _resource(body)
        path = resource.collection(self.space(resource))
        return await self.admin.request("POST", path, query=query, body=body)

    async def get(self, resource: Resource, name: str) -> Document:
        return await self.admin.request("GET", resource.object(self.space(resource), name))

    async def put(self, body: Document, *, status: bool = False) -> Document:
        resource, name = _resource(body), body["metadata"]["name"]
        path = resource.object(self.space(resource), name) + ("/status" if status else "")
        return await self.admin.request("PUT", path, body=body)

    async def patch(self, resource: Resource, name: str, change: Any) -> Document:
        path = resource.object(self.space(resource), name)
        return await self.admin.request("PATCH", path, body=change, content_type=MERGE_PATCH)

    async def edited(
        self, resource: Resource, name: str, edit: Callable[[Document], Awaitable[Document]]
    ) -> Document:
        """What ``edit`` makes of an object that a controller may write to at the same time."""
        for _ in range(50):
            try:
                return await edit(await self.get(resource, name))
            except Conflict:
                continue
        raise AssertionError(f"{resource.kind} {name} was written each time that it was read")

    async def delete(self, resource: Resource, name: str, **options: Any) -> Document:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        path = resource.object(self.space(resource), name)
        return await self.admin.request("DELETE", path, body=body)

    async def list(self, resource: Resource, **query: Any) -> Document:
        return await self.admin.request(
            "GET", resource.collection(self.space(resource)), query=query
        )

    async def names(self, resource: Resource, **query: Any) -> list[str]:
        return [each["metadata"]["name"] for each in (await self.list(resource, **query))["items"]]

    @asynccontextmanager
    async def watching(
        self, resource: Resource, since: Document | str, **query: Any
    ) -> AsyncIterator[Callable[[], Awaitable[Document]]]:
        """Gives a function that returns the next event."""
        version = since if isinstance(since, str) else since["metadata"]["resourceVersion"]
        asked = {"resourceVersion": version, **query}
        path = resource.collection(self.space(resource))
        async with aclosing(self.admin.watch(path, asked, idle_timeout=60)) as events:

            async def following() -> Document:
                async with asyncio.timeout(20):
                    return await anext(events)

            yield following

    async def gone(self, resource: Resource, name: str) -> None:
        """Wait until there is no such object."""
        for _ in range(900):
            try:
                await self.get(resource, name)
            except NotFound:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{resource.kind} {name} is still there")


Case = Callable[[Subject], Awaitable[None]]
CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


@contextmanager
def refused(kind: type[ApiError], code: int, reason: str) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    assert (caught.value.status, caught.value.reason) == (code, reason), caught.value


def _resource(body: Document) -> Resource:
    kinds = (FLEET_JOBS, EXECUTIONS, FLEET_DEPLOYMENTS, PODS, NODES, CONFIG_MAPS, LEASES, EVENTS)
    return next(each for each in kinds if each.kind == body["kind"])


def document(resource: Resource, name: str, **content: Any) -> Document:
    metadata = {"name": name, **content.pop("metadata", {})}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        **content,
    }


def execution(name: str = "one", **metadata: Any) -> Document:
    spec = {
        "jobId": "uid",
        "jobName": "nobodys",
        "jobType": "container",
        "jobVersion": 1,
        "nodeName": "nowhere",
        "nodeUid": "uid",
        "evalId": "eval",
        "rolloutWave": 0,
        "attempt": 1,
        "workloadHash": "h1:0",
    }
    return document(EXECUTIONS, name, metadata=metadata, spec=spec)


def deployment(name: str = "one", **spec: Any) -> Document:
    return document(FLEET_DEPLOYMENTS, name, spec={"jobName": "nobodys", "type": "Restart", **spec})


def job(name: str = "one", **spec: Any) -> Document:
    """A job that the operator leaves alone but for its status: no node is meant."""
    return document(
        FLEET_JOBS,
        name,
        spec={
            "type": "container",
            "selector": {"matchLabels": {"pool": "no-such"}},
            "template": {"spec": {"containers": [{"name": "main", "image": "app:1"}]}},
            **spec,
        },
    )


def pod(name: str = "one", **metadata: Any) -> Document:
    """Bound to a node that does not exist, so that nobody does anything with it."""
    spec = {"nodeName": "no-such-node", "containers": [{"name": "main", "image": "app:1"}]}
    return document(PODS, name, metadata=metadata, spec=spec)


def config_map(name: str = "one", **metadata: Any) -> Document:
    return document(CONFIG_MAPS, name, metadata=metadata, data={"key": "value"})


def lease(name: str = "one") -> Document:
    return document(LEASES, name, spec={"holderIdentity": "me", "leaseDurationSeconds": 15})


def owned(by: Document) -> list[Document]:
    metadata = by["metadata"]
    owner = {"apiVersion": by["apiVersion"], "kind": by["kind"]}
    return [{**owner, "name": metadata["name"], "uid": metadata["uid"], "controller": True}]


def status(state: str = "Pending", **more: Any) -> Document:
    return {"observedState": {"stateType": state}, **more}


def version_of(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])
