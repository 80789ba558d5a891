"""The server of call backs, and clients that do what none should."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from support.called_back import JOB, TOKEN, Bench, run
from wavegate.runner import callback_server
from wavegate.runner.callback_server import MAX_BODY, CallbackServer

SOON: Final = 0.2
PATIENCE: Final = 20.0


@asynccontextmanager
async def served(bench: Bench) -> AsyncIterator[int]:
    server = CallbackServer(bench.callbacks)
    port = await server.start("127.0.0.1", 0)
    passes = asyncio.create_task(_passes(bench))
    try:
        yield port
    finally:
        passes.cancel()
        await server.close()


async def _passes(bench: Bench) -> None:
    while True:
        for answer in bench.callbacks.answers(JOB).values():
            bench.know(run(phase="Completed", outcome=answer.called_back))
        await asyncio.sleep(0.01)


def head(path: str = "/runs/shop/one/1/complete", length: int | None = 0, **more: str) -> bytes:
    fields = {"Host": "operator", "X-Callback-Token": TOKEN, **more}
    if length is not None:
        fields["Content-Length"] = str(length)
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def answered(port: int, *pieces: bytes, pause: float = 0.0) -> tuple[int, Any, str]:
    """Status, document and head of the answer; status 0: the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
                text = (await reader.read()).decode()
            except ConnectionError:
                text = ""
    finally:
        writer.close()
    if not text:
        return 0, {}, ""
    first, _, body = text.partition("\r\n\r\n")
    status = int(first.split()[1])
    return status, json.loads(body) if body.startswith("{") else body, first


async def test_a_call_back_is_taken() -> None:
    bench = Bench()
    async with served(bench) as port:
        status, said, first = await answered(port, head(length=4), b"done")
        assert (status, said) == (200, {"code": "Taken", "message": "it is on record"})
        assert "Connection: close" in first
        assert (await answered(port, head()))[1]["code"] == "Repeated"
        assert (await answered(port, head("/runs/shop/one/1/fail")))[0] == 409


async def test_who_does_not_lead_says_when_to_come_again() -> None:
    bench = Bench()
    bench.leading = False
    async with served(bench) as port:
        status, _, first = await answered(port, head())
    assert status == 503
    assert "Retry-After: 1" in first


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/shop/one/1/heartbeat", 200),
        ("/runs/shop/one/1/cancel", 404),
        ("/runs/shop/one/1/complete/", 404),
        ("/runs/shop/one/0/complete", 404),
        ("/runs/shop/one/1e0/complete", 404),
        ("/runs/shop/one/%D9%A1/complete", 404),
        ("/runs/shop/one/%31/complete", 404),
        ("/runs/shop/../one/1/complete", 404),
        ("/runs/shop/..%2fsecrets%2fs/1/complete", 404),
        ("/runs/shop%2fone/1/complete", 404),
        ("/runs/kube-system/one%0a/1/complete", 404),
        ("/runs/Shop/one/1/complete", 404),
        ("/runs/" + "a" * 64 + "/one/1/complete", 404),
        ("/metrics", 404),
        ("/", 404),
        ("*", 400),
    ],
)
async def test_nothing_but_the_paths_of_runs_is_served(path: str, status: int) -> None:
    bench = Bench()
    async with served(bench) as port:
        assert (await answered(port, head(path)))[0] == status
    assert bench.asked == []


async def test_only_post_is_taken() -> None:
    bench = Bench()
    async with served(bench) as port:
        for method in (b"GET", b"PUT", b"DELETE", b"HEAD", b"OPTIONS"):
            assert (await answered(port, head().replace(b"POST", method)))[0] == 404
    assert "Taken" not in bench.took


@pytest.mark.parametrize("more", [b"", b"X-Callback-Token: a\r\nx-callback-token: the-token\r\n"])
async def test_a_call_back_needs_one_token(more: bytes) -> None:
    async with served(Bench()) as port:
        sent = head().replace(b"X-Callback-Token: the-token\r\n", more)
        status, said, _ = await answered(port, sent)
    assert (status, said["code"]) == (400, "Malformed")


async def test_of_who_has_no_token_no_body_is_read() -> None:
    bench = Bench()
    async with served(bench) as port:
        sent = head(length=10**9, **{"X-Callback-Token": "wrong"})
        status, said, _ = await answered(port, sent)
    assert (status, said["code"]) == (403, "Refused")


async def test_a_body_is_read_up_to_its_bound() -> None:
    bench = Bench()
    async with served(bench) as port:
        status, said, _ = await answered(port, head(length=MAX_BODY + 1), b"x" * (MAX_BODY + 1))
        assert (status, said["code"]) == (413, "TooLarge")
        assert not bench.callbacks.is_open
        status, *_ = await answered(port, head(length=MAX_BODY), b"x" * MAX_BODY)
        assert status == 200


async def test_an_endless_body_is_cut_off() -> None:
    bench = Bench()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = head(length=None, **{"Transfer-Encoding": "chunked"})
    async with served(bench) as port:
        status, said, _ = await answered(port, sent, *[chunk] * 20)
    assert (status, said.get("code")) in ((413, "TooLarge"), (0, None))
    assert bench.took == ["TooLarge"]


async def test_what_is_packed_is_not_unpacked() -> None:
    bench = Bench()
    async with served(bench) as port:
        sent = head(length=4, **{"Content-Encoding": "gzip"})
        assert (await answered(port, sent, b"\x1f\x8b\x08\x00"))[0] == 200


async def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_server, "BODY_TIMEOUT", SOON)
    monkeypatch.setattr(callback_server, "_LINGER", 0.1)
    bench = Bench()
    async with served(bench) as port:
        status, said, _ = await answered(port, head(length=100), b"a")
    assert (status, said["code"]) == (408, "TooSlow")
    assert not bench.callbacks.is_open


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b""], id="nothing"),
        pytest.param([b"POST /runs/shop/one/1/complete HTTP/1.1\r\n"], id="no end of the head"),
        pytest.param([b"X-A: b\r\n"[at : at + 1] for at in range(8)] * 5, id="drop by drop"),
    ],
)
async def test_a_slow_head_is_given_up(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_server, "HEAD_TIMEOUT", SOON)
    loop = asyncio.get_running_loop()
    async with served(Bench()) as port:
        begun = loop.time()
        status, *_ = await answered(port, *pieces, pause=0.02)
    assert status in (0, 400)
    assert loop.time() - begun < PATIENCE / 2


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(**{"X-A": "b" * 5000}), id="a long field"),
        pytest.param(head(**{f"X-{number}": "b" for number in range(100)}), id="many fields"),
        pytest.param(head("/runs/" + "a" * 5000), id="a long line"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="SSH"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", id="TLS"),
        pytest.param(head(**{"X-A": "b\r\nContent-Length: 5"}), id="two lengths"),
        pytest.param(head(**{"Transfer-Encoding": "chunked"}), id="two ends"),
    ],
)
async def test_what_is_no_request_is_refused_and_not_logged(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench()
    async with served(bench) as port:
        assert (await answered(port, sent))[0] in (0, 400)
    assert "Taken" not in bench.took
    assert TOKEN not in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def test_who_goes_away_in_the_middle_leaves_nothing_behind() -> None:
    bench = Bench()
    async with served(bench) as port:
        for sent in (head(length=100) + b"abc", head(length=None) + b"x", b"POST"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()
        assert (await answered(port, head()))[0] == 200


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_server, "MAX_CONNECTIONS", 3)
    async with served(Bench()) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert (await answered(port, head()))[0] == 0
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert (await answered(port, head()))[0] == 200


async def test_no_connection_serves_two_requests() -> None:
    bench = Bench()
    async with served(bench) as port:
        beat = head("/runs/shop/one/1/heartbeat")
        _, _, first = await answered(port, beat * 50)
    assert first.count("HTTP/1.1") == 1
    assert bench.took == ["Taken"]
