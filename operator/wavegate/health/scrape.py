"""Reading a pod's counters over HTTP.

Whoever answers is a stranger: it may be slow, send no end of bytes, redirect elsewhere or unpack
into gigabytes. So only the pod's own address is ever asked, redirects are not followed, and time,
bytes, what they unpack to and what it costs to take them apart are bounded. What was sent in
confidence, a query of the address among it, is in no message, also where it is sent back. Whatever
goes wrong is a value that says what, because "unreadable" is an outcome that the health rules know.
"""

from __future__ import annotations

import ipaddress
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import aiohttp
from yarl import URL

from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.health.connections import BoundedConnector, bounded
from wavegate.health.parse import UnreadableError, parse_counters

TIMEOUT: Final = 2.0
"""Seconds for a whole reading."""

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a page, unpacked."""

_MAX_REFUSAL: Final = 8 * 1024
_MAX_ERROR: Final = 200
_HIDDEN: Final = "(hidden)"
_OK: Final = 200
_ACCEPT: Final = {"Accept": "text/plain;version=0.0.4, application/json;q=0.9, */*;q=0.1"}
_AUTO_DETECT: Final = 32 + zlib.MAX_WBITS
_ENCODINGS: Final = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
"""Those that are understood, and whether there is something to unpack."""


def open_session() -> aiohttp.ClientSession:
    """A session for ``fetch``: no proxy from the environment, no cookies, no unpacking."""
    return aiohttp.ClientSession(
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        connector=BoundedConnector(limit=0, force_close=True),
    )


async def read_counters(
    session: aiohttp.ClientSession, pod_ip: str, source: CounterSource
) -> Reading | Unreadable:
    """Errors and total at ``http://POD_IP:PORT/PATH`` now; never raises.

    ``session`` is one of ``open_session``; ``pod_ip`` is from the pod's status and may be empty.
    """
    try:
        url = _url(pod_ip, source)
    except ValueError:
        return Unreadable(pod_ip, "the pod has no address" if not pod_ip else "is no IP address")
    try:
        page = await fetch(session, url, _ACCEPT)
        return parse_counters(page.body, page.content_type, source, whole=page.whole)
    except Exception as error:
        secrets = (url.raw_query_string, url.query_string)
        return Unreadable(str(url.with_query(None)), what_went_wrong(error, *secrets))


def what_went_wrong(error: Exception, *secrets: str) -> str:
    """One short line for people, without these texts."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    text = str(error) or type(error).__name__
    for secret in filter(None, secrets):
        text = text.replace(secret, _HIDDEN)
    return _one_line(text)


@lru_cache(maxsize=8192)  # read again and again: what aiohttp asks of a URL is worked out once
def _url(pod_ip: str, source: CounterSource) -> URL:
    """ValueError if ``pod_ip`` is not an IP address and nothing else."""
    address = ipaddress.ip_address(pod_ip)
    host = f"[{address}]" if address.version == 6 else str(address)
    return URL(f"http://{host}:{source.port}/{source.path.removeprefix('/')}")


@dataclass(frozen=True, slots=True)
class Page:
    """``whole``: whether its end is certain, and not only that of the connection."""

    body: bytearray
    content_type: str
    whole: bool


async def fetch(
    session: aiohttp.ClientSession,
    url: URL,
    headers: Mapping[str, str],
    trust: ssl.SSLContext | bool = True,
) -> Page:
    """What is answered to a GET.

    Raises UnreadableError for any answer but 200, and one that is too long or not whole,
    TooCostlyError; else what aiohttp raises, TimeoutError after TIMEOUT. ``trust``: whom a server's
    certificate must be of.
    """
    asked = {**headers, "Accept-Encoding": "identity"}
    async with (
        bounded(),
        session.get(url, headers=asked, ssl=trust, allow_redirects=False) as response,
    ):
        if response.status != _OK:
            said = (await _begin(response, _MAX_REFUSAL)).decode(errors="replace")
            raise UnreadableError(f"answers {response.status} {response.reason}: {said}")
        encoding = response.headers.get("Content-Encoding", "").lower()
        body = await _unpacked(response, encoding)
        whole = _ENCODINGS[encoding] or _tells_its_end(response)
        return Page(body, response.headers.get("Content-Type", ""), whole)


def _tells_its_end(response: aiohttp.ClientResponse) -> bool:
    """Whether one that is cut off is told as such by aiohttp, by its length or its last chunk."""
    sent_as = ",".join(response.headers.getall("Transfer-Encoding", ()))
    chunked = sent_as.rpartition(",")[2].strip().lower() == "chunked"
    return chunked or "Content-Length" in response.headers


async def _begin(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first ``most`` bytes of the body as sent."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= most:
            break
    return bytes(body[:most])


async def _unpacked(response: aiohttp.ClientResponse, encoding: str) -> bytearray:
    """The whole body as meant, unpacked piece by piece as it comes and no further than MAX_BODY."""
    if encoding not in _ENCODINGS:
        raise UnreadableError(f"is encoded as {encoding}, which was not asked for")
    unpacker = zlib.decompressobj(_AUTO_DETECT) if _ENCODINGS[encoding] else None
    body, sent = bytearray(), 0
    async for piece in response.content.iter_any():
        sent += len(piece)
        body += unpacker.decompress(piece, MAX_BODY + 1 - len(body)) if unpacker else piece
        if max(sent, len(body)) > MAX_BODY:
            raise UnreadableError(f"is longer than {MAX_BODY} bytes")
        if unpacker and unpacker.eof:
            break
    if unpacker and not unpacker.eof:
        raise UnreadableError(f"breaks off: its {encoding} is not complete")
    return body


def _one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text[: 4 * _MAX_ERROR])
    return " ".join(printable.split())[:_MAX_ERROR]
