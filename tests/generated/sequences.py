"""Five operations on one job, chosen by a seed, with waits of any length between them.

A generated operation of the job's table is applied to what the job says by then, so that two
changes meet that no single operation has together.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from functools import cache
from random import Random
from typing import Final

from generated.bases import JOBS, Object, object_of
from generated.operations import Operation, all_operations, replaced, schema_of
from generated.stage import Stage
from generated.values import ABSENT
from wavegate.simulation.fates import CRASHES, ERRS, NEVER_READY, UNREADABLE

LENGTH: Final = 5
WAITS: Final = (0.0, 0.3, 2.0, 10.0, 60.0, 600.0)
PATIENCE: Final = 4 * 3600.0
_BASES: Final = ("canary", "rolling", "plain", "pipeline", "query", "update", "config")
_IMAGES: Final = ("app:1", "app:2", "app:3", "bad:1", "bad:2")
_IMAGE: Final = ("spec", "template", "spec", "containers", 0, "image")


async def play(stage: Stage, seed: int) -> None:
    """The whole sequence, and all that comes of it."""
    rng = Random(f"sequence {seed}")
    player = _Player(stage, rng, rng.choice(_BASES))
    await player.begin()
    for _ in range(LENGTH):
        await rng.choices([each for each, _ in _STEPS], [weight for _, weight in _STEPS])[0](player)
        await asyncio.sleep(rng.choice(WAITS))
        stage.check()
    await stage.settle(PATIENCE)


@cache
def _table(base: str) -> list[Operation]:
    """What may be done to a job of this base, its name aside."""
    return [
        each
        for each in all_operations()
        if (each.verb, each.base) == ("create", base) and each.path[0] == "spec"
    ]


class _Player:
    def __init__(self, stage: Stage, rng: Random, base: str) -> None:
        self.stage = stage
        self.rng = rng
        self.base = base
        self.document: Object = copy.deepcopy(JOBS[base])
        """What the job is meant to be, as far as it was accepted."""

    async def begin(self) -> None:
        for image in ("bad:1", "bad:2"):
            fate = self.rng.choice((ERRS, NEVER_READY, CRASHES, UNREADABLE))
            node = self.rng.choice(("", "", "n00", "n01"))
            self.stage.bad[image, node] = fate
        assert self.stage.send(self.document)
        await asyncio.sleep(self.rng.choice((2.0, 60.0, 60.0, 300.0)))

    def _send(self, document: Object) -> None:
        if self.stage.send(document):
            self.document = document

    async def generated(self) -> None:
        operation = self.rng.choice(_table(self.base))
        self._send_changed(operation)

    def _send_changed(self, operation: Operation) -> None:
        try:
            changed = replaced(
                self.document, operation.path, operation.value, schema_of("FleetJob")
            )
        except (IndexError, KeyError, TypeError):
            return  # what it is about an earlier one has taken away
        self._send(changed)

    async def image(self) -> None:
        if self.document["spec"].get("template"):
            operation = Operation("change", self.base, _IMAGE, "", self.rng.choice(_IMAGES))
            self._send_changed(operation)

    async def back(self) -> None:
        self._send(copy.deepcopy(JOBS[self.base]))

    async def again(self) -> None:
        self._send(copy.deepcopy(self.document))

    async def switch(self) -> None:
        path = self.rng.choice((("spec", "suspend"), ("spec", "rollout", "paused")))
        place = self.document["spec"]
        for part in path[1:]:
            place = (place or {}).get(part)
        self._send_changed(Operation("change", self.base, path, "", not place))

    async def deployment(self) -> None:
        kind = self.rng.choice(("Restart", "Restart", "Rollback", "Rollback", "Stop", "Update"))
        name = f"by-hand-{len(self.stage.said)}"
        newest = int(self.stage.status().get("version") or 1)
        spec: Object = {"jobName": self.stage.name, "type": kind}
        if kind == "Rollback" or (kind != "Stop" and self.rng.random() < 0.5):
            spec["toVersion"] = self.rng.randint(1, newest + 1)
        document = object_of("FleetDeployment", name, spec)
        if self.rng.random() < 0.5:
            other = self.rng.choice(_overrides())
            schema = schema_of("FleetDeployment")
            document = replaced(document, other.path, other.value, schema)
        self.stage.send(document)

    async def verb(self) -> None:
        opened = self.stage.cluster.list("FleetDeployment")
        if opened:
            chosen = self.rng.choice(opened)
            verb = self.rng.choice(("paused", "promoted", "canceled"))
            value = self.rng.random() < 0.8
            spec = {**chosen["spec"], verb: value}
            self.stage.send(object_of("FleetDeployment", chosen["metadata"]["name"], spec))

    async def delete_pod(self) -> None:
        if pods := self.stage.cluster.list("Pod"):
            self.stage.delete_pod(self.rng.choice(pods))

    async def delete_execution(self) -> None:
        if executions := self.stage.cluster.list("Execution"):
            self.stage.delete_execution(self.rng.choice(executions))

    async def delete_job(self) -> None:
        """And make it again."""
        self.stage.cluster.delete("FleetJob", self.stage.name)
        await asyncio.sleep(self.rng.choice(WAITS))
        self.stage.send(self.document)


@cache
def _overrides() -> list[Operation]:
    return [
        each
        for each in all_operations()
        if (each.verb, each.base) == ("create", "restart")
        and each.path[:2] == ("spec", "rollout")
        and each.value is not ABSENT
    ]


_Step = Callable[[_Player], Awaitable[None]]
_STEPS: Final[tuple[tuple[_Step, int], ...]] = (
    (_Player.generated, 38),
    (_Player.image, 18),
    (_Player.back, 6),
    (_Player.again, 3),
    (_Player.switch, 8),
    (_Player.deployment, 10),
    (_Player.verb, 8),
    (_Player.delete_pod, 3),
    (_Player.delete_execution, 3),
    (_Player.delete_job, 3),
)
