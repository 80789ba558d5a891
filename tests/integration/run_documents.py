"""HTTPJobs and JobRuns in full: each field of them, as the API server keeps and shows it."""

from __future__ import annotations

from typing import Any, Final

from wavegate.api.names import API_VERSION

Object = dict[str, Any]

MOMENT: Final = "2026-01-01T00:00:00Z"
CONDITION: Final = {
    "type": "Ready",
    "status": "False",
    "reason": "Queued",
    "message": "it waits",
    "lastTransitionTime": MOMENT,
    "observedGeneration": 1,
}


def http_job(name: str = "echo", /, **spec: Any) -> Object:
    """A job that calls an address; ``spec`` replaces its fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "HTTPJob",
        "metadata": {"name": name},
        "spec": {"http": {"url": "https://echo.example/run"}, **spec},
    }


def job_run(name: str = "one", /, **spec: Any) -> Object:
    """A run of that job."""
    return {
        "apiVersion": API_VERSION,
        "kind": "JobRun",
        "metadata": {"name": name},
        "spec": {"jobName": "echo", **spec},
    }


def pool(name: str = "partner", /, **spec: Any) -> Object:
    """A rate that jobs share."""
    return {
        "apiVersion": API_VERSION,
        "kind": "RateLimitPool",
        "metadata": {"name": name},
        "spec": {"max": 100, "window": "1m", **spec},
    }


FULL_JOB: Final = http_job(
    "shown",
    displayName="Orders",
    description="sends orders",
    labels={"team": "shop"},
    meta={"owner": "anybody"},
    http={
        "url": "https://echo.example:8443/run?a=b",
        "fallbackUrl": "http://192.0.2.1/",
        "timeout": "30s",
        "completion": "Async",
        "heartbeatTimeout": "1m",
        "completionTimeout": "12h",
        "headers": [
            {"name": "X-Team", "value": "shop"},
            {
                "name": "Authorization",
                "valueFrom": {"secretKeyRef": {"name": "mine", "key": "token"}},
            },
        ],
        "signing": {"secretRefs": [{"name": "keys", "key": "new"}, {"name": "keys", "key": "old"}]},
    },
    runs={
        "payloadSchema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "defaultMetadata": {"tier": "1"},
        "retry": {
            "maxAttempts": 5,
            "strategy": "Custom",
            "initialDelay": "2s",
            "maxDelay": "10m",
            "jitterPercent": 0,
            "delays": ["1s", "1m30s"],
        },
        "limits": {
            "maxConcurrency": 10,
            "maxConcurrencyPerKey": 2,
            "rate": {"max": 100, "window": "1m", "onLimit": "Reject"},
            "pools": ["partner"],
            "maxQueued": 500,
        },
        "dedupWindow": "10s",
        "ttl": "1h",
        "versionPolicy": "Minor",
        "backwardsCompatible": True,
        "successfulHistoryLimit": 5,
        "failedHistoryLimit": 20,
        "finishedTTL": "24h",
    },
    trigger={
        "timeZone": "Europe/Berlin",
        "schedule": {
            "cron": "*/15 8-18 * * Mon-Fri",
            "concurrencyPolicy": "Replace",
            "catchUp": "All",
            "startingDeadline": "10m",
        },
        "windows": [
            {"days": ["Mon", "Tue"], "start": "22:00", "end": "06:00"},
            {"cron": "* 8-18 * * *"},
        ],
        "dependsOn": [
            {"jobName": "up", "condition": "Any", "freshness": "24h", "mode": "Trigger"},
        ],
    },
    suspend=True,
    revisionHistoryLimit=3,
)
"""Every field but serviceRef, in whose place a url is."""

FULL_RUN: Final = job_run(
    "shown",
    payload='{"id": 7}',
    idempotencyKey="order-7",
    priority=3,
    notBefore=MOMENT,
    metadata={"order": "7"},
    concurrencyKey="shop",
    ttl="10m",
    overrides={
        "timeout": "5s",
        "retry": {
            "maxAttempts": 2,
            "strategy": "Custom",
            "initialDelay": "1s",
            "maxDelay": "1m",
            "jitterPercent": 50,
            "delays": ["3s"],
        },
    },
    debug=True,
    canceled=False,
)
"""Every field but payloadFrom and replayOf, in whose place a payload is."""

_JOB_STATUS: Final = {
    "observedGeneration": 1,
    "conditions": [CONDITION],
    "state": "Suspended",
    "reason": "Suspended",
    "message": "no run starts",
    "version": 2,
    "runs": {"delayed": 1, "queued": 3, "waiting": 0, "executing": 4},
    "schedule": {
        "expression": "@hourly UTC",
        "since": MOMENT,
        "lastTickTime": MOMENT,
        "nextTickTime": MOMENT,
        "missedTicks": 5,
        "skippedTicks": 6,
    },
    "dependencies": [{"jobName": "up", "decidedUpTo": MOMENT}],
    "rateClock": MOMENT,
    "updatedAt": MOMENT,
}
_RUN_STATUS: Final = {
    "observedGeneration": 1,
    "conditions": [CONDITION],
    "phase": "Queued",
    "reason": "RetryBackoff",
    "message": "attempt 1 of 3 failed",
    "attempt": 1,
    "version": 2,
    "nextRetryTime": MOMENT,
    "expirationTime": MOMENT,
    "startTime": "2026-01-01T00:00:00.123456Z",
    "completionTime": MOMENT,
    "scheduledTime": MOMENT,
    "result": "{}",
    "resultSize": 9000,
    "resultHash": "0" * 64,
    "lastError": {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"},
    "triggeredBy": "Schedule",
    "duplicateOf": "other",
    "metadata": {"order": "7"},
    "holder": "wavegate-0",
    "rateClock": MOMENT,
    "poolClocks": {"partner": MOMENT},
    "callback": {
        "tokenHash": "a" * 64,
        "heartbeatTimeout": "1m",
        "deadline": MOMENT,
        "acceptedTime": MOMENT,
        "heartbeatTime": MOMENT,
        "outcome": "Failed",
    },
    "trace": {
        "queueWaitMs": 1,
        "connectMs": 2,
        "ttfbMs": 3,
        "transferMs": 4,
        "dispatchMs": 5,
        "totalMs": 6,
    },
    "debug": {
        "requestHeaders": {"X-Run-Id": "one"},
        "requestBody": "{}",
        "responseHeaders": {"content-type": "text/plain"},
        "responseBody": "no",
    },
}

RUN_STATUSES: Final[dict[str, tuple[Object, Object, list[str]]]] = {
    "RateLimitPool": (pool(), {}, ["partner", "100", "1m"]),
    "HTTPJob": (
        FULL_JOB,
        _JOB_STATUS,
        ["shown", "2", "Suspended", "*/15 8-18 * * Mon-Fri", MOMENT, "3", "4"],
    ),
    "JobRun": (
        FULL_RUN,
        _RUN_STATUS,
        ["shown", "echo", "Queued", "RetryBackoff", "1", "attempt 1 of 3 failed"],
    ),
}
"""By kind: an object, a full status (empty: none is reported), and what ``kubectl get`` prints."""
