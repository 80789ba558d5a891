"""What a webhook is told of a run that has ended: a document of a bounded size.

It follows from the run's status, which changes no more, so that it is the same on each attempt.
Under ``data``, what there is of it:

| field | is |
| --- | --- |
| run, uid, namespace, job | whose end it is |
| phase, reason, message | how it has ended |
| attempts, version | attempts that were made of the call, and the version that executed |
| triggeredBy, replayOf, duplicateOf, parentRun, continuationOf, lineageDepth | where it came from |
| idempotencyKey, metadata | what it was given |
| creationTime, scheduledTime, startTime, completionTime | when it was asked for, and so on |
| result, or resultSize and resultHash | what was answered, as it is kept |
| error | class, httpStatus and message of the last attempt that failed |
| trace | where the time went, in milliseconds |
| leftOut | names of what there was no room for: metadata, then result and message |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wavegate.runs.webhooks import EVENT_OF

MAX_BODY: Final = 64 * 1024
"""Bytes of a document."""

_TOLD: Final = (
    "phase",
    "reason",
    "message",
    "version",
    "triggeredBy",
    "scheduledTime",
    "startTime",
    "completionTime",
    "duplicateOf",
    "lineageDepth",
    "result",
    "resultSize",
    "resultHash",
    "trace",
    "metadata",
)
"""Of a run's status, under the same name."""
_OF_SPEC: Final = ("idempotencyKey", "replayOf", "parentRun", "continuationOf")
_LEFT_OUT: Final = ("metadata", "result", "message")
"""What is left out where the document would be longer than MAX_BODY, as far as needed."""


def body(run: Mapping[str, Any]) -> str:
    """The document for a JobRun as it is stored, which has ended.

    ``data`` has what is known of the run, and in ``leftOut`` the names of what there was no room
    for.
    """
    metadata, spec, status = run["metadata"], run["spec"], run["status"]
    data: dict[str, Any] = {
        "run": metadata["name"],
        "uid": metadata["uid"],
        "namespace": metadata["namespace"],
        "job": spec["jobName"],
        "attempts": status.get("attempt", 0),
        "creationTime": metadata.get("creationTimestamp"),
        **{name: spec.get(name) for name in _OF_SPEC},
        **{name: status.get(name) for name in _TOLD},
        "error": status.get("lastError"),
    }
    data = {name: value for name, value in data.items() if value is not None}
    told = {"type": EVENT_OF[status["phase"]], "timestamp": status.get("completionTime")}
    written = _written({**told, "data": data})
    for name in _LEFT_OUT:
        if len(written.encode()) <= MAX_BODY:
            break
        if data.pop(name, None) is not None:
            data["leftOut"] = [*data.get("leftOut", ()), name]
        written = _written({**told, "data": data})
    return written


def _written(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
