"""Whether a write may be sent is asked as it is sent, by the real transport."""

from __future__ import annotations

import asyncio
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from unit.kube.test_transport import serving
from wavegate.kube.errors import AlreadyExists
from wavegate.kube.guard import NotSent
from wavegate.kube.transport import HttpTransport

BODY = {"metadata": {"name": "app"}}
METHODS = ("POST", "PUT", "PATCH", "DELETE")


class Served:
    """What has come to a server."""

    def __init__(self, status: int = 200) -> None:
        self.came: list[tuple[str, Any]] = []
        self._status = status

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.came.append((request.method, text))
        return web.json_response({"reason": "AlreadyExists"}, status=self._status)


async def write(
    transport: HttpTransport, guard: Callable[[], bool], method: str = "POST", body: Any = BODY
) -> dict[str, Any]:
    return await transport.request(method, "/pods", body=body, guard=guard)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [BODY, {}, None], ids=["a body", "an empty one", "none"])
async def test_what_may_not_be_sent_is_not(method: str, body: Any, tmp_path: Path) -> None:
    served = Served()
    async with serving(tmp_path, served.answer) as transport:
        with pytest.raises(NotSent):
            await write(transport, lambda: False, method, body)
        await transport.request("POST", "/pods", body=BODY)  # by the same task
    assert [method for method, _ in served.came] == ["POST"]


async def test_what_may_be_sent_is_sent_as_it_would_be_without_a_guard(tmp_path: Path) -> None:
    served = Served()
    async with serving(tmp_path, served.answer) as transport:
        await write(transport, lambda: True)
        await transport.request("POST", "/pods", body=BODY)
    with_guard, without = served.came
    assert with_guard == without


async def test_a_refusal_of_the_server_is_none_of_the_guard(tmp_path: Path) -> None:
    async with serving(tmp_path, Served(409).answer) as transport:
        with pytest.raises(AlreadyExists):
            await write(transport, lambda: True)


async def test_of_many_at_once_each_is_asked_as_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question and the socket there is nothing of another request."""
    log: list[str] = []
    send = _SelectorSocketTransport.write

    def logged(self: _SelectorSocketTransport, data: bytes) -> None:
        if bytes(data[:4]) == b"POST":
            log.append("sent")
        send(self, data)

    def asked() -> bool:
        log.append("asked")
        return True

    monkeypatch.setattr(_SelectorSocketTransport, "write", logged)
    monkeypatch.setattr(_SelectorSocketTransport, "writelines", _joined)
    async with serving(tmp_path, Served().answer) as transport:
        await asyncio.gather(*(write(transport, asked) for _ in range(8)))  # connections
        log.clear()
        await asyncio.gather(*(write(transport, asked) for _ in range(8)))
    assert log == ["asked", "sent"] * 8


def _joined(self: _SelectorSocketTransport, parts: list[bytes]) -> None:
    self.write(b"".join(parts))


async def test_who_stops_leading_while_many_are_about_to_be_sent_sends_no_more(
    tmp_path: Path,
) -> None:
    served, left = Served(), iter([True] * 3)
    async with serving(tmp_path, served.answer) as transport:
        writes = (write(transport, lambda: next(left, False)) for _ in range(8))
        found = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(each) for each in found if isinstance(each, Exception)] == [NotSent] * 5
    assert len(served.came) == 3
