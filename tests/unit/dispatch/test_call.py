"""Calls to real servers on loopback, most of them ill-behaved."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import zlib
from typing import Any

import pytest

from support.endpoints import LOOPBACK, OK, SOON, body, call, heard, says
from wavegate.dispatch.call import MAX_ANSWER, Heard, make


@pytest.mark.parametrize(
    ("answer", "status", "result"),
    [
        pytest.param(body(b"done"), 200, "done", id="with a length"),
        pytest.param(OK + b"\r\ndone", 200, "done", id="until it closes"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\ndone", 200, "done", id="HTTP/1.0"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n",
            200,
            "done",
            id="chunks",
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, "", id="none"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            + body(b"done"),
            200,
            "done",
            id="after two of 1xx",
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            101,
            "",
            id="another protocol",
        ),
        pytest.param(body(b"no", status=b"HTTP/1.1 503 Gone\r\n"), 503, "no", id="a refusal"),
        pytest.param(
            body(gzip.compress(b"done"), b"Content-Encoding: gzip"), 200, "done", id="packed"
        ),
        pytest.param(
            body(zlib.compress(b"done"), b"Content-Encoding: Deflate"), 200, "done", id="deflated"
        ),
        pytest.param(
            body(b"done", b"Content-Encoding: gzip"), 200, "done", id="not packed as it says"
        ),
        pytest.param(body(b"done", b"Content-Encoding: br"), 200, "done", id="another packing"),
        pytest.param(body("ä€".encode()), 200, "ä€", id="text of other letters"),
    ],
)
async def test_an_answer_that_came_whole(serve, answer, status, result):
    told = await heard((await serve(says(answer))).url)
    assert (told.failure, told.message) == (None, "")
    assert (told.http_status, told.result) == (status, result)
    assert set(told.trace) == {"connectMs", "ttfbMs", "transferMs"}
    assert all(isinstance(each, int) and each >= 0 for each in told.trace.values())
    assert told.debug is None
    assert not told.from_fallback


@pytest.mark.parametrize(
    ("content", "encoding", "kept"),
    [
        pytest.param(b"a" * 8192, b"identity", True, id="8 KiB"),
        pytest.param(b"a" * 8193, b"identity", False, id="a byte more"),
        pytest.param("ä".encode() * 4097, b"identity", False, id="bytes count, not letters"),
        pytest.param(b"\xff\xfe", b"identity", False, id="no text"),
        pytest.param(gzip.compress(b"done")[:-3], b"gzip", False, id="packed and cut off"),
        pytest.param(
            gzip.compress(b"done") + gzip.compress(b"more"), b"gzip", False, id="packed in parts"
        ),
        pytest.param(b"a" * MAX_ANSWER, b"identity", False, id="as long as is read"),
    ],
)
async def test_what_is_no_short_text_is_known_by_its_hash(serve, content, encoding, kept):
    answer = body(content, b"Content-Encoding: " + encoding)
    told = await heard((await serve(says(answer))).url)
    assert told.failure is None
    if kept:
        assert (told.result, told.result_size, told.result_hash) == (content.decode(), 0, "")
    else:
        digest = hashlib.sha256(content).hexdigest()
        assert (told.result, told.result_size, told.result_hash) == (None, len(content), digest)


async def test_what_is_sent(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    served = await serve(says(body(b"", b"Set-Cookie: a=b")))
    headers = {"Content-Type": "application/json", "accept-encoding": "gzip", "X-A": "b"}
    for _ in range(2):
        assert (await heard(served.url + "?q=%2F&a+b", headers=headers)).http_status == 200
    first, second = served.requests
    assert first == second
    head, _, sent = first.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    names = dict(each.split(": ") for each in rest)
    assert (line, sent) == ("POST /run?q=%2F&a+b HTTP/1.1", b'{"a":1}')
    assert {name.lower(): value for name, value in names.items()} == {
        "host": f"127.0.0.1:{served.port}",
        "user-agent": "wavegate",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": "7",
        "connection": "close",
        "x-a": "b",
    }
    assert len(rest) == len(names)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(serve, status):
    elsewhere = await serve(says(body(b"elsewhere")))
    head = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\n" % (status, elsewhere.url.encode())
    told = await heard((await serve(says(body(b"", status=head)))).url)
    assert (told.http_status, told.headers["location"]) == (status, elsewhere.url)
    assert elsewhere.connections == 0


async def test_headers_of_the_answer_are_told_by_lower_case_names(serve):
    answer = body(b"", b"Retry-After: 7", b"X-A: b", b"x-a: c", b"X-B: \xff")
    told = await heard((await serve(says(answer))).url)
    assert told.headers["retry-after"] == "7"
    assert told.headers["x-a"] == "b, c"


async def test_a_closed_port(serve):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = await heard(f"http://127.0.0.1:{port}/")
    assert told == Heard(
        failure="ConnectFailed", message="no connection to 127.0.0.1: Connection refused"
    )


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("no-such.example.invalid", "no-such.example.invalid does not resolve"),
        ("billing", "billing does not resolve; a Service is called by NAME.NAMESPACE.svc"),
    ],
)
async def test_a_name_that_does_not_resolve(monkeypatch, host, message):
    def getaddrinfo(name: str, *_: object, **__: object) -> list[Any]:
        assert name == f"{host}."
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    told = await heard(f"http://{host}/")
    assert (told.failure, told.message) == ("DnsFailed", message)


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://[::1]/", "AddressRefused"),
        ("http://billing.other.svc/", "AddressRefused"),
        ("http://user:secret@127.0.0.1/", "AddressRefused"),
        ("gopher://127.0.0.1/", "AddressRefused"),
        ("", "AddressRefused"),
    ],
)
async def test_what_is_not_called(url, failure):
    told = await heard(url)
    assert told.failure == failure
    assert told.trace == {}


async def test_a_header_that_cannot_be_sent_is_named_without_its_value(serve):
    served = await serve(says(body(b"")))
    told = await heard(served.url, headers={"X-Key": "hidden\r\nHost: x"})
    assert told == Heard(
        failure="SourceUnreadable", message="the header X-Key holds what no header can"
    )
    assert served.connections == 0


async def test_a_fault_of_the_program_is_a_value_too(serve, caplog):
    served = await serve(says(body(b"")))
    told = await heard(served.url, body="\udc80 hidden", debug=True)
    assert told.failure == "Fault"
    assert told.message == "a fault of the operator: UnicodeEncodeError"
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(
    ("handler", "takes_request"),
    [
        pytest.param(says(then="hangs"), False, id="before the request is taken"),
        pytest.param(says(then="hangs"), True, id="before the answer"),
        pytest.param(says(OK + b"X: a\r\n", then="hangs"), True, id="within the headers"),
        pytest.param(says(OK + b"\r\nabc", then="hangs"), True, id="within the body"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_canceling_closes_the_connection_at_once(serve, handler, takes_request, scheme):
    begun, closed = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging = asyncio.create_task(handler(reader, writer))
        begun.set()
        try:
            while await reader.read(65536):
                pass
        finally:  # a reset is an end too
            closed.set()
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)

    # With https it is the handshake that hangs.
    served = await serve(handle, takes_request=takes_request and scheme == "http")
    calling = asyncio.create_task(heard(served.url.replace("http", scheme)))
    await begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await asyncio.wait_for(closed.wait(), 30)


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_canceling_sends_no_more_of_what_waits_to_be_sent(serve):
    begun, canceled = asyncio.Event(), asyncio.Event()
    received: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await canceled.wait()
        size = 0
        while piece := await reader.read(2**20):
            size += len(piece)
        received.set_result(size)

    size = 64 * 2**20  # more than the system takes for a server that does not read
    served = await serve(handle, takes_request=False)
    calling = asyncio.create_task(heard(served.url, body="a" * size))
    await begun.wait()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    canceled.set()
    assert await asyncio.wait_for(received, 30) < size


@pytest.mark.parametrize(
    ("first", "expected", "from_fallback"),
    [
        pytest.param(says(), "instead", True, id="fails"),
        pytest.param(says(body(b"", status=b"HTTP/1.1 503 No\r\n")), "instead", True, id="refuses"),
        pytest.param(says(body(b"first")), "first", False, id="answers"),
    ],
)
async def test_the_fallback_is_called_where_the_first_fails(serve, first, expected, from_fallback):
    fallback = await serve(says(body(b"instead")))
    one = call((await serve(first)).url, fallback_url=fallback.url)
    told = await make(
        one, LOOPBACK, retryable=lambda each: bool(each.failure) or each.http_status == 503
    )
    assert (told.http_status, told.result, told.failure) == (200, expected, None)
    assert told.from_fallback == from_fallback
    assert fallback.connections == from_fallback


async def test_the_fallback_has_a_time_of_its_own_and_both_are_told_of(serve):
    first, second = await serve(says(then="hangs")), await serve(says())
    one = call(first.url, fallback_url=second.url, timeout=SOON)
    told = await make(one, LOOPBACK, retryable=lambda _: True)
    assert told.failure == "Reset"
    assert told.message == (
        "no answer within 1.5 s; the fallback: no answer: the connection was closed"
    )


async def test_the_fallbacks_address_is_judged_as_the_first(serve):
    served = await serve(says(body(b"", status=b"HTTP/1.1 503 No\r\n")))
    one = call(served.url, fallback_url="http://[::1]/")
    told = await make(one, LOOPBACK, retryable=lambda _: True)
    assert (told.failure, told.http_status) == ("AddressRefused", None)
    assert told.message == "answered 503; the fallback: ::1 is the loopback address"


def test_a_call_shows_nothing_in_confidence() -> None:
    shown = repr(call("http://x/?hidden", body="hidden", headers={"a": "hidden"}))
    assert "hidden" not in shown
