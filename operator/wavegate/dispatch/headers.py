"""The headers that each call of a run has."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_UUID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")


def headers(
    *, uid: str, run: str, job: str, namespace: str, version: int, attempt: int
) -> dict[str, str]:
    """For the run with this uid and name, of this version of the job; attempts count from 1.

    ``Idempotency-Key`` and the trace are the run's: the same on every attempt.
    """
    return {
        "Content-Type": "application/json",
        "X-Run-Id": run,
        "X-Job-Name": job,
        "X-Job-Namespace": namespace,
        "X-Job-Version": str(version),
        "X-Attempt": str(attempt),
        "Idempotency-Key": uid,
        "traceparent": traceparent(uid, attempt),
    }


def callback_headers(
    address: str, namespace: str, run: str, attempt: int, token: str
) -> dict[str, str]:
    """Where the endpoint of an Async job calls back, and with which token.

    ``address``: of the operator, as endpoints reach it.
    """
    url = f"{address}/runs/{namespace}/{run}/{attempt}"
    return {"X-Callback-Url": url, "X-Callback-Token": token}


def traceparent(uid: str, attempt: int) -> str:
    """As W3C Trace Context says: the trace is the run, by its uid, and the span the attempt."""
    trace = uid.replace("-", "").lower()
    if not _UUID.fullmatch(trace):
        trace = f"{_number(uid, 16):032x}"
    return f"00-{trace}-{_number(f'{uid}/{attempt}', 8):016x}-01"


def _number(text: str, size: int) -> int:
    """Of so many bytes, and never 0, which would be no id."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) | 1
