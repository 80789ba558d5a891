"""What the story's HTTPJobs call: one address is well, the other one is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

HOST: Final = "127.0.0.2"
PORT: Final = 8425
"""Fixed: the story is written before it is played."""

_ANSWERS: Final = {"/orders": (200, b'{"imported": 42}'), "/reports": (503, b"")}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        code, body = _ANSWERS[self.path]
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: it would stand between what is shown."""


@contextmanager
def answering() -> Iterator[None]:
    """It answers until this is left."""
    with ThreadingHTTPServer((HOST, PORT), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
