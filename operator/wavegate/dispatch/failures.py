"""What failed, as an outcome (see `runs.answers`) and one short line for people.

| outcome | when |
| --- | --- |
| SourceUnreadable | a header's value, which is a Secret's, cannot be sent |
| AddressRefused | it is no URL, or its host or address may not be called |
| DnsFailed | its host does not resolve |
| ConnectFailed | nobody takes the connection |
| TlsFailed | there is no TLS, or its certificate is not to be trusted |
| TimedOut | the time is over, wherever the call was then |
| Reset | the connection ended before the answer did |
| BadAnswer | what came is not HTTP |
| AnswerTooLarge | it is longer than is read |
| Fault | a fault of this program |

No line has anything of what was sent or received, but for names of hosts and what a certificate is.
"""

from __future__ import annotations

import logging
import os
from enum import Enum
from typing import Final

import aiohttp

from wavegate.dispatch.connecting import AddressRefused, InvalidUrl
from wavegate.runs.answers import Outcome

MAX_LINE: Final = 200

_log = logging.getLogger(__name__)


class Stage(Enum):
    """How far a call came, and in words what it had not come to then."""

    CONNECT = "no connection"
    ANSWER = "no answer"
    BODY = "no end of the answer"
    DONE = "no end of the call"


class AnswerTooLarge(Exception):
    """``most``: bytes that are read."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is longer than {most} bytes")


class InvalidHeader(ValueError):
    """``name``: of the header whose value cannot be sent."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the header {name} holds what no header can")


def what_failed(error: Exception, stage: Stage, timeout: float) -> tuple[Outcome, str]:
    """Outcome and line for what a call raised at this stage of it; ``timeout``: its seconds."""
    word, line = _what_failed(error, stage, timeout)
    printable = "".join(each if each.isprintable() else " " for each in line[: 4 * MAX_LINE])
    return word, " ".join(printable.split())[:MAX_LINE]


def _what_failed(error: Exception, stage: Stage, timeout: float) -> tuple[Outcome, str]:
    match error:
        case TimeoutError():
            return "TimedOut", f"{stage.value} within {timeout:g} s"
        case AddressRefused() | InvalidUrl():
            return "AddressRefused", str(error)
        case InvalidHeader():
            return "SourceUnreadable", str(error)
        case AnswerTooLarge():
            return "AnswerTooLarge", str(error)
        case aiohttp.ClientConnectorError(os_error=AddressRefused() as refused):
            return "AddressRefused", str(refused)
        case aiohttp.ClientConnectorDNSError():
            return "DnsFailed", _unresolved(error.host)
        case aiohttp.ClientSSLError():
            return "TlsFailed", f"no TLS with {error.host}: {_untrusted(error)}"
        case aiohttp.ClientConnectorError():
            reason = os.strerror(error.os_error.errno) if error.os_error.errno else "it failed"
            return "ConnectFailed", f"no connection to {error.host}: {reason}"
        case aiohttp.ClientResponseError():
            return "BadAnswer", "what was answered is not HTTP"
        case aiohttp.ClientPayloadError():
            return "Reset", "the answer broke off"
        case aiohttp.ClientConnectionError() | ConnectionError():
            return "Reset", f"{stage.value}: the connection was closed"
        case _:
            # Its text may hold anything.
            _log.error("A call failed by a fault: %s", type(error).__name__)
            return "Fault", f"a fault of the operator: {type(error).__name__}"


def _unresolved(host: str) -> str:
    hint = "" if host.rstrip(".").count(".") > 1 else "; a Service is called by NAME.NAMESPACE.svc"
    return f"{host} does not resolve{hint}"


def _untrusted(error: aiohttp.ClientSSLError) -> str:
    """In the words of the TLS library, which are of its own and the certificate's."""
    # An error that Python raises by itself has neither attribute.
    said = getattr(error.os_error, "verify_message", "") or getattr(error.os_error, "reason", "")
    return said.replace("_", " ") if said else "it failed"
