"""Poisoned metrics pages: one row, one poison, and what a reading of it has to come to.

``python -m hostile.pages`` serves them on loopback, each under a path of its own, in a process of
its own, so that what is measured is the reading alone. Under ``/asked`` it tells which were asked
for.

A reading ends within its bounds, and a number that is not certain is no number: the health rules
take no version off a node because of it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from support.endpoints import OK, Handler, body, drips, says
from wavegate.domain.health import Reading

READ: Final = Reading(errors=3, total=100)
PAGE: Final = b"reqs 100\nerrs 3\n"
JSON_PAGE: Final = b'{"reqs": 100, "errs": 3}'
AT_ONCE: Final = 1.0
IN_TIME: Final = 2.5
"""Seconds that a reading may take: one that ends by itself, and one that is ended."""

_MIB: Final = 2**20
_WITHOUT_END: Final = 10**9
_CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_PACKED: Final = OK + b"Content-Encoding: gzip\r\n\r\n"
_CUT: Final = OK + b"Transfer-Encoding: %s\r\n\r\nreqs 1"
_END: Final = b"0\r\n\r\n"
_TOO_LONG: Final = "is longer than 4194304 bytes"
_COSTLY: Final = "costs more than 20 ms of the processor to be received"
_TIME: Final = "no answer within 2 s"
_SERIES: Final = "has too many series of its counters"
_LINE: Final = "has a line about its counters of more than 4096 bytes"
_NO_TEXT: Final = "is not Prometheus text"
_NO_JSON: Final = "is not JSON"


@dataclass(frozen=True)
class Page:
    """``serve`` makes what answers; ``told``: the reading, or words of why there is none."""

    name: str
    serve: Callable[[], Handler]
    told: Reading | str
    format: str = "Prometheus"
    within: float = AT_ONCE

    @property
    def path(self) -> str:
        return "/" + self.name.replace(" ", "-")


def _says(name: str, *pieces: bytes, told: Reading | str, then: str = "closes") -> Page:
    return Page(name, lambda: says(*pieces, then=then), told)


def _endless(name: str, begin: bytes, piece: bytes, told: str) -> Page:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await says(piece, times=_WITHOUT_END)(reader, writer)

    return Page(name, lambda: serve, told)


def _text(name: str, make: Callable[[], bytes], told: Reading | str) -> Page:
    return Page(name, lambda: says(body(make())), told)


def _json(name: str, make: Callable[[], bytes], told: Reading | str) -> Page:
    return Page(name, lambda: says(body(make())), told, format="JSON")


def _status(status: str, told: str, *headers: bytes, content: bytes = PAGE) -> Page:
    line = f"HTTP/1.1 {status}\r\n".encode()
    return _says(f"status {status[:3]}", body(content, *headers, status=line), told=told)


def _redirect(name: str, where: str) -> Page:
    status, location = b"HTTP/1.1 302 Found\r\n", f"Location: {where}".encode()
    return _says(f"redirect {name}", body(b"", location, status=status), told="answers 302 Found")


def _bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(64)) + packer.flush()


def _packed(name: str, encoding: bytes, make: Callable[[], bytes], told: Reading | str) -> Page:
    return Page(name, lambda: says(body(make(), b"Content-Encoding: " + encoding)), told)


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def _noise(size: int) -> bytes:
    return random.Random(0).randbytes(size)


def _labels(size: int) -> bytes:
    return b",".join(b'a%d="b"' % number for number in range(size // 11))


def _deep(depth: int) -> bytes:
    return b'{"reqs": ' + b"[" * depth + b"]" * depth + b"}"


def _keys(number: int) -> bytes:
    page = {f"counter_{each}": each for each in range(number)}
    return json.dumps({**page, "reqs": 100, "errs": 3}, separators=(",", ":")).encode()


def _faces() -> bytes:
    page = {"reqs": 100, "errs": 3, "note": "💥" * 250_000}
    return json.dumps(page, ensure_ascii=False).encode()


PAGES: Final = (
    # Without end, or without haste.
    _endless("endless body", OK + b"\r\n", b"x" * 65536, _TOO_LONG),
    _endless("endless series", OK + b"\r\n", b'reqs{a="b"} 1\n' * 4096, _TOO_LONG),
    _endless("endless chunks", _CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n", _TOO_LONG),
    _endless("endless chunks of a byte", _CHUNKED, b"1\r\nx\r\n" * 10_000, _COSTLY),
    _endless("a chunk's extension without end", _CHUNKED + b"1;", b"x" * 65536, _COSTLY),
    _endless(
        "trailers without end",
        _CHUNKED + b"0\r\n",
        b"X: a\r\n" * 10_000,
        "Too many headers received",
    ),
    _endless("a header without end", OK + b"X: ", b"x" * 65536, "Got more than 8190 bytes"),
    _endless("headers without end", OK, b"X: a\r\n" * 10_000, "Too many headers received"),
    _endless("a status without end", b"HTTP/1.1 200 ", b"O" * 65536, "Got more than 8190 bytes"),
    _endless("empty lines without end", b"", b"\r\n" * 32768, _COSTLY),
    _endless("100s without end", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, _COSTLY),
    Page("drips a header", lambda: drips(OK + b"X: ", b"a"), _TIME, within=IN_TIME),
    Page("drips headers", lambda: drips(OK, b"X: a\r\n"), _TIME, within=IN_TIME),
    Page("drips a page", lambda: drips(OK + b"\r\n", b"reqs 1\n"), _TIME, within=IN_TIME),
    Page("never answers", lambda: says(then="hangs"), _TIME, within=IN_TIME),
    Page(
        "hangs after the page",
        lambda: says(OK + b"Content-Length: 17\r\n\r\n" + PAGE, then="hangs"),
        _TIME,
        within=IN_TIME,
    ),
    # Packed.
    _packed("a page in gzip", b"gzip", lambda: gzip.compress(PAGE), READ),
    _packed("64 MiB in gzip", b"gzip", lambda: _bomb(31), _TOO_LONG),
    _packed("64 MiB in deflate", b"deflate", lambda: _bomb(15), _TOO_LONG),
    _packed("4 MiB in gzip", b"gzip", lambda: gzip.compress(_noise(4 * _MIB - 9)), _TOO_LONG),
    _packed("gzip in gzip", b"gzip", lambda: gzip.compress(gzip.compress(PAGE)), _NO_TEXT),
    _packed("gzip, gzip", b"gzip, gzip", lambda: b"x", "is encoded as gzip, gzip"),
    _packed("brotli", b"br", lambda: b"x", "is encoded as br"),
    _packed("gzip that is none", b"gzip", lambda: PAGE, "while decompressing"),
    _packed("gzip cut off", b"gzip", lambda: gzip.compress(PAGE)[:-9], "breaks off"),
    _endless(
        "gzip of nothing without end",
        _PACKED + b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        b"\x00\x00\x00\xff\xff" * 13_000,
        _TOO_LONG,
    ),
    # Elsewhere.
    _redirect("to loopback", "http://127.0.0.1/fine"),
    _redirect("to a link-local address", "http://169.254.169.254/latest/meta-data/"),
    _redirect("to a file", "file:///etc/passwd"),
    _redirect("to itself", "redirect-to-itself"),
    # Not what was asked for.
    _status(
        "101 Switching Protocols",
        "answers 101 Switching Protocols",
        b"Upgrade: x",
        b"Connection: Upgrade",
    ),
    _status("204 No Content", "answers 204 No Content", content=b""),
    _status("206 Partial Content", "answers 206 Partial Content: reqs 100 errs 3"),
    _status("304 Not Modified", "answers 304 Not Modified", content=b""),
    _status("401 Unauthorized", "answers 401 Unauthorized: reqs 100", b"WWW-Authenticate: Basic"),
    _status("407 Proxy", "answers 407 Proxy: reqs 100", b"Proxy-Authenticate: Basic"),
    _status("429 Slow Down", "answers 429 Slow Down: reqs 100", b"Retry-After: 99999999"),
    _status("500 No", "answers 500 No: xxx", content=b"x" * 10 * _MIB),
    _status("999 What", "answers 999 What: reqs 100"),
    # No HTTP, or not all of it.
    _says("closes at once", told="Server disconnected"),
    _says("resets at once", told="reset by peer", then="resets"),
    _says(
        "resets within the page",
        OK + b"Content-Length: 99\r\n\r\nreqs 1",
        told="payload is not completed",
        then="resets",
    ),
    _says("HTTP 0.9", PAGE, told="Bad status line"),
    _says("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", told="Bad status line"),
    _says(
        "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), told="Bad status line"
    ),
    _says("HTTP 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", told="Bad status line"),
    _says("longer than it says", OK + b"Content-Length: 9\r\n\r\n" + PAGE, told="Bad status line"),
    _says(
        "shorter than it says",
        OK + b"Content-Length: 99\r\n\r\n" + PAGE,
        told="payload is not completed",
    ),
    _says(
        "a length below 0",
        OK + b"Content-Length: -1\r\n\r\n" + PAGE,
        told="Invalid character in Content-Length",
    ),
    _says(
        "a length of 19 digits",
        OK + b"Content-Length: 9" + b"9" * 18 + b"\r\n\r\n" + PAGE,
        told="payload is not completed",
    ),
    _says(
        "two lengths",
        OK + b"Content-Length: 16\r\nContent-Length: 17\r\n\r\n" + PAGE,
        told="Duplicate Content-Length",
    ),
    _says(
        "a length and chunks",
        OK + b"Content-Length: 16\r\n" + _CHUNKED[17:] + PAGE,
        told="be present with Content-Length",
    ),
    _says("without a length", OK + b"\r\n" + PAGE, told=READ),
    _says("cut off without a length", OK + b"\r\nreqs 1", told="breaks off"),
    _says("cut off, of another encoding", _CUT % b"gzip, x-chunked", told="breaks off"),
    _says(
        "chunks of HTTP 1.0 that break off",
        _CHUNKED.replace(b"/1.1", b"/1.0") + _chunk(PAGE[:-1]),
        told="not completed",
    ),
    _text("without a newline at its end", lambda: PAGE[:-1], READ),
    _says("chunks without a newline at their end", _CHUNKED + _chunk(PAGE[:-1]) + _END, told=READ),
    _says("chunks that break off", _CHUNKED + _chunk(PAGE[:-1]), told="not completed"),
    _packed("gzip without a newline at its end", b"gzip", lambda: gzip.compress(PAGE[:-1]), READ),
    _says("gzip without a length", _PACKED + gzip.compress(PAGE[:-1]), told=READ),
    _says("fifty cookies", body(PAGE, *[b"Set-Cookie: a=b"] * 50), told=READ),
    # Numbers.
    _text("NaN", lambda: b"reqs NaN\n", "reqs is nan, no count"),
    _text("infinite", lambda: b"reqs +Inf\n", "reqs is inf, no count"),
    _text("negative", lambda: b"reqs -1\n", "reqs is -1, no count"),
    _text("negative zero", lambda: b"reqs -0\n", Reading(errors=0, total=0)),
    _text("beyond a float", lambda: b"reqs 1e400\n", "reqs is inf, no count"),
    _text("a sum beyond a float", lambda: b'reqs 1e308\nreqs{a="b"} 1e308\n', "reqs is inf"),
    _text("huge", lambda: b"reqs 1e300\nerrs 3\n", Reading(errors=3, total=1e300)),
    _text("of a million digits", lambda: b"reqs " + b"9" * 10**6 + b"\n", _LINE),
    _text("errors are NaN", lambda: b"reqs 100\nerrs NaN\n", "errs is nan, no count"),
    _text("in hexadecimal", lambda: b"reqs 0x10\n", _NO_TEXT),
    _text("with underscores", lambda: b"reqs 1_000\n", _NO_TEXT),
    _text("in Arabic digits", lambda: b"reqs \xd9\xa1\xd9\xa0\n", Reading(errors=0, total=10)),
    # Much of it.
    _text("a quarter of a million series", lambda: b"reqs 1\nerrs 1\n" * 290_000, _SERIES),
    _text("2,500 series", lambda: b'reqs{path="/a/b/c",code="200"} 0\n' * 2498 + PAGE, READ),
    _text("as many types", lambda: b"# TYPE reqs counter\n" * 200_000, _SERIES),
    _text("other series", lambda: b'others{a="b"} 1\n' * 260_000 + PAGE, READ),
    _text(
        "others that name it",
        lambda: b"xreqs 1\n" * 10_000 + b'reqs{path="/a/b/c",code="200"} 0\n' * 2498 + PAGE,
        READ,
    ),
    _text("too many that name it", lambda: b"xreqs\n" * 690_000, "lines about other things"),
    _text("others with a margin", lambda: (b" " * 1000 + b"xreqs\n") * 4000 + PAGE, READ),
    _text("a line of 4 MB", lambda: b'reqs{a="' + b"x" * 4_000_000 + b'"} 1\n', _LINE),
    _text("a line of 10 MiB", lambda: b'reqs{a="' + b"x" * 10 * _MIB + b'"} 1\n', _TOO_LONG),
    _text("an other line of 4 MB", lambda: b"# " + b"x" * 4_000_000 + b"\n" + PAGE, READ),
    _text(
        "quotes",
        lambda: (b'reqs{a="' + b'\\"' * 2_030 + b'"} 1\n') * 47,
        "has more than 2000 backslashes",
    ),
    _text(
        "backslashes",
        lambda: (b'reqs{a="' + b"\\" * 4_060 + b'"} 1\n') * 47,
        "has more than 2000 backslashes",
    ),
    _text("commas", lambda: (b"reqs{" + b"," * 4_070 + b"} 1\n") * 47, _NO_TEXT),
    _text(
        "labels", lambda: (b"reqs{" + _labels(4_070) + b"} 1\n") * 16, Reading(errors=0, total=16)
    ),
    _text(
        "more labels",
        lambda: (b"reqs{" + _labels(4_070) + b"} 1\n") * 17,
        "has more than 6000 labels",
    ),
    _text("braces", lambda: (b"reqs" + b"{" * 4_070 + b" 1\n") * 47, _NO_TEXT),
    # Of another kind.
    _text("nothing", lambda: b"", "has no counter reqs"),
    _text("a web page", lambda: b"<html><b>reqs</b></html>\n", _NO_TEXT),
    _text("noise", lambda: _noise(_MIB), _NO_TEXT),
    _text("zeros", lambda: bytes(4 * _MIB), "has no counter reqs"),
    _text("UTF-16", lambda: PAGE.decode().encode("utf-16"), _NO_TEXT),
    _text("Latin-1", lambda: "# HELP reqs Zähler\n".encode("latin-1") + PAGE, _NO_TEXT),
    _text("4 MB of faces", lambda: "# 💥💥💥\n".encode() * 260_000 + PAGE, READ),
    _says("another charset", body(PAGE, b"Content-Type: text/plain; charset=utf-16"), told=READ),
    _says("a picture by its type", body(PAGE, b"Content-Type: image/png"), told=READ),
    # JSON.
    _json("JSON", lambda: JSON_PAGE, READ),
    _json("JSON that is text", lambda: PAGE, _NO_JSON),
    _json("JSON, lists in lists", lambda: b"[" * 10**6, "has more than 30000 values"),
    _json("JSON, 20,000 levels", lambda: b'{"a":' * 20_000 + b"1" + b"}" * 20_000, _NO_JSON),
    _json("JSON, a counter in 20,000 lists", lambda: _deep(20_000), _NO_JSON),
    _json(
        "JSON, of empty lists", lambda: b'{"a": [' + b"[]," * 340_000 + b"0]}", "more than 30000"
    ),
    _json("JSON, of a million numbers", lambda: json.dumps([1] * 10**6).encode(), "is longer than"),
    _json("JSON, 30,000 keys", lambda: _keys(29_990), READ),
    _json("JSON, 1 MB of faces", _faces, READ),
    _json("JSON, NaN", lambda: b'{"reqs": NaN}', "reqs is nan, no count"),
    _json("JSON, beyond a float", lambda: b'{"reqs": 1e999}', "reqs is inf, no count"),
    _json("JSON, of 4,000 digits", lambda: b'{"reqs": ' + b"9" * 4000 + b"}", "reqs is inf"),
    _json("JSON, of 100,000 digits", lambda: b'{"reqs": ' + b"9" * 10**5 + b"}", _NO_JSON),
    _json("JSON, twice the same key", lambda: b'{"reqs": 1, "reqs": 100, "errs": 3}', READ),
    _json("JSON, half a character", lambda: b'{"reqs": 100, "a": "\\ud800"}', _NO_JSON),
    _json("JSON, another page after it", lambda: JSON_PAGE * 2, _NO_JSON),
)


async def _serve() -> None:
    pages, asked = {each.path: each for each in PAGES}, list[str]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            if path == "/asked":
                writer.write(body(json.dumps(asked).encode()))
            else:
                asked.append(path)
                await pages[path].serve()(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(_serve()))
