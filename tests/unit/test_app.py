"""The process as a whole: how it begins and by what it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from aiohttp import web

from wavegate.app import Operator, run
from wavegate.engine.lease import LeadershipLost
from wavegate.health.scrape import open_session
from wavegate.kube.access import Access
from wavegate.kube.transport import HttpTransport
from wavegate.settings import Settings


class Waiting:
    """A frame that delivers nothing."""

    def __init__(self) -> None:
        self.registry = kopf.OperatorRegistry()

    async def run(self, *_: Any, ready: asyncio.Event, stop: asyncio.Event) -> None:
        ready.set()
        await stop.wait()


@pytest.fixture
def asked() -> list[str]:
    """What the API server was asked for: path and query of each request."""
    return []


@pytest.fixture
async def operator(tmp_path: Path, asked: list[str]):
    """An operator whose API server answers nothing, and whose frame is only a wait."""

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({"kind": "Status", "reason": "Down", "code": 503}, status=503)

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    access = await Access.from_kubeconfig(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"))
    settings = Settings(identity="one")
    async with HttpTransport(access) as transport, open_session() as pod_session:
        yield Operator(settings, Waiting(), transport, pod_session, access.namespace)
    await runner.cleanup()


def kubeconfig(directory: Path, server: str) -> str:
    path = directory / "config"
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def ours() -> set[asyncio.Task[Any]]:
    """All tasks but those of the server of these tests, which has a task for each connection."""
    return {task for task in asyncio.all_tasks() if "RequestHandler" not in repr(task)}


def fail_with(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def test_it_ends_with_0_when_it_is_told_to_and_leaves_no_task_behind(operator: Operator):
    before = ours()
    running = asyncio.create_task(operator.run())
    await operator.framed.wait()
    await asyncio.sleep(0.05)
    operator.stop.set()
    assert await asyncio.wait_for(running, 2) == 0
    assert ours() <= before | {running}


async def test_it_is_not_ready_before_everything_was_listed(operator: Operator):
    running = asyncio.create_task(operator.run())
    await operator.framed.wait()
    missing = operator.unready()
    assert all(plural in missing for plural in ("nodes", "pods", "executions", "fleetjobs"))
    for reflector in (*operator.reflectors, *operator.runner.reflectors):
        reflector.synced.set()
    operator.comparison.synced.set()
    assert operator.unready() == ""
    operator.stop.set()
    await running


async def test_it_lists_pods_at_work_and_those_that_pull_images(
    operator: Operator, asked: list[str]
):
    running = asyncio.create_task(operator.run())
    await operator.framed.wait()
    await asyncio.sleep(0.1)
    operator.stop.set()
    await running
    found = {each for each in asked if each.startswith("/api/v1/pods")}
    selected = {f"/api/v1/pods?labelSelector=wavegate.dev/{key}&limit=500" for key in _LABELS}
    assert found == selected


_LABELS = ("job", "pull")


async def test_losing_the_lease_ends_it_with_1(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(operator.leadership, "run", fail_with(LeadershipLost("two has it now")))
    assert await asyncio.wait_for(operator.run(), 2) == 1
    assert "leadership lost: two has it now" in caplog.text


async def test_a_part_that_breaks_ends_it_with_1_and_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(operator.writer, "run", fail_with(RuntimeError("broken")))
    assert await asyncio.wait_for(operator.run(), 2) == 1
    assert "writer ended the process" in caplog.text


async def test_no_pass_is_made_before_everything_was_listed(operator: Operator):
    operator.queue.add(("web", "edge"))
    operator.leadership.acquired.set()
    running = asyncio.create_task(operator.run())
    await operator.framed.wait()
    await asyncio.sleep(0.1)
    assert operator.queue.depth() == 1
    operator.stop.set()
    await running


async def test_no_pass_is_made_before_it_leads(operator: Operator):
    operator.queue.add(("web", "edge"))
    for reflector in (*operator.reflectors, *operator.runner.reflectors):
        reflector.synced.set()
    operator.comparison.synced.set()
    running = asyncio.create_task(operator.run())
    await operator.framed.wait()
    await asyncio.sleep(0.1)
    assert operator.queue.depth() == 1
    operator.leadership.acquired.set()
    await asyncio.sleep(0.1)
    assert operator.queue.depth() == 0
    operator.stop.set()
    await running


async def test_without_a_cluster_it_says_so_and_ends_with_2(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    missing = tmp_path / "missing"
    settings = Settings(identity="one", kubeconfig=str(missing))
    assert await run(settings) == 2
    assert str(missing) in caplog.text


async def test_what_its_parts_do_is_counted(operator: Operator):
    def counted(name: str, /, **labels: str) -> float:
        value = operator.metrics.registry.get_sample_value(name, labels)
        assert value is not None, name
        return value

    operator.queue.add(("web", "edge"))
    await operator.queue.get()
    assert counted("workqueue_adds_total", name="fleetjob") == 1
    assert counted("workqueue_queue_duration_seconds_count", name="fleetjob") == 1
    operator.bucket.throttle(0.05, sent=asyncio.get_running_loop().time())
    await operator.bucket.take()
    held_back = counted("rest_client_rate_limiter_duration_seconds_sum")
    assert held_back == pytest.approx(0.05, abs=0.03)
