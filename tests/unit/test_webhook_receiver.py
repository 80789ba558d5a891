"""The receiver that users are shown, as a process of its own, told by the code that tells it."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.runner.test_hooks import Bench, hooked, pending
from wavegate.dispatch.signing import sign

SCRIPT = Path(__file__).parents[2] / "examples" / "webhook-receiver.py"
NEW, OLD, WRONG = ("whsec_" + base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2, 3))
BODY = '{"type":"jobrun.completed","timestamp":"now","data":{"namespace":"shop","run":"one"}}'


class Receiver:
    """The process, which has the old key."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "0"],
            env={**os.environ, "WEBHOOK_KEY": OLD},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.line().split()[-1]}/"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def sent(self, *keys: str, body: str = BODY, now: float | None = None, signed: str = "") -> int:
        """What it answers to a body that these keys sign."""
        headers = sign(keys, "an-id", now or time.time(), signed or body)
        request = urllib.request.Request(self.url, body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.process.kill()
    made.process.communicate()


def test_only_what_is_signed_and_new_is_handled_and_once(receiver: Receiver) -> None:
    assert receiver.sent(WRONG) == 401
    assert receiver.sent(OLD, signed="{}") == 401
    assert receiver.sent(OLD, now=time.time() - 3600) == 401
    assert receiver.sent(OLD, body="x" * 70_000) == 413
    assert [receiver.sent(NEW, OLD), receiver.sent(OLD)] == [204, 204]
    receiver.process.terminate()
    out, _ = receiver.process.communicate(timeout=10)
    assert out.splitlines() == ["now jobrun.completed: shop/one"]


def test_it_takes_what_the_operator_sends(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unit.runner.test_hooks.NOW", time.time())
    bench = Bench()
    bench.objects.key = OLD
    known = asyncio.run(bench.tell(hooked(receiver.url), pending()))
    assert known.said is not None
    assert known.said.result == "Delivered"
    assert receiver.line().endswith("jobrun.completed: shop/one")
