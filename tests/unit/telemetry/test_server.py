"""The three addresses that others ask."""

from __future__ import annotations

import aiohttp
import pytest

from wavegate.telemetry.metrics import Metrics
from wavegate.telemetry.server import TelemetryServer


class State:
    missing = "pods"


@pytest.fixture
async def served():
    state = State()
    server = TelemetryServer(Metrics(), lambda: state.missing)
    port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield state, session
    await server.close()


async def test_it_is_alive_and_not_ready_until_everything_is_known(
    served: tuple[State, aiohttp.ClientSession],
):
    state, session = served
    async with session.get("/healthz") as response:
        assert response.status == 200
    async with session.get("/readyz") as response:
        assert response.status == 503
        assert "pods" in await response.text()
    state.missing = ""
    async with session.get("/readyz") as response:
        assert response.status == 200


async def test_metrics_are_prometheus_text(served: tuple[State, aiohttp.ClientSession]):
    _, session = served
    async with session.get("/metrics") as response:
        assert response.content_type == "text/plain"
        assert "leader_election_master_status" in await response.text()


async def test_an_address_that_is_taken_is_an_error():
    first = TelemetryServer(Metrics(), lambda: "")
    second = TelemetryServer(Metrics(), lambda: "")
    port = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match=str(port)):
        await second.start("127.0.0.1", port)
    await first.close()
    await second.close()
