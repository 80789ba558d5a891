"""The server that stands in for the pods: counters at every address of 127.0.0.0/8.

    python -m bench.health.endpoints 20

Says its port on stdout, and serves until its stdin ends, as it does with whoever began it, however
that ends. Sent SIGUSR1, it lets one pod in 20 (0: none) take each question and never answer.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import Final

PER_SECOND: Final = 10
"""Messages that each pod counts."""
SERIES: Final = 150
"""Of other things than what is asked for, on each page."""

_REST: Final = "".join(
    f'process_thing_{n}{{label="value {n}",other="x"}} {17 * n}\n' for n in range(SERIES)
).encode()
_END: Final = b"\r\n\r\n"
_CLOSE: Final = b"\r\nconnection: close\r\n"


def address(number: int) -> str:
    """Of a pod, by its number from 0 to 65,535."""
    return f"127.1.{number >> 8}.{number & 255}"


def number(address: str) -> int:
    """Of the pod that has the address."""
    _, _, high, low = map(int, address.split("."))
    return high << 8 | low


class Pods:
    """All of them. ``every``: one in so many hangs; 0: none."""

    every = 0


class Connection(asyncio.Protocol):
    """A question to a pod."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        pod = number(transport.get_extra_info("sockname")[0])
        self._hangs = hangs(pod, self._pods.every)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if self._hangs or _END not in self._asked:
            return
        body = _page()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
            f"Content-Length: {len(body)}"
        )
        self._transport.write(head.encode() + _END + body)
        if _CLOSE in self._asked.lower():
            self._transport.close()
        self._asked = b""


def hangs(pod: int, every: int) -> bool:
    """Whether the pod of that number never answers; 0: none does."""
    return every > 0 and pod % every == 0


def _page() -> bytes:
    count = int(time.monotonic() * PER_SECOND)
    return _REST + f'failed_total{{app="a"}} 0\nmessages_total{{app="a"}} {count}\n'.encode()


async def serve(every: int) -> None:
    """Until stdin ends."""
    loop, pods = asyncio.get_running_loop(), Pods()
    loop.add_signal_handler(signal.SIGUSR1, setattr, pods, "every", every)
    # At all addresses of the host, of which those of 127.0.0.0/8 are asked.
    server = await loop.create_server(
        lambda: Connection(pods),
        "0.0.0.0",
        0,
        backlog=4096,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
