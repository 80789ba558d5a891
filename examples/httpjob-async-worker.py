#!/usr/bin/env python3
"""An endpoint of an Async HTTPJob: it answers 202, works, and calls back. Standard library only.

    python httpjob-async-worker.py --bind 0.0.0.0:8000

What it shows: 202 at once; heartbeats while it works; complete or fail at the end, again and again
while the operator cannot take it (503, or nobody answers); and that it stops when nobody waits any
more (403, 410). A run that it knows already, by its Idempotency-Key, is not done twice.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEARTBEAT = 10.0
"""Seconds between two of them: a few within heartbeatTimeout."""
PATIENCE = 3600.0
"""Seconds for which an end is called back, again and again."""

results: dict[str, str] = {}
"""By Idempotency-Key, what is done; a database in earnest."""


def work(payload: str) -> str:
    """What this endpoint is for. Raises what went wrong."""
    seconds = float(json.loads(payload).get("seconds", 1))
    time.sleep(seconds)
    return json.dumps({"slept": seconds})


class CallBack:
    """Where and with which token one attempt of a run is called back."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def say(self, verb: str, body: str = "") -> int:
        """The status of the operator's answer; 0: there was none."""
        request = urllib.request.Request(
            f"{self.url}/{verb}",
            data=body.encode(),
            headers={"X-Callback-Token": self.token},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until_heard(self, verb: str, body: str) -> int:
        """The answer that is for good: on record (200), or nobody waits for it."""
        end = time.monotonic() + PATIENCE
        while True:
            status = self.say(verb, body)
            if status not in (0, 503) or time.monotonic() > end:
                return status
            time.sleep(1)


def do(payload: str, key: str, back: CallBack) -> None:
    """Work, with heartbeats, and call back."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            if back.say("heartbeat") in (403, 410):
                return  # canceled, or another attempt has begun: in earnest, stop the work

    threading.Thread(target=beat, daemon=True).start()
    try:
        result = results.get(key) or work(payload)
        results[key] = result
        back.until_heard("complete", result)
    except Exception as error:  # whatever it is, the run is to know
        back.until_heard("fail", f"{type(error).__name__}: {error}")
    finally:
        ended.set()


class Handler(BaseHTTPRequestHandler):
    """Takes a call and answers at once."""

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"])).decode()
        back = CallBack(self.headers["X-Callback-Url"], self.headers["X-Callback-Token"])
        key = self.headers["Idempotency-Key"]
        threading.Thread(target=do, args=(payload, key, back), daemon=True).start()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bind", default="0.0.0.0:8000", metavar="HOST:PORT")
    host, _, port = parser.parse_args().bind.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
