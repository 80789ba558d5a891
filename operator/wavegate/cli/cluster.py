"""The one way of the command line to a cluster: lists in pages, single objects, patches, logs.

Commands are not asynchronous; each call here runs until it has its answer. Several lists are asked
for at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from wavegate.cli.errors import CliError
from wavegate.cli.options import Target
from wavegate.kube.clock import ServerClock
from wavegate.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
)
from wavegate.kube.resources import PODS, Resource

if TYPE_CHECKING:
    from wavegate.kube.transport import Query, Transport

    class UsersTransport(Transport, Protocol):
        """A transport that also reads logs."""

        def lines(
            self, path: str, query: Query, *, idle_timeout: float | None
        ) -> AsyncGenerator[bytes, None]: ...


PAGE: Final = 500
"""Objects asked for at once, as kubectl does."""

FIELD_MANAGER: Final = "wavegate-cli"
_MERGE_PATCH: Final = "application/merge-patch+json"
_TIMEOUT: Final = 30.0

Document = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """Objects of one kind: of a namespace (None: all), with these labels or fields."""

    resource: Resource
    namespace: str | None = None
    labels: str = ""
    fields: str = ""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A pod whose log is read; ``node`` stands for it."""

    node: str
    namespace: str
    pod: str


class Cluster:
    """Reads and writes as the user. ``namespace``: the one that is meant where none is given."""

    def __init__(
        self,
        runner: asyncio.Runner,
        transport: UsersTransport,
        namespace: str,
        now: Callable[[], float],
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._runner = runner
        self._transport = transport
        self._close = close
        self.namespace = namespace
        self.now = now
        """Epoch seconds of the server."""

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._close is not None:
            self._runner.run(_awaited(self._close))
        self._runner.close()

    def read(self, *selections: Selection) -> list[list[Document]]:
        """The objects of each selection. Raises CliError."""
        return self._run(self._read(selections), "list")

    def find(self, resource: Resource, namespace: str | None, name: str) -> Document | None:
        """One object; None where there is none of that name. Raises CliError."""
        if not name:
            raise CliError(f"the name of the {resource.kind} is empty")
        path = resource.object(namespace, name)
        try:
            return self._runner.run(self._request("GET", path))
        except NotFound as error:
            if "could not find the requested resource" in error.message:
                raise CliError(f"{resource.plural} are not served: install the CRDs") from error
            return None
        except ApiError as error:
            raise CliError(words(error, "get", path)) from error

    def get(self, resource: Resource, namespace: str | None, name: str) -> Document:
        """One object. Raises CliError also where there is none."""
        found = self.find(resource, namespace, name)
        if found is None:
            where = f" in namespace {namespace}" if namespace else ""
            raise CliError(f"no {resource.kind} {name}{where}")
        return found

    def patch(self, resource: Resource, document: Document, change: Document) -> Document:
        """Merge a change into an object, if nobody has changed it since it was read.

        What the operator reports in its status meanwhile is no change. Raises CliError.
        """
        metadata = document["metadata"]
        path = resource.object(metadata.get("namespace"), metadata["name"])
        return self._run(self._patch(path, document, change), f"patch {path}")

    def create(self, resource: Resource, document: Document) -> Document:
        """Make an object. Raises CliError."""
        return self._run(self._create(resource, document), "create")

    def create_new(self, resource: Resource, document: Document) -> Document | None:
        """Make an object; None where there is one of that name. Raises CliError."""
        try:
            return self._runner.run(self._create(resource, document))
        except AlreadyExists:
            return None
        except ApiError as error:
            raise CliError(words(error, "create")) from error

    def delete(self, resource: Resource, namespace: str | None, name: str) -> None:
        """Delete an object. Raises CliError; not where it is gone."""
        path = resource.object(namespace, name)
        try:
            self._runner.run(self._request("DELETE", path))
        except NotFound:
            return
        except ApiError as error:
            raise CliError(words(error, "delete", path)) from error

    def ask(self, method: str, path: str, body: Any = None) -> Document:
        """Any other request. Raises CliError."""
        return self._run(self._request(method, path, body=body), f"{method} {path}")

    def follow(self, do: Callable[[Follower], Coroutine[Any, Any, T]], *selections: Selection) -> T:
        """Run ``do`` on what these selections hold, kept current by watches. Raises CliError."""
        return self._run(self._follow(do, selections), "watch")

    def logs(
        self,
        sources: Sequence[LogSource],
        query: Mapping[str, str | int],
        write: Callable[[str, bytes], None],
        *,
        together: bool,
    ) -> dict[str, str]:
        """Give each line to ``write`` with its node; returns what could not be read, by node.

        ``together``: all at the same time, as lines come; otherwise one pod after the other.
        """
        return self._run(self._logs(sources, query, write, together), "log")

    async def _logs(
        self,
        sources: Sequence[LogSource],
        query: Mapping[str, str | int],
        write: Callable[[str, bytes], None],
        together: bool,
    ) -> dict[str, str]:
        failed: dict[str, str] = {}

        async def read(source: LogSource) -> None:
            path = f"{PODS.object(source.namespace, source.pod)}/log"
            try:
                async with aclosing(self._transport.lines(path, query, idle_timeout=None)) as lines:
                    async for line in lines:
                        write(source.node, line)
            except ApiError as error:
                failed[source.node] = error.message or error.reason

        if together:
            await asyncio.gather(*(read(each) for each in sources))
        else:
            for each in sources:
                await read(each)
        return failed

    def _run(self, work: Coroutine[Any, Any, T], what: str) -> T:
        try:
            return self._runner.run(work)
        except ApiError as error:
            raise CliError(words(error, what)) from error

    async def _request(self, method: str, path: str, **more: Any) -> Document:
        if method in ("POST", "PATCH") and "/apis/wavegate.dev/" in path:
            more["query"] = {**(more.get("query") or {}), "fieldManager": FIELD_MANAGER}
        return await self._transport.request(method, path, timeout=_TIMEOUT, **more)

    async def _patch(self, path: str, document: Document, change: Document) -> Document:
        there = document
        while True:
            version = there["metadata"]["resourceVersion"]
            body = {**change, "metadata": {"resourceVersion": version}}
            try:
                return await self._request("PATCH", path, body=body, content_type=_MERGE_PATCH)
            except Conflict:
                there = await self._request("GET", path)
                is_newer = there["metadata"]["resourceVersion"] != version
                if not is_newer or _but_for_reports(there) != _but_for_reports(document):
                    raise

    async def _create(self, resource: Resource, document: Document) -> Document:
        path = resource.collection(document["metadata"].get("namespace"))
        query = {"fieldValidation": "Strict"}
        return await self._request("POST", path, query=query, body=document)

    async def _read(self, selections: Sequence[Selection]) -> list[list[Document]]:
        pages = [self._list(each) for each in selections]
        return [items for items, _ in await asyncio.gather(*pages)]

    async def _list(self, selection: Selection) -> tuple[list[Document], str]:
        """All pages, and the resourceVersion at which they were taken."""
        resource, items = selection.resource, list[Document]()
        path = resource.collection(selection.namespace)
        query: dict[str, str | int] = {**_query(selection), "limit": PAGE}
        while True:
            answer = await self._request("GET", path, query=query)
            for each in answer.get("items") or ():
                items.append({"apiVersion": resource.api_version, "kind": resource.kind, **each})
            more = answer["metadata"].get("continue")
            if not more:
                return items, str(answer["metadata"].get("resourceVersion", ""))
            query["continue"] = more

    async def _follow(
        self, do: Callable[[Follower], Coroutine[Any, Any, T]], selections: Sequence[Selection]
    ) -> T:
        follower = Follower(self._transport, selections)
        tasks = [asyncio.create_task(self._keep(follower, at)) for at in range(len(selections))]
        work = asyncio.create_task(do(follower))
        try:
            done, _ = await asyncio.wait({work, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for each in done - {work}:
                each.result()
            return await work
        finally:
            for task in (work, *tasks):
                task.cancel()
            await asyncio.gather(work, *tasks, return_exceptions=True)

    async def _keep(self, follower: Follower, at: int) -> None:
        """List and watch one selection for ever; a watch that ends is followed by a new list."""
        selection = follower.selections[at]
        while True:
            items, version = await self._list(selection)
            follower.replace(at, items)
            query = {**_query(selection), "resourceVersion": version, "timeoutSeconds": 300}
            path = selection.resource.collection(selection.namespace)
            async with AsyncExitStack() as stack:
                events = self._transport.watch(path, query, idle_timeout=330.0)
                stack.push_async_callback(events.aclose)
                async for event in events:
                    if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                        break
                    follower.apply(at, event)
            await asyncio.sleep(1.0)


class Follower:
    """What selections hold now. ``changed`` is set by each change; whoever reads clears it."""

    def __init__(self, transport: Transport, selections: Sequence[Selection]) -> None:
        self.selections = selections
        self.changed = asyncio.Event()
        self.transport = transport
        self._held: list[dict[str, Document] | None] = [None] * len(selections)

    @property
    def complete(self) -> bool:
        """Whether each selection was listed once."""
        return all(each is not None for each in self._held)

    @property
    def items(self) -> list[list[Document]]:
        """By selection."""
        return [list((each or {}).values()) for each in self._held]

    def replace(self, at: int, items: Sequence[Document]) -> None:
        self._held[at] = {each["metadata"]["uid"]: each for each in items}
        self.changed.set()

    def apply(self, at: int, event: Mapping[str, Any]) -> None:
        held, document = self._held[at], event["object"]
        assert held is not None
        if event["type"] == "DELETED":
            held.pop(document["metadata"]["uid"], None)
        else:
            held[document["metadata"]["uid"]] = document
        self.changed.set()

    async def __aiter__(self) -> AsyncIterator[list[list[Document]]]:
        """What is held, at first and after each change; changes in between are taken together."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            if self.complete:
                yield self.items
            await asyncio.sleep(0.25)


@dataclass(frozen=True, slots=True)
class Opened:
    """A way to the cluster that the options and the kubeconfig name."""

    transport: UsersTransport
    namespace: str
    now: Callable[[], float]
    close: Callable[[], Awaitable[None]]


def connect(target: Target) -> Cluster:
    """The cluster that the options and the kubeconfig name. Raises CliError."""
    runner = asyncio.Runner()
    try:
        opened = runner.run(open_transport(target))
    except BaseException:
        runner.close()
        raise
    namespace = target.namespace or opened.namespace
    return Cluster(runner, opened.transport, namespace, opened.now, opened.close)


async def open_transport(target: Target) -> Opened:
    """The real transport. Raises CliError."""
    # Half a second, which --help and names that are wrong should not take.
    from wavegate.kube.access import AccessError, load_access  # noqa: PLC0415
    from wavegate.kube.reading import admit_deep_documents  # noqa: PLC0415
    from wavegate.kube.transport import HttpTransport  # noqa: PLC0415

    admit_deep_documents()
    try:
        access = await load_access(target.kubeconfig, target.context)
    except AccessError as error:
        raise CliError(str(error)) from error
    headers = {"Impersonate-User": target.impersonated} if target.impersonated else {}
    clock = ServerClock(time.time, time.monotonic)
    transport = HttpTransport(access, clock, headers)
    return Opened(transport, access.namespace, clock.now, transport.close)


def words(error: ApiError, verb: str, path: str = "") -> str:
    """What the server refused, and what to do about it."""
    what = " ".join(part for part in (verb, path) if part)
    match error:
        case Unauthorized():
            return f"{what}: the cluster does not accept these credentials: {error.message}"
        case Forbidden():
            return f"{error.message} (kubectl auth can-i says what you may)"
        case NotFound():
            return f"{what}: {error.message}: are the CRDs installed? wavegate check says more"
    return f"{what}: {error.message}" if error.message else f"{what}: {error.reason}"


def _but_for_reports(document: Document) -> Any:
    """What tells whether anybody but the operator has written an object."""
    metadata = document["metadata"]
    managers = metadata.get("managedFields") or ()
    users = [each for each in managers if each.get("subresource") != "status"]
    return metadata["uid"], metadata.get("generation"), users


def _query(selection: Selection) -> dict[str, str | int]:
    query: dict[str, str | int] = {}
    if selection.labels:
        query["labelSelector"] = selection.labels
    if selection.fields:
        query["fieldSelector"] = selection.fields
    return query


async def _awaited(close: Callable[[], Awaitable[None]]) -> None:
    await close()
