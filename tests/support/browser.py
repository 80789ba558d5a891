"""A headless Chromium, Debian's, driven by its DevTools protocol: what a page really looks like."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp

from wavelab import machine

_PACKAGES = {
    "chromium": ("chromium", "opens the reports"),
    "fonts-dejavu-core": (
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "is the one font with which texts are measured",
    ),
}
_STARTED = 60.0
_ANSWERED = 30.0


class Page:
    """One page of the browser. ``problems``: errors that it has logged or thrown so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[str] = []

    async def open(
        self, path: Path, width: int, *, scheme: Literal["light", "dark"] = "light"
    ) -> None:
        """Load a file at this width, and wait until it is there."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[feature])
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=path.as_uri())
        await self._until("Page.loadEventFired")

    async def evaluate(self, script: str) -> Any:
        """What an expression comes to, as JSON would have it."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._next()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message}"
                return message["result"]

    async def _until(self, event: str) -> None:
        while (await self._next()).get("method") != event:
            pass

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json(timeout=_ANSWERED)
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(told["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.problems.append(str(told["entry"]["text"]))
        if message.get("method") == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.problems.append(str(told["args"]))
        return message


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A browser with one page; all its processes end with it."""
    machine.install_packages(_PACKAGES, lambda _: None)
    program = shutil.which("chromium")
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            "--headless",
            "--no-sandbox",  # which root cannot have
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = await asyncio.wait_for(_port(Path(profile) / "DevToolsActivePort"), _STARTED)
            async with aiohttp.ClientSession(trust_env=False) as session:
                async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                    address = (await answer.json())["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _port(file: Path) -> int:
    """The browser writes it down once it listens."""
    while not (told := _read(file)):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return int(told.split()[0])


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""
