"""The receiver that users are shown, as a process of its own, told by the code that tells it."""

from __future__ import annotations

import asyncio
import base64
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from support.receiver import Receiver, receiving
from unit.runner.test_hooks import Bench, hooked, pending
from wavegate.dispatch.signing import sign

NEW, OLD, WRONG = ("whsec_" + base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2, 3))
BODY = '{"type":"jobrun.completed","timestamp":"now","data":{"namespace":"shop","run":"one"}}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """It has the old key."""
    with receiving(OLD) as made:
        yield made


def sent(
    receiver: Receiver, *keys: str, body: str = BODY, now: float | None = None, signed: str = ""
) -> int:
    """What it answers to a body that these keys sign."""
    headers = sign(keys, "an-id", now or time.time(), signed or body)
    request = urllib.request.Request(url_of(receiver), body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def url_of(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/"


def test_only_what_is_signed_and_new_is_handled_and_once(receiver: Receiver) -> None:
    assert sent(receiver, WRONG) == 401
    assert sent(receiver, OLD, signed="{}") == 401
    assert sent(receiver, OLD, now=time.time() - 3600) == 401
    assert sent(receiver, OLD, body="x" * 70_000) == 413
    assert [sent(receiver, NEW, OLD), sent(receiver, OLD)] == [204, 204]
    receiver.process.terminate()
    out, _ = receiver.process.communicate(timeout=10)
    assert out.splitlines() == ["now jobrun.completed: shop/one"]


def test_it_takes_what_the_operator_sends(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unit.runner.test_hooks.NOW", time.time())
    bench = Bench()
    bench.objects.key = OLD
    known = asyncio.run(bench.tell(hooked(url_of(receiver)), pending()))
    assert known.said is not None
    assert known.said.result == "Delivered"
    assert receiver.line().endswith("jobrun.completed: shop/one")
