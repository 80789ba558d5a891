"""Servers that do what none should, each with the word that a call to it ends in."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from support.endpoints import OK, SOON, body, drips, heard, says
from wavegate.dispatch.call import MAX_ANSWER


def bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()


ENDLESS = 1_000_000


@pytest.mark.parametrize(
    ("handler", "failure", "status"),
    [
        pytest.param(says(OK), "Reset", None, id="closes within the headers"),
        pytest.param(says(), "Reset", None, id="closes after the request"),
        pytest.param(says(then="resets"), "Reset", None, id="resets after the request"),
        pytest.param(says(b"HTT"), "Reset", None, id="closes within the status"),
        pytest.param(says(OK, then="resets"), "Reset", None, id="resets within headers"),
        pytest.param(
            says(OK + b"Content-Length: 9\r\n\r\nabc"),
            "Reset",
            200,
            id="closes within the body",
        ),
        pytest.param(
            says(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            "Reset",
            200,
            id="closes between chunks",
        ),
        pytest.param(
            says(OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n", then="hangs"),
            "BadAnswer",
            None,
            id="a chunk without a size",
        ),
        pytest.param(says(b"hello, I am HTTP/0.9\n"), "BadAnswer", None, id="HTTP/0.9"),
        pytest.param(says(b"\x16\x03\x01\x02\x00\x01"), "BadAnswer", None, id="a TLS record"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n", then="hangs"), "BadAnswer", None, id="SSH"),
        pytest.param(
            says(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            "BadAnswer",
            None,
            id="two lengths",
        ),
        pytest.param(
            says(OK + b"Content-Length: 4\r\n\r\ndone and more"),
            "BadAnswer",
            None,
            id="more than its length",
        ),
        pytest.param(
            says(OK + b"Content-Length: -3\r\n\r\nabc"),
            "BadAnswer",
            None,
            id="a length below 0",
        ),
        pytest.param(
            says(OK + b"X: ", b"a" * 65536, times=ENDLESS),
            "BadAnswer",
            None,
            id="a header without end",
        ),
        pytest.param(
            says(OK + b"X: a\r\n" * 1000, b"X: a\r\n" * 1000, times=ENDLESS),
            "BadAnswer",
            None,
            id="headers without end",
        ),
        pytest.param(
            says(OK + b"\r\n", b"a" * 65536, times=ENDLESS),
            "AnswerTooLarge",
            200,
            id="a body without end",
        ),
        pytest.param(
            says(body(b"a" * (MAX_ANSWER + 1)), then="hangs"),
            "AnswerTooLarge",
            200,
            id="a body of 1 MiB and a byte",
        ),
        pytest.param(
            says(body(bomb(), b"Content-Encoding: gzip"), then="hangs"),
            "AnswerTooLarge",
            200,
            id="a body that unpacks to 64 MiB",
        ),
    ],
)
async def test_a_server_that_misbehaves(serve, handler, failure, status):
    served = await serve(handler)
    tracemalloc.start()
    try:
        told = await heard(served.url, secrets=("a",))
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert (told.failure, told.http_status) == (failure, status)
    assert (told.result, told.result_size, told.result_hash) == (None, 0, "")
    assert 0 < len(told.message) <= 200
    assert served.connections == 1


@pytest.mark.parametrize(
    "handler", [pytest.param(says(), id="closes"), pytest.param(says(then="resets"), id="resets")]
)
async def test_a_server_that_does_not_take_the_request(serve, handler):
    told = await heard((await serve(handler, takes_request=False)).url)
    assert told.failure == "Reset"


async def test_a_reset_within_the_body_is_no_answer(serve):
    answer = OK + b"Content-Length: 9\r\n\r\nabc"
    told = await heard((await serve(says(answer, then="resets"))).url)
    assert (told.failure, told.result) == ("Reset", None)


@pytest.mark.parametrize(
    ("handler", "takes_request", "status"),
    [
        pytest.param(says(then="hangs"), False, None, id="never takes the request"),
        pytest.param(says(then="hangs"), True, None, id="never answers"),
        pytest.param(says(b"HTTP/1.1 200", then="hangs"), True, None, id="within the status"),
        pytest.param(says(OK + b"X: a\r\n", then="hangs"), True, None, id="within the headers"),
        pytest.param(says(OK + b"\r\n", then="hangs"), True, 200, id="after the headers"),
        pytest.param(says(body(b"abc")[:-1], then="hangs"), True, 200, id="within the body"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX: ", b"a"), True, None, id="drips a header"),
        pytest.param(drips(OK, b"X: a\r\n"), True, None, id="drips headers"),
        pytest.param(drips(OK + b"\r\n", b"a"), True, 200, id="drips a body"),
        pytest.param(drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), True, None, id="only 100s"),
    ],
)
async def test_a_server_that_hangs_is_given_the_time_in_all(serve, handler, takes_request, status):
    served = await serve(handler, takes_request=takes_request)
    told = await heard(served.url, timeout=SOON)
    assert (told.failure, told.http_status, told.result) == ("TimedOut", status, None)
    assert told.message == ("no end of the answer" if status else "no answer") + " within 1.5 s"
    assert set(told.trace) == ({"connectMs", "ttfbMs"} if status else {"connectMs"})
