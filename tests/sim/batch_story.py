"""What stories of batches are told with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.test_runs import World
from wavegate.runs.batch_states import ENDED
from wavegate.simulation.cluster import Process
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

KEPT = {"successfulHistoryLimit": 3, "failedHistoryLimit": 3}
SCHEMA = {"type": "object", "required": ["n"]}


def items(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"key": f"k{n}", "payload": f'{{"n": {n}}}', **more} for n in range(count)]


def batch(world: World, name: str = "import", job: str = "app", **spec: Any) -> None:
    world.cluster.create("RunBatch", name, {"jobName": job, **spec})


def status(world: World, name: str = "import") -> Mapping[str, Any]:
    found = world.cluster.get("RunBatch", name)
    return found["status"] if found is not None else {}


async def ended(world: World, name: str = "import") -> Mapping[str, Any]:
    await world.until(lambda: status(world, name).get("state") in ENDED)
    return status(world, name)


def counts(world: World, name: str = "import") -> dict[str, int]:
    return {
        each: number for each, number in status(world, name).get("counts", {}).items() if number
    }


def calls(world: World) -> list[str]:
    """Runs that were called, in order."""
    return [made.run for made in world.endpoints.calls]


def lay(world: World, lines: str) -> None:
    """Put the lines where a batch can have its items from."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"items.jsonl": lines}}
    body["metadata"] = {"name": "lines", "namespace": "default"}
    path = "/api/v1/namespaces/default/configmaps"
    world.cluster.server.request(Administrator(), "POST", path, body=body)


class Reading(Untroubled):
    """Counts requests for ConfigMaps."""

    def __init__(self) -> None:
        self.requests = 0

    async def sending(self, request: Request) -> None:
        self.requests += "/configmaps/" in request.path


class Noting(Untroubled):
    """Counts the writes of each batch; no process writes that does not lead."""

    def __init__(self) -> None:
        self.written: Counter[str] = Counter()

    def of(self, process: Process) -> Noting:
        self.process = process
        return self

    def leaving(self, request: Request) -> None:
        if is_write(request):
            assert self.process.operator.leadership.held(), "a process writes that does not lead"
            self.written[request.path.split("/")[-2]] += "/runbatches/" in request.path


class Dying(Untroubled):
    """A process dies at the n-th write of all; ``late``: once that is carried out."""

    def __init__(self, number: int, late: bool) -> None:
        self._number = number
        self._late = late

    def of(self, process: Process) -> Dying:
        self._process = process
        return self

    def leaving(self, request: Request) -> None:
        if is_write(request):
            assert self._process.operator.leadership.held(), "a process writes that does not lead"

    async def sending(self, request: Request) -> None:
        self._number -= is_write(request)
        if is_write(request) and self._number == 0 and not self._late:
            self._process.kill()

    async def answered(self, request: Request, answer: Mapping[str, Any]) -> None:
        if is_write(request) and self._number == 0 and self._late:
            self._number = -1
            self._process.kill()


def is_write(request: Request) -> bool:
    return request.method != "GET" and "/apis/wavegate.dev/" in request.path
