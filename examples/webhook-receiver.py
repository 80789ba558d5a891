#!/usr/bin/env python3
"""A receiver of webhooks that verifies who has sent them: pip install standardwebhooks

    WEBHOOK_KEY='whsec_…' python3 webhook-receiver.py 8080

Whatever is not signed with the key, or longer than five minutes ago, is answered 401. What is told
again, since an answer was lost on its way, is answered 204 and not handled again.
"""

from __future__ import annotations

import json
import os
import sys
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from standardwebhooks import Webhook, WebhookVerificationError

LONGEST = 64 * 1024
"""Bytes of a body; what is sent has not more."""
REMEMBERED = 10_000
"""Ids of what has been handled. In earnest they are kept where what is made of them is kept."""

KEY = Webhook(os.environ["WEBHOOK_KEY"])
handled: OrderedDict[str, None] = OrderedDict()
lock = Lock()


def handle(event: dict) -> None:
    """What you want to do. It should not take long: the sender waits 15 s for the answer."""
    data = event["data"]
    print(f"{event['timestamp']} {event['type']}: {data['namespace']}/{data['run']}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    timeout = 30

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= LONGEST:
            self.answer(413)
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            # The bytes as they came: what is parsed and written again has another signature.
            KEY.verify(body, headers)
        except WebhookVerificationError:
            self.answer(401)
            return
        with lock:
            if headers["webhook-id"] not in handled:
                handle(json.loads(body))
                handled[headers["webhook-id"]] = None
                while len(handled) > REMEMBERED:
                    handled.popitem(last=False)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what was handled says enough."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", int(sys.argv[1])), Receiver)
    print(f"listening on port {server.server_address[1]}", flush=True)
    server.serve_forever()
