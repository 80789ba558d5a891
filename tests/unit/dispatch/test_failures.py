"""What failed, in one word and one line."""

from __future__ import annotations

import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from wavegate.dispatch.connecting import AddressRefused, InvalidUrl
from wavegate.dispatch.failures import AnswerTooLarge, InvalidHeader, Stage, what_failed

KEY = ConnectionKey("x.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "stage", "word", "line"),
    [
        (TimeoutError(), Stage.CONNECT, "TimedOut", "no connection within 2.5 s"),
        (TimeoutError(), Stage.ANSWER, "TimedOut", "no answer within 2.5 s"),
        (TimeoutError(), Stage.BODY, "TimedOut", "no end of the answer within 2.5 s"),
        (InvalidUrl("it is none"), Stage.CONNECT, "AddressRefused", "it is none"),
        (AddressRefused("x is refused"), Stage.CONNECT, "AddressRefused", "x is refused"),
        (
            aiohttp.ClientConnectorError(KEY, AddressRefused("x is refused")),
            Stage.CONNECT,
            "AddressRefused",
            "x is refused",
        ),
        (
            InvalidHeader("X-A"),
            Stage.CONNECT,
            "SourceUnreadable",
            "the header X-A holds what no header can",
        ),
        (AnswerTooLarge(9), Stage.BODY, "AnswerTooLarge", "the answer is longer than 9 bytes"),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "hidden")),
            Stage.CONNECT,
            "DnsFailed",
            "x.example does not resolve; a Service is called by NAME.NAMESPACE.svc",
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.EHOSTUNREACH, "hidden")),
            Stage.CONNECT,
            "ConnectFailed",
            "no connection to x.example: No route to host",
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError("hidden")),
            Stage.CONNECT,
            "ConnectFailed",
            "no connection to x.example: it failed",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "hidden")),
            Stage.CONNECT,
            "TlsFailed",
            "no TLS with x.example: it failed",
        ),
        (
            aiohttp.ServerDisconnectedError("hidden"),
            Stage.ANSWER,
            "Reset",
            "no answer: the connection was closed",
        ),
        (
            aiohttp.ClientPayloadError("hidden"),
            Stage.BODY,
            "Reset",
            "the answer broke off",
        ),
        (
            aiohttp.InvalidURL("hidden"),
            Stage.CONNECT,
            "Fault",
            "a fault of the operator: InvalidURL",
        ),
        (
            RuntimeError("hidden"),
            Stage.CONNECT,
            "Fault",
            "a fault of the operator: RuntimeError",
        ),
    ],
)
def test_what_failed(error: Exception, stage: Stage, word: str, line: str) -> None:
    assert what_failed(error, stage, 2.5) == (word, line)


def test_a_line_is_one_and_short() -> None:
    _, line = what_failed(AddressRefused("a\r\n\x1b b" + "c" * 1000), Stage.CONNECT, 1)
    assert line == "a b" + "c" * 197
