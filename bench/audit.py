"""What the API server's audit log tells: who asked for what, and when it came and was answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

WRITES: Final = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Request:
    """One that has succeeded; times are the API server's, in epoch seconds."""

    user: str
    verb: str
    resource: str
    """With its subresource: ``executions/status``."""
    name: str
    received: float
    answered: float


def answered(
    events: Iterable[Mapping[str, Any]], namespace: str, since: float = 0.0
) -> list[Request]:
    """Requests about the namespace's objects that came since then and were not refused.

    In the order of their answers; watches and dry runs are left out.
    """
    found = []
    for event in events:
        about = event.get("objectRef", {})
        if about.get("namespace") != namespace or event["verb"] == "watch":
            continue
        code = event.get("responseStatus", {}).get("code", 500)
        if code >= 400 or "dryRun=All" in event["requestURI"]:
            continue
        received = _seconds(event["requestReceivedTimestamp"])
        if received >= since:
            resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
            found.append(
                Request(
                    event["user"]["username"],
                    event["verb"],
                    resource,
                    about.get("name", ""),
                    received,
                    _seconds(event["stageTimestamp"]),
                )
            )
    return sorted(found, key=lambda request: request.answered)


def writes(requests: Iterable[Request], user: str, *resources: str) -> list[Request]:
    """Of a user, about these resources; without resources, about any."""
    return [
        request
        for request in requests
        if request.user == user
        and request.verb in WRITES
        and (not resources or request.resource in resources)
    ]


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
