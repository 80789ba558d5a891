"""Kopf as the frame: what it is told before it starts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from kopf._cogs.clients import api
from kopf._cogs.clients.watching import watch_objs
from kopf._cogs.structs.references import Insights, Resource

from wavegate.handlers.deployments import watch_deployments
from wavegate.handlers.httpjobs import watch_http_jobs
from wavegate.handlers.jobs import watch_jobs
from wavegate.handlers.process import AGAIN, LOOK, WATCHED, KopfFrame
from wavegate.handlers.storages import ForgetfulDiffBase, ForgetfulProgress
from wavegate.kube.access import Connection
from wavegate.kube.resources import FLEET_JOBS


class OneAccess:
    async def connection(self) -> Connection:
        return Connection(
            server="https://api:6443",
            ca_path="/ca",
            insecure=False,
            scheme="Bearer",
            token="secret",
            certificate_path=None,
            private_key_path=None,
            proxy_url=None,
            default_namespace="ops",
        )


@pytest.fixture
def activities() -> dict[str, Any]:
    registry = KopfFrame(OneAccess()).registry  # type: ignore[arg-type]
    return {handler.activity.value: handler for handler in registry._activities.get_all_handlers()}


async def test_kopf_writes_nothing_of_its_own(activities: dict[str, Any]):
    settings = kopf.OperatorSettings()
    await activities["startup"].fn(settings=settings)
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True
    assert settings.process.ultimate_exiting_timeout is None, "it is begun anew in this process"
    assert isinstance(settings.persistence.progress_storage, ForgetfulProgress)
    assert isinstance(settings.persistence.diffbase_storage, ForgetfulDiffBase)


async def test_a_watch_that_hangs_is_ended(activities: dict[str, Any]):
    settings = kopf.OperatorSettings()
    await activities["startup"].fn(settings=settings)
    watching = settings.watching
    assert watching.connect_timeout == 5
    assert str(watching.server_timeout).isdecimal()
    assert watching.server_timeout < watching.client_timeout < 120


class Watched:
    """A watch that tells of something a moment before it would be taken for dead, and its task."""

    def __init__(self, settings: kopf.OperatorSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self.told: list[float] = []
        monkeypatch.setattr(api, "stream", self._stream)

    async def _stream(self, **options: Any) -> AsyncIterator[Any]:
        patience = self._settings.watching.inactivity_timeout
        for pause in (patience - 0.01, 1e6):
            async with asyncio.timeout(options["timeout"].total):
                await asyncio.sleep(pause)
            yield {"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "2"}}}

    async def follow(self) -> None:
        """As kopf's watcher does, which takes a moment for an event."""
        one = FLEET_JOBS
        resource = Resource(one.group, one.version, one.plural, namespaced=True)
        events = watch_objs(
            settings=self._settings,
            resource=resource,
            namespace=None,
            operator_pause_waiter=asyncio.Future(),
        )
        async for _ in events:
            self.told.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.02)


@pytest.mark.looptime
@pytest.mark.parametrize("as_shipped", [True, False])
async def test_a_watch_is_not_lost_while_an_event_is_handed_over(
    activities: dict[str, Any], monkeypatch: pytest.MonkeyPatch, as_shipped: bool
):
    """By kopf's own settings it is: the task is cancelled, and nobody is told."""
    settings = kopf.OperatorSettings()
    if not as_shipped:
        await activities["startup"].fn(settings=settings)
    watch = Watched(settings, monkeypatch)
    task = asyncio.create_task(watch.follow())
    await asyncio.wait([task])
    assert task.cancelled() is as_shipped
    assert len(watch.told) == (1 if as_shipped else 0), "it was ended, and is begun again"


async def test_kopf_takes_the_credentials_that_we_have(activities: dict[str, Any]):
    login = next(handler for name, handler in activities.items() if "auth" in name)
    info = await login.fn()
    assert (info.server, info.token, info.ca_path) == ("https://api:6443", "secret", "/ca")


class KopfError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"{status} page not found")
        self.status = status


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """How kopf ends, time after time; it has begun by then."""
    coming: list[Exception | None] = []

    async def ending() -> None:
        await asyncio.sleep(1)
        if (error := coming.pop(0)) is not None:
            raise error

    async def spawn_tasks(ready_flag: asyncio.Event, **_: Any) -> set[asyncio.Task[None]]:
        ready_flag.set()
        return {asyncio.create_task(ending())}

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    return coming


@pytest.mark.looptime
async def test_kopf_is_begun_anew_where_its_kinds_are_not_served(
    ends: list[Exception | None], caplog: pytest.LogCaptureFixture
):
    ends += [KopfError(404), KopfError(404), None]
    ready, loop = asyncio.Event(), asyncio.get_running_loop()
    await KopfFrame(OneAccess()).run((), ready=ready, stop=asyncio.Event())  # type: ignore[arg-type]
    assert ends == []
    assert ready.is_set()
    assert loop.time() == pytest.approx(3 + 2 * AGAIN)
    assert caplog.text.count("is not served") == 2


@pytest.mark.looptime
async def test_kopf_is_begun_anew_until_discovery_has_all_its_kinds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """It reads discovery once: of a kind that was not there yet it would never hear."""
    caplog.set_level("INFO")
    names = [each.plural for each in WATCHED]
    looks = [[], names[:1], names[:1], names, names]
    begun: list[float] = []
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    async def spawn_tasks(insights: Insights, **_: Any) -> set[asyncio.Task[Any]]:
        begun.append(loop.time())
        for name in looks.pop(0):
            found = Resource("wavegate.dev", "v1alpha1", name)
            insights.watched_resources.add(found)
        loop.call_later(1, insights.ready_resources.set)
        return {asyncio.create_task(stop.wait())}

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    loop.call_later(1000, stop.set)
    await KopfFrame(OneAccess()).run((), ready=asyncio.Event(), stop=stop)  # type: ignore[arg-type]
    assert begun == [pytest.approx(each * (1 + LOOK)) for each in range(4)]
    assert [each.message for each in caplog.records if "served" in each.message] == [
        "not served: FleetJob, FleetDeployment, HTTPJob; looked for every 5 s",
        "not served: FleetDeployment, HTTPJob; looked for every 5 s",
        "now served: FleetDeployment, HTTPJob",
    ]


def test_what_is_looked_for_is_what_has_handlers():
    frame = KopfFrame(OneAccess())  # type: ignore[arg-type]
    watch_jobs(frame.registry, None)  # type: ignore[arg-type]
    watch_deployments(frame.registry, None)  # type: ignore[arg-type]
    watch_http_jobs(frame.registry, None)  # type: ignore[arg-type]
    selectors = frame.registry._watching.get_all_selectors()
    assert {(each.group, each.version, each.any_name) for each in selectors} == {
        (each.group, each.version, each.plural) for each in WATCHED
    }


@pytest.mark.looptime
async def test_what_the_process_does_goes_on_when_kopf_has_ended(
    ends: list[Exception | None],
):
    """What was begun after kopf was, too; a task of kopf's that is left is ended with it."""
    ends += [KopfError(404), None]
    frame = KopfFrame(OneAccess())  # type: ignore[arg-type]
    running = asyncio.create_task(frame.run((), ready=asyncio.Event(), stop=asyncio.Event()))
    await asyncio.sleep(0.5)
    call = asyncio.create_task(asyncio.sleep(1e6))
    async with asyncio.TaskGroup() as passes:
        led = passes.create_task(asyncio.sleep(1e6))
        left = asyncio.create_task(kopf._cogs.aiokits.aiotasks.guard(asyncio.sleep(1e6), "left"))
        await running
        assert left.cancelled()
        assert not call.done()
        assert not led.done()
        for task in (call, led):
            task.cancel()


@pytest.mark.looptime
async def test_kopf_is_begun_anew_where_it_cannot_read_an_object(
    ends: list[Exception | None], caplog: pytest.LogCaptureFixture
):
    ends += [RecursionError("while decoding"), None]
    loop = asyncio.get_running_loop()
    await KopfFrame(OneAccess()).run((), ready=asyncio.Event(), stop=asyncio.Event())  # type: ignore[arg-type]
    assert ends == []
    assert loop.time() == pytest.approx(2 + AGAIN)
    assert caplog.text.count("is nested too deeply to be read") == 1


@pytest.mark.looptime
async def test_whatever_else_ends_kopf_ends_its_part(ends: list[Exception | None]):
    ends += [KopfError(403), None]
    with pytest.raises(KopfError, match="403"):
        await KopfFrame(OneAccess()).run((), ready=asyncio.Event(), stop=asyncio.Event())  # type: ignore[arg-type]
    assert ends == [None]


@pytest.mark.looptime
async def test_signals_are_ours_while_kopf_is_down(
    ends: list[Exception | None], monkeypatch: pytest.MonkeyPatch
):
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    taken: dict[int, Any] = {}
    monkeypatch.setattr(loop, "add_signal_handler", taken.__setitem__)

    async def spawn_tasks(**_: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: None)
        raise KopfError(404)  # before it has begun

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    frame = KopfFrame(OneAccess())  # type: ignore[arg-type]
    running = asyncio.create_task(frame.run((), ready=asyncio.Event(), stop=stop))
    await asyncio.sleep(1)
    taken[signal.SIGTERM]()
    await running
    assert stop.is_set()
    assert loop.time() < AGAIN


@pytest.mark.looptime
async def test_one_that_is_told_to_stop_does_not_wait_for_its_kinds(ends: list[Exception | None]):
    ends += [KopfError(404), None]
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(2, stop.set)
    await KopfFrame(OneAccess()).run((), ready=asyncio.Event(), stop=stop)  # type: ignore[arg-type]
    assert ends == [None]
