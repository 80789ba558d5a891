"""What others may ask the process: is it alive, is it ready, what has it counted.

On a server of its own, so that neither kopf nor the API server's client has a part in it. A standby
is ready, too: it is not doing anything wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from wavegate.telemetry.metrics import Metrics

_PROMETHEUS_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_SHUTDOWN_SECONDS: Final = 1.0


class TelemetryServer:
    """Serves /healthz, /readyz and /metrics. ``unready`` says what is still missing, or ""."""

    def __init__(self, metrics: Metrics, unready: Callable[[], str]) -> None:
        self._metrics = metrics
        self._unready = unready
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._serve_metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, chosen by the system where 0 was asked for.

        Raises OSError where the address cannot be had.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        """That it answers is the answer: the event loop runs."""
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        missing = self._unready()
        if missing:
            return web.Response(status=503, text=f"not ready: {missing}\n")
        return web.Response(text="ok\n")

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": _PROMETHEUS_TEXT})
