"""Nothing to do: what a fleet whose nodes report their status costs for a minute.

Of kubelets' two heartbeats the operator hears of one, the status, which they report every five
minutes where nothing has changed. It does not watch their Leases, so nobody renews these here.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from bench.api import Api, each
from bench.audit import writes
from bench.lab import RAISED, USER, Lab
from bench.meter import Meter, quiet
from bench.scenarios.fleet import Fleet

IDLE_SECONDS: Final = 60.0
HEARTBEAT_SECONDS: Final = 300.0
_BEATS_A_SECOND: Final = 4
"""So often those report that are due."""


async def measure(lab: Lab, nodes: int) -> dict[str, Any]:
    """Writes of the operator but for its Lease, and its share of a processor."""
    async with lab.operator(RAISED) as operator:
        await Fleet(lab.api).create()
        await quiet(lab)
        lab.say(f"idle for {IDLE_SECONDS:.0f} s")
        beating = asyncio.create_task(_beat(lab.api))
        meter = Meter(lab, operator)
        await meter.begin()
        since = time.time()
        await asyncio.wait([beating], timeout=IDLE_SECONDS)
        meter.done()
        await meter.look_again()
        if beating.done():
            beating.result()
        beating.cancel()
    figures = meter.figures
    written = writes(await lab.requests(since), USER)
    return {
        **figures,
        "nodes": nodes,
        "writes_of_operator": len(written),
        "share_of_a_processor": figures["cpu"]["operator"] / figures["seconds"],
        "heartbeats_a_second": figures["writes"].get("PATCH nodes/status", 0) / figures["seconds"],
    }


async def _beat(api: Api) -> None:
    """Let every node report that it is Ready, evenly over HEARTBEAT_SECONDS, without end."""
    names = [item["metadata"]["name"] for item in (await api.get("/api/v1/nodes"))["items"]]
    share = len(names) / HEARTBEAT_SECONDS / _BEATS_A_SECOND
    loop = asyncio.get_running_loop()
    began = loop.time()
    for turn in count(1):
        due = range(int((turn - 1) * share), int(turn * share))
        await each(lambda name: _report(api, name), [names[index % len(names)] for index in due])
        await asyncio.sleep(began + turn / _BEATS_A_SECOND - loop.time())


async def _report(api: Api, node: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    change = {"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": now}]}}
    path = f"/api/v1/nodes/{node}/status"
    content = "application/strategic-merge-patch+json"
    await api.request("PATCH", path, change, content=content)
