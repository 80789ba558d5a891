"""The objects that operations begin with: of each type of job, of each kind of deployment, one.

Each is accepted as it is, and rich: whatever it leaves out an operation could not take away.
"""

from __future__ import annotations

from typing import Any, Final

from wavegate.api.names import API_VERSION

Object = dict[str, Any]

JOB: Final = "app"
MAIN: Final = {"name": "main", "image": "app:1"}


def object_of(kind: str, name: str, spec: Object) -> Object:
    """As a user sends it."""
    metadata = {"name": name}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _job(job_type: str, **spec: Any) -> Object:
    chosen = {"selector": {"matchLabels": {"pool": "edge"}}, **spec}
    template = {"template": {"spec": {"containers": [MAIN]}}, **chosen}
    return object_of("FleetJob", JOB, {"type": job_type, **template})


_HEALTH: Final = {
    "interval": "5s",
    "maxErrorRate": 0.05,
    "successThreshold": 2,
    "failureThreshold": 2,
    "deadline": "1m",
    "errorRate": {
        "podMetrics": {
            "port": 8080,
            "path": "/counters",
            "format": "Prometheus",
            "errors": ["errors"],
            "total": ["requests"],
        }
    },
}
_QUERIES: Final = {
    "source": "main",
    "errorQuery": "sum by (node) (last_over_time(errors_total[$window]))",
    "totalQuery": "sum by (node) (last_over_time(requests_total[$window]))",
}
_CANARY: Final = {
    "strategy": "Canary",
    "maxParallel": 2,
    "rollbackParallel": "50%",
    "canaryCount": 1,
    "canaryPercent": 20,
    "canarySelector": {"matchLabels": {"zone": "a"}},
    "spreadBy": ["zone"],
    "prePull": True,
    "autoPromote": True,
    "maxFailedNodes": 1,
    "maxFailedNodesPercent": 40,
    "noAutoRollback": True,
    "healthCheck": _HEALTH,
}

JOBS: Final[dict[str, Object]] = {
    "canary": _job(
        "container",
        description="what it is for",
        labels={"team": "edge"},
        meta={"owner": "somebody", "wavegate.dev/note": "left alone"},
        priority=60,
        restartPolicy="Always",
        revisionHistoryLimit=5,
        suspend=False,
        timeouts={"execution": "24h", "queue": "1h", "total": "48h"},
        selector={
            "matchLabels": {"pool": "edge"},
            "matchExpressions": ["zone in (a,b)", "!broken"],
            "matchIds": ["n00", "n01", "n02", "n03"],
        },
        config={"level": "info", "limits": [1, 2.5, None]},
        rollout=_CANARY,
        template={
            "metadata": {"labels": {"tier": "one"}, "annotations": {"note": "kept"}},
            "spec": {
                "containers": [MAIN, {"name": "side", "image": "side:1"}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}
                            ]
                        }
                    }
                },
            },
        },
    ),
    "rolling": _job(
        "container",
        rollout={
            "strategy": "Rolling",
            "maxParallel": "50%",
            "healthCheck": {"deadline": "2m", "minHealthyTime": "20s"},
        },
    ),
    "measured": _job(
        "container",
        rollout={
            "strategy": "Rolling",
            "healthCheck": {"deadline": "2m", "errorRate": {"prometheus": _QUERIES}},
        },
    ),
    "plain": _job("container"),
    "pipeline": object_of(
        "FleetJob",
        JOB,
        {
            "type": "pipeline",
            "config": {"input": {"generate": {}}, "output": {"drop": {}}},
            "selector": {"matchLabels": {"pool": "edge"}},
            "rollout": {
                "strategy": "Canary",
                "canaryPercent": 50,
                "autoPromote": True,
                "maxParallel": "100%",
                "healthCheck": {"deadline": "1m", "interval": "5s"},
            },
        },
    ),
    "query": _job(
        "query",
        config={"command": ["uname", "-a"], "env": {"LANG": "C"}},
        restartPolicy="Never",
        rollout={"strategy": "Rolling", "maxParallel": 2, "healthCheck": {"deadline": "2m"}},
    ),
    "asked": _job(
        "query",
        config={"command": ["uname", "-a"]},
        restartPolicy="Never",
        trigger={
            "timeZone": "Europe/Berlin",
            "schedule": {"cron": "30 2 * * *", "concurrencyPolicy": "Queue"},
            "windows": [
                {"cron": "* 2,3 * * *"},
                {"days": ["Sat"], "start": "22:00", "end": "06:00"},
            ],
            "dependsOn": [
                {
                    "jobKind": "HTTPJob",
                    "jobName": "other",
                    "condition": "Any",
                    "freshness": "24h",
                    "mode": "Trigger",
                }
            ],
        },
        runs={
            "retry": {"strategy": "Custom", "delays": ["1m", "5m"], "maxAttempts": 3},
            "limits": {"rate": {"max": 2, "window": "1h"}, "pools": ["shared"]},
            "finishedTTL": "24h",
            "ttl": "1h",
            "defaultMetadata": {"why": "asked"},
        },
    ),
    "update": _job("update", config={"command": ["upgrade"], "cordon": True}),
    "config": _job(
        "config",
        config={"files": [{"path": "/etc/app/app.conf", "content": "a = 1\n", "mode": "0640"}]},
        timeouts={"execution": "10m"},
    ),
}

_OVERRIDE: Final = {name: value for name, value in _CANARY.items() if name != "noAutoRollback"}

DEPLOYMENTS: Final[dict[str, Object]] = {
    "restart": object_of(
        "FleetDeployment",
        "again",
        {"jobName": JOB, "type": "Restart", "toVersion": 2, "rollout": _OVERRIDE},
    ),
    "rollback": object_of(
        "FleetDeployment",
        "back",
        {
            "jobName": JOB,
            "type": "Rollback",
            "fromVersion": 2,
            "toVersion": 1,
            "rollout": {"maxParallel": 1, "noAutoRollback": True},
            "paused": False,
            "promoted": False,
            "canceled": False,
        },
    ),
    "stop": object_of("FleetDeployment", "halt", {"jobName": JOB, "type": "Stop"}),
}

RECORDS: Final[dict[str, Object]] = {
    "version": object_of(
        "JobVersion",
        f"{JOB}-v9",
        {
            "jobId": "u1",
            "version": 9,
            "jobSpec": JOBS["plain"]["spec"],
            "workloadHash": "h1:0",
            "driver": {"image": "", "revision": "1"},
        },
    ),
    "execution": object_of(
        "Execution",
        f"{JOB}-abcdefghij-9",
        {
            "jobId": "u1",
            "jobName": JOB,
            "jobType": "container",
            "jobVersion": 9,
            "nodeName": "n00",
            "nodeUid": "u2",
            "evalId": "e1",
            "rolloutWave": 1,
            "deploymentName": f"{JOB}-v9",
            "attempt": 9,
            "workloadHash": "h1:0",
        },
    ),
}
"""What the operator makes, and a user may try to make or change."""

BASES: Final = {**JOBS, **DEPLOYMENTS, **RECORDS}
