"""An endpoint that is called: it answers as a test says, and remembers what it was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

HOST: Final = "127.0.0.2"
"""Loopback, but not the API server's address, which no option allows to call."""
_LONGEST: Final = 120.0
"""Seconds that a call is held at most, lest a test that failed leaves a thread."""


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Received:
    """A call as it came. ``at``: epoch seconds; ``headers`` are found in any case.

    ``reply``: what it was answered, whether or not anybody waited for it.
    """

    at: float
    path: str
    headers: Message
    body: str
    reply: Reply | None = None

    @property
    def run(self) -> str:
        """Name of the run that it was made for."""
        return str(self.headers["X-Run-Id"])

    @property
    def attempt(self) -> int:
        return int(self.headers["X-Attempt"])


class Endpoint:
    """A server in threads of its own. ``answer`` decides; calls are held while ``hold`` says so."""

    def __init__(self) -> None:
        self.answer: Callable[[Received], Reply] = lambda _: Reply()
        self.calls: list[Received] = []
        """In the order in which they came."""
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._under_way = 0
        self._open = threading.Event()
        self._open.set()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def hold(self) -> None:
        """Answer no call until ``release``."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def runs(self) -> list[str]:
        """Names of the runs that were called, each as often as it was."""
        return [call.run for call in self.calls]

    def of(self, run: str) -> list[Received]:
        return [call for call in self.calls if call.run == run]

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def received(self, call: Received) -> Iterator[Reply]:
        with self._lock:
            self.calls.append(call)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            self._open.wait(_LONGEST)
            call.reply = self.answer(call)
            yield call.reply
        finally:
            with self._lock:
                self._under_way -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        super().__init__((HOST, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length).decode()
        call = Received(time.time(), self.path, self.headers, body)
        # Who has given up waiting is not there any more.
        with self.server.endpoint.received(call) as reply, suppress(ConnectionError):
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test asserts what was said."""
