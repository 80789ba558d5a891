"""What can become of a request to the API server, as types.

Whoever writes decides by type, never by status code: a refusal for good (`Invalid`, `Forbidden`),
a lost race (`Conflict`, `AlreadyExists`, `NotFound`), "later" (`TooManyRequests`), or "it may have
happened" (`Uncertain`, and `ServerError`, which servers also answer after a commit).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final

MAX_MESSAGE: Final = 8192
"""Characters of what the server said that are kept: it may quote the whole of an object."""


class ApiError(Exception):
    """A request that did not succeed.

    ``status``: HTTP code, 0 where no whole answer came. ``reason``: the machine-readable word of
    the server's Status document. ``message``: its words for people. ``retry_after``: seconds, or
    None where the server asked for nothing. ``details``: the Status document's details.
    """

    log_level: ClassVar[int] = logging.WARNING
    """At which it is told that something did not succeed and is tried again."""

    def __init__(
        self,
        status: int,
        reason: str = "",
        message: str = "",
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else f"{reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.details: Mapping[str, Any] = details or {}


class NotFound(ApiError):
    """404: no such object, or no such kind."""


class Conflict(ApiError):
    """409: the object is no longer at the resourceVersion or uid that was named."""


class AlreadyExists(ApiError):
    """409 on a create: an object of that name is there, ours or not."""


class Gone(ApiError):
    """410: the resourceVersion or continue token is too old; only a new list helps."""


class Forbidden(ApiError):
    """403: not allowed, or refused by quota, policy or a namespace that is going away."""


class Unauthorized(ApiError):
    """401: the credentials are not, or no longer, good."""


class Invalid(ApiError):
    """400, 413, 422: the document is refused for good."""


class TooManyRequests(ApiError):
    """429: send less; see ``retry_after``. That is no failure, and counted."""

    log_level = logging.DEBUG


class ServerError(ApiError):
    """5xx: the server failed, before or after it did what was asked."""


class Uncertain(ApiError):
    """Time-out, reset or half an answer: the request may or may not have been applied."""

    def __init__(self, message: str, reason: str = "Uncertain") -> None:
        super().__init__(0, reason, message)


_TYPES: Final[dict[int, type[ApiError]]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: TooManyRequests,
}


def error_of(
    code: int, document: Mapping[str, Any] | None, retry_after: str | None = None
) -> ApiError:
    """The typed error of an answer.

    ``document`` is the Status that came with it (None where the body was something else, as from a
    proxy), ``retry_after`` the header of that name: seconds or an HTTP date.
    """
    status = document or {}
    reason = _text(status.get("reason"))
    raw_details = status.get("details")
    details = raw_details if isinstance(raw_details, Mapping) else {}
    kind = _TYPES.get(code, ServerError if code >= 500 else ApiError)
    if reason == "AlreadyExists":
        kind = AlreadyExists
    elif reason == "Expired":
        kind = Gone
    wait = _seconds(retry_after)
    if wait is None:
        wait = _seconds(details.get("retryAfterSeconds"))
    message = _text(status.get("message"))[:MAX_MESSAGE]
    return kind(code, reason or "Unknown", message, wait, details)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if value > 0 else None
    if not isinstance(value, str) or not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
