"""Events of the operator, on the real API server."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from integration.conftest import Api
from support.jobs import container
from support.operator_process import OperatorProcess
from support.rollouts import settled_on
from support.space import Space
from wavegate.api.events import EVENTS
from wavegate.domain.actions import Note
from wavegate.engine.bodies import Owner
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller

pytestmark = pytest.mark.cluster


def test_a_rollout_over_twenty_nodes_has_the_events_of_its_waves(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait("v1 runs on every node", lambda: settled_on(space, 1))
    space.apply("app", container("app:2", maxParallel=10))
    space.wait("v2 runs on every node", lambda: settled_on(space, 2))
    expected = {
        "app-v1": ["RolloutCompleted", "RolloutStarted"],
        "app-v2": ["RolloutCompleted", "RolloutStarted", "WaveEnded", "WaveEnded"],
        "app": ["Running", "Running"],
    }

    def told() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in space.events():
            found.setdefault(each["regarding"]["name"], []).append(each["reason"])
        return {name: sorted(reasons) for name, reasons in found.items()}

    space.wait(f"these events: {expected}", lambda: told() == expected)
    known = {(each.kind, each.reason, each.type) for each in EVENTS}
    for each in space.events():
        assert (each["regarding"]["kind"], each["reason"], each["type"]) in known
    space.delete("FleetJob", "app")


class Kept(Client):
    """Keeps what is to be created."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.two = asyncio.Event()

    async def create(self, _: Any, namespace: str, body: Any, query: Any = None) -> Any:
        self.bodies.append(body)
        if len(self.bodies) == 2:
            self.two.set()
        return body


def test_the_server_takes_an_event_and_one_with_a_series(space: Space, api: Api) -> None:
    """Of a state that comes and goes each minute."""
    client, minutes = Kept(), itertools.count()

    async def tell() -> None:
        now = 1_700_000_000.0
        teller = EventTeller(client, "test", lambda: now)
        running = asyncio.create_task(teller.run())
        for minute in itertools.islice(minutes, 12):
            now = 1_700_000_000.0 + 60 * minute
            note = Note("Degraded", "not well: n1", warning=True)
            teller.tell(space.name, Owner("FleetJob", "app", "u"), [note])
        await client.two.wait()
        running.cancel()

    asyncio.run(tell())
    path = f"/apis/events.k8s.io/v1/namespaces/{space.name}/events?fieldValidation=Strict"
    for body in client.bodies:
        code, answer = api.request("POST", path, body)
        assert code == 201, answer
    assert [body.get("series", {}).get("count") for body in client.bodies] == [None, 10]
