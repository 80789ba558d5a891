"""Endpoints that answer 202 and call back, over real connections."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from support.answering import Received, Reply
from wavegate.runs.callbacks import Verb

ASYNC: Final = {"completion": "Async"}


def accept(_: Received) -> Reply:
    """The endpoint's answer: it calls back."""
    return Reply(202, b"")


def call_back(
    call: Received,
    verb: Verb,
    body: bytes = b"",
    *,
    token: str | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Status and document that the operator answers; status 0: nobody answers.

    ``token`` and ``url``: instead of those that the call had.
    """
    sent = {"X-Callback-Token": token or str(call.headers["X-Callback-Token"]), **(headers or {})}
    to = f"{url or call.headers['X-Callback-Url']}/{verb}"
    request = urllib.request.Request(to, data=body, headers=sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, ValueError):
        return 0, {}
