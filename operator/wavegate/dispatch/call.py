"""One attempt: a call, and perhaps one to the fallback.

Whoever answers is a stranger, who may do anything or nothing; whoever wrote the address may want
to be where they cannot go themselves. So the address is judged where it is connected to, no
redirect is followed, time, bytes and what they unpack to are bounded, and whatever goes wrong is a
value that says what, without a secret and without what was sent or received.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.connecting import Gate, judged, open_session
from wavegate.dispatch.failures import MAX_LINE, AnswerTooLarge, InvalidHeader, Stage, what_failed
from wavegate.dispatch.keeping import Body, kept
from wavegate.dispatch.masking import Masker
from wavegate.runs.answers import Outcome

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer's body, unpacked."""

_AUTO_DETECT: Final = 32 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, by POST, in one attempt. ``timeout``: seconds for a call as a whole."""

    url: str = field(repr=False)
    namespace: str
    body: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    fallback_url: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that are in nothing that is kept."""
    debug: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it. ``failure``: what went wrong; None: the answer came whole."""

    http_status: int | None = None
    """Also of an answer that did not come whole."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case; the values of one that came more than once, after commas."""
    result: str | None = None
    """The body if it is text of at most 8 KiB, secrets masked."""
    result_size: int = 0
    result_hash: str = ""
    """SHA-256 in hex of a body that is not kept; so is ``result_size``."""
    failure: Outcome | None = None
    message: str = ""
    """One short line for people."""
    trace: Mapping[str, int] = field(default_factory=dict)
    """connectMs, ttfbMs and transferMs, as far as it went."""
    debug: Mapping[str, Any] | None = None
    from_fallback: bool = False


async def make(
    call: Call,
    policy: AddressPolicy,
    *,
    retryable: Callable[[Heard], bool],
    trust: ssl.SSLContext | bool = True,
) -> Heard:
    """Call, and where that fails so that it would be tried again, call the fallback.

    ``trust``: whom a server's certificate must be of. Raises nothing but CancelledError, upon which
    the connection is closed.
    """
    first = await _call(call, call.url, policy, trust)
    if not call.fallback_url or not retryable(first):
        return first
    second = await _call(call, call.fallback_url, policy, trust)
    words = f"{_in_words(first)}; the fallback: {_in_words(second)}"
    return replace(second, message=words, from_fallback=True)


def _in_words(heard: Heard) -> str:
    return heard.message or f"answered {heard.http_status}"


class _Progress:
    """How far a call came, and when; times are the loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self.stage = Stage.CONNECT
        self.trace: dict[str, int] = {}
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.sent: Mapping[str, str] = {}
        self.body = bytearray()

    def reached(self, stage: Stage, took: str) -> None:
        now = self._loop.time()
        self.trace[took] = round((now - self._since) * 1000)
        self._since, self.stage = now, stage

    def hooks(self) -> aiohttp.TraceConfig:
        config = aiohttp.TraceConfig()

        async def connected(*_: object) -> None:
            self.reached(Stage.ANSWER, "connectMs")

        async def asked(_session: object, _context: object, params: Any) -> None:
            self.sent = dict(params.headers)

        config.on_connection_create_end.append(connected)
        config.on_request_headers_sent.append(asked)
        return config


async def _call(call: Call, url: str, policy: AddressPolicy, trust: ssl.SSLContext | bool) -> Heard:
    masker = Masker(call.secrets)
    progress = _Progress()
    gate = Gate(policy, call.namespace)
    failure: Outcome | None = None
    message = ""
    try:
        async with asyncio.timeout(call.timeout):
            await _ask(call, url, policy, gate, trust, progress)
    except Exception as error:
        failure, message = what_failed(error, progress.stage, call.timeout)
    finally:
        gate.drop()
    heard = Heard(
        http_status=progress.status,
        headers=progress.headers,
        failure=failure,
        message=masker.text(message)[:MAX_LINE],
        trace=progress.trace,
        debug=_debug(call, progress, masker) if call.debug else None,
    )
    return heard if failure else replace(heard, **kept(Body(bytes(progress.body)), masker))


async def _ask(
    call: Call,
    url: str,
    policy: AddressPolicy,
    gate: Gate,
    trust: ssl.SSLContext | bool,
    progress: _Progress,
) -> None:
    target = judged(url, policy, call.namespace)
    headers = CIMultiDict({"User-Agent": "wavegate"})
    headers.update(call.headers)
    headers["Accept-Encoding"] = "identity"
    for name, value in headers.items():
        if not value.isprintable():
            raise InvalidHeader(name)
    async with (
        open_session(gate, trust, progress.hooks()) as session,
        session.post(
            target, data=call.body.encode(), headers=headers, allow_redirects=False
        ) as response,
    ):
        progress.reached(Stage.BODY, "ttfbMs")
        progress.status = response.status
        for name in response.headers:
            values = ", ".join(response.headers.getall(name))
            # Bytes that are no text came as surrogates, which cannot be stored.
            sent = values.encode(errors="surrogateescape")
            progress.headers[name.lower()] = sent.decode(errors="replace")
        async for piece in response.content.iter_any():
            progress.body += piece
            if len(progress.body) > MAX_ANSWER:
                raise AnswerTooLarge(MAX_ANSWER)
        progress.reached(Stage.DONE, "transferMs")
    progress.body = _unpacked(progress.body, progress.headers.get("content-encoding", ""))


def _unpacked(sent: bytearray, encoding: str) -> bytearray:
    """The body as meant; as sent where that is not known: an answer without a text is one too."""
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return sent
    unpacker = zlib.decompressobj(_AUTO_DETECT)
    try:
        body = unpacker.decompress(sent, MAX_ANSWER + 1)
    except zlib.error:
        return sent
    if len(body) > MAX_ANSWER:
        raise AnswerTooLarge(MAX_ANSWER)
    return bytearray(body) if unpacker.eof and not unpacker.unused_data else sent


def _debug(call: Call, progress: _Progress, masker: Masker) -> dict[str, Any]:
    """As in a JobRun's status.debug. Without what there was none of."""
    facts: dict[str, Any] = {
        "requestHeaders": masker.headers(progress.sent or call.headers),
        "requestBody": masker.body(call.body.encode(errors="replace")),
    }
    if progress.status is not None:
        facts["responseHeaders"] = masker.headers(progress.headers)
        facts["responseBody"] = masker.body(bytes(progress.body))
    return facts
