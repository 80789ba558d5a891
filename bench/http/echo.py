"""An endpoint that answers at once, in a process of its own, and keeps when it was called.

``python -m bench.http.echo ADDRESS`` prints its port. ``GET /calls?from=N`` tells calls from the
N-th on: name of the job, name of the run, and when (epoch seconds).
"""

from __future__ import annotations

import asyncio
import sys
import time

from aiohttp import web


async def serve(address: str) -> None:
    """Until it is ended."""
    calls: list[tuple[str, str, float]] = []

    async def called(request: web.Request) -> web.Response:
        now = time.time()
        await request.read()
        calls.append((request.headers["X-Job-Name"], request.headers["X-Run-Id"], now))
        return web.json_response({"ok": True})

    async def told(request: web.Request) -> web.Response:
        return web.json_response(calls[int(request.query.get("from", "0")) :])

    app = web.Application()
    app.add_routes([web.post("/", called), web.get("/calls", told)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
