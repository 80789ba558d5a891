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


def run_batch(name: str = "import", /, **spec: Any) -> Object:
    """Runs of that job at once; ``spec`` replaces its fields, None takes one away."""
    whole = {"jobName": "echo", "items": [{"key": "a"}], **spec}
    return {
        "apiVersion": API_VERSION,
        "kind": "RunBatch",
        "metadata": {"name": name},
        "spec": {field: value for field, value in whole.items() if value is not None},
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
        "webhook": {
            "url": "https://hook.example/runs",
            "secretRefs": [{"name": "keys", "key": "hook"}],
            "events": ["jobrun.completed", "jobrun.dead_letter"],
        },
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
            {
                "jobKind": "HTTPJob",
                "jobName": "up",
                "condition": "Any",
                "freshness": "24h",
                "mode": "Trigger",
            },
        ],
    },
    suspend=True,
    revisionHistoryLimit=3,
)
"""Every field but serviceRef, in whose place a url is."""

FULL_RUN: Final = job_run(
    "shown",
    jobKind="HTTPJob",
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
    parentRun="above",
    continuationOf="before",
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
    "dependencies": [{"jobKind": "HTTPJob", "jobName": "up", "decidedUpTo": MOMENT}],
    "health": {
        "since": MOMENT,
        "asOf": MOMENT,
        "last7Days": {
            "from": MOMENT,
            "total": 12,
            "completed": 6,
            "failed": 2,
            "timedOut": 1,
            "crashed": 1,
            "canceled": 1,
            "expired": 1,
            "successRate": 0.5455,
            "averageMs": 2000,
            "p95Ms": 1959,
            "p95Error": 0.043,
            "stability": 30,
            "score": 68.2,
        },
        "hours": {"2026-11-27T09": "6,2,1,1,1,1 12000 3 87:6"},
        "days": {"2026-11-22": ",5,,,, 0 3"},
        "countedUpTo": MOMENT,
        "counted": ["1795774800000000-0a1b2c3d"],
    },
    "rateClock": MOMENT,
    "webhook": {
        "phase": "Paused",
        "reason": "Gone",
        "message": "it has answered 410",
        "since": MOMENT,
        "hook": "sha256:" + "0" * 64,
    },
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
    "nodes": {"total": 4, "asked": 3, "succeeded": 2, "failed": 1},
    "failures": [
        {
            "node": "node-1",
            "execution": "shown-abc-1",
            "reason": "Exited",
            "message": "it ended with 1",
            "exitCode": 1,
        },
    ],
    "lineageDepth": 2,
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
    "webhook": {
        "phase": "Pending",
        "attempts": 2,
        "nextTime": MOMENT,
        "completionTime": MOMENT,
        "lastError": {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"},
    },
}

FULL_BATCH: Final = run_batch(
    "shown",
    items=[
        {
            "key": "order-7",
            "payload": '{"id": 7}',
            "idempotencyKey": "order-7",
            "priority": 3,
            "notBefore": MOMENT,
            "metadata": {"order": "7"},
            "concurrencyKey": "shop",
            "ttl": "10m",
        }
    ],
    labels={"source": "shop"},
    canceled=True,
    finishedTTL="24h",
)

_COUNTS: Final = ("open", "completed", "failed", "canceled", "duplicates", "deleted")

_BATCH_STATUS: Final[Object] = {
    "observedGeneration": 1,
    "conditions": [CONDITION],
    "state": "Running",
    "reason": "MaxQueued",
    "message": "2 of 9 runs ended",
    "counts": {"total": 9, "pending": 3, **dict.fromkeys(_COUNTS, 1)},
    "errors": [{"key": "order-7", "run": "echo-1", "reason": "Rejected", "message": "no"}],
    "progress": "...oCFXDG",
    "runs": ["echo-0"],
    "itemsHash": f"sha256:{'a' * 64}",
    "startTime": MOMENT,
    "completionTime": MOMENT,
    "updatedAt": MOMENT,
}

RUN_STATUSES: Final[dict[str, tuple[Object, Object, list[str]]]] = {
    "RateLimitPool": (pool(), {}, ["partner", "100", "1m"]),
    "HTTPJob": (
        FULL_JOB,
        _JOB_STATUS,
        ["shown", "2", "Suspended", "*/15 8-18 * * Mon-Fri", MOMENT, "3", "4", "68.2"],
    ),
    "JobRun": (
        FULL_RUN,
        _RUN_STATUS,
        ["shown", "echo", "Queued", "RetryBackoff", "1", "attempt 1 of 3 failed"],
    ),
    "RunBatch": (
        FULL_BATCH,
        _BATCH_STATUS,
        ["shown", "echo", "Running", "9", "3", "1", "1", "1", "2 of 9 runs ended"],
    ),
}
"""By kind: an object, a full status (empty: none is reported), and what ``kubectl get`` prints."""
