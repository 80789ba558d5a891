"""Five hundred objects that no schema would let through, each from its number.

They are put past the schema: as an older release has stored them, or an administrator whose CRD is
looser; of Pods and Nodes so much is odd as no API server would let through. What a server keeps
right in any object is right in these as well: metadata has the types that it has everywhere, and a
name, a uid and a resourceVersion.

An object begins as one that is fine (`generated.bases`), or with every field that its CRD knows.
Then up to six of its fields are taken away, given something else (`values`), given twice, or get an
unknown one beside them; and one in ten is filled up to what etcd takes. What it belongs to (labels,
owners, names of jobs, nodes and runs) is chosen among itself, others of its kind, which makes
cycles, and a job of each kind that is there to be a victim.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

from generated.bases import DEPLOYMENTS, JOBS, RECORDS
from hostile.values import LARGE, SMALL, TEXTS, TIMES
from wavegate.api.crds import KINDS, crd
from wavegate.api.names import (
    ANNOTATION_CORDONED_BY,
    ANNOTATION_TICK,
    API_VERSION,
    LABEL_DEPLOYMENT,
    LABEL_JOB,
    LABEL_JOB_KIND,
    LABEL_PULL,
    LABEL_VERSION,
)
from wavegate.simulation.store import MOST_BYTES

COUNT: Final = 500
KIND_NAMES: Final = (
    *("FleetJob", "FleetDeployment", "JobVersion", "Execution", "HTTPJob", "JobRun"),
    *("Pod", "Node"),
)
VICTIM: Final = "victim"
"""Name of a FleetJob and of an HTTPJob to which they may belong; others they leave alone."""

_ROOM: Final = MOST_BYTES - 200_000
_FILLED_UP: Final = 0.1
_ELSEWHERE: Final = ("apps/v1", "v1", "work.example/v1", "", API_VERSION)

Object = dict[str, Any]


@dataclass(frozen=True)
class Hostile:
    """One of them. ``members``: spec and status, as JSON that may name them twice, each after a
    comma."""

    number: int
    kind: str
    metadata: Object
    members: str
    what: str
    """What was done to it, for people."""

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    def text(self, **metadata: Any) -> str:
        """The whole object, as JSON; ``metadata``: what a server adds."""
        version = API_VERSION if self.kind not in ("Pod", "Node") else "v1"
        head = {"apiVersion": version, "kind": self.kind, "metadata": self.metadata | metadata}
        return f"{json.dumps(head)[:-1]}{self.members}}}"

    def __str__(self) -> str:
        return f"{self.number} ({self.kind}: {self.what})"


def name_of(number: int) -> str:
    return f"hostile-{number:03}"


def hostile(number: int) -> Hostile:
    """The object of that number, from 0 to 499; always the same."""
    rng = Random(f"hostile {number}")
    kind = KIND_NAMES[number % len(KIND_NAMES)]
    document = _base(kind, rng)
    _belong(kind, number, document, rng)
    done = [_changed(document, rng, _ROOM // 40) for _ in range(rng.randint(1, 6))]
    if rng.random() < _FILLED_UP:
        done.append(_changed(document, rng, _ROOM, LARGE))
    metadata = document.pop("metadata") | {"name": name_of(number)}
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items()]
    if rng.random() < 0.1 and document:
        twice = rng.choice(list(document))
        members.append(f"{json.dumps(twice)}: {json.dumps(_small(rng))}")
        done.append(f"{twice} twice")
    return Hostile(
        number, kind, metadata, "".join(f", {each}" for each in members), "; ".join(done)
    )


# What they begin as.


def _base(kind: str, rng: Random) -> Object:
    match kind:
        case "Pod":
            found = _copy(_POD)
        case "Node":
            found = _copy(_NODE)
        case _:
            found = {"metadata": {}, "spec": _spec(kind, rng)}
            if rng.random() < 0.7:
                found["status"] = _filled(_schema(kind)["status"], rng)
    return found


def _spec(kind: str, rng: Random) -> Object:
    fine = {
        "FleetJob": list(JOBS.values()),
        "FleetDeployment": list(DEPLOYMENTS.values()),
        "JobVersion": [RECORDS["version"]],
        "Execution": [RECORDS["execution"]],
        "HTTPJob": [{"spec": _HTTP_JOB}],
        "JobRun": [{"spec": _RUN}],
    }
    if rng.random() < 0.7:
        return _copy(rng.choice(fine[kind])["spec"])
    return _filled(_schema(kind)["spec"], rng)


def _copy(document: Object) -> Object:
    """Of which no two parts are the same object."""
    return dict(json.loads(json.dumps(document)))


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    found = next(each for each in KINDS if each.kind == kind)
    schema = crd(found)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(schema["properties"])


def _filled(schema: Mapping[str, Any], rng: Random) -> Any:
    """Most of the fields that a schema knows, each of its type and else any."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            known = schema["properties"].items()
            return {name: _filled(each, rng) for name, each in known if rng.random() < 0.8}
        case "object":
            inner = schema.get("additionalProperties")
            return {"k": _filled(inner, rng)} if isinstance(inner, dict) else {"k": "v"}
        case "array":
            return [_filled(schema["items"], rng) for _ in range(rng.randint(0, 3))]
        case "boolean":
            return rng.random() < 0.5
        case "integer" | "number":
            return rng.choice([0, 1, 2, 3, schema.get("maximum", 7)])
        case "string" if schema.get("format") == "date-time":
            return rng.choice(["2023-11-14T22:13:20Z", *TIMES])
        case "string" if schema.get("format") == "duration":
            return rng.choice(["1s", "10s", "1m"])
        case "string":
            return rng.choice(["x", VICTIM, "h1:0", "v1"])
    return rng.choice([1, "10%"])


# What they belong to.


def _belong(kind: str, number: int, document: Object, rng: Random) -> None:
    others = [name_of((number + step * len(KIND_NAMES)) % COUNT) for step in (-1, 1, 2)]
    job = rng.choice([name_of(number), VICTIM, VICTIM, *others])
    metadata = document["metadata"]
    labels = {LABEL_JOB: job, LABEL_VERSION: rng.choice(["1", "2", "-1", "x"])}
    if rng.random() < 0.5:
        labels |= {LABEL_DEPLOYMENT: f"{job}-v1", rng.choice(TEXTS)[:63]: rng.choice(TEXTS)[:63]}
    if kind in ("JobVersion", "JobRun") and rng.random() < 0.5:
        labels[LABEL_JOB_KIND] = "HTTPJob"
    if kind == "Pod" and rng.random() < 0.3:
        labels[LABEL_PULL] = labels.pop(LABEL_JOB)
    metadata["labels"] = labels
    metadata["annotations"] = {
        ANNOTATION_TICK: rng.choice(TIMES),
        ANNOTATION_CORDONED_BY: rng.choice([f"default/{job}/u/e", "////", "a/b", *TEXTS]),
        rng.choice(TEXTS)[:63]: rng.choice(TEXTS),
    }
    if kind != "Node":
        owners = [_owner(job, rng) for _ in range(rng.choice([0, 1, 1, 2, 50]))]
        if rng.random() < 0.5:
            owners.insert(0, _right_owner(kind, http=LABEL_JOB_KIND in labels))
        metadata["ownerReferences"] = owners
    if rng.random() < 0.1:
        metadata |= {"deletionTimestamp": rng.choice(TIMES), "finalizers": ["somebody/keeps-it"]}
    spec = document["spec"]
    for field in ("jobName", "replayOf", "nodeName"):
        if field in spec:
            spec[field] = rng.choice([job, name_of(number), *others])


def _right_owner(kind: str, *, http: bool) -> Object:
    """As the operator's own has it, which makes it one of the victim's."""
    if kind == "Pod":
        found = {"kind": "Execution", "uid": OF_EXECUTION}
    elif http:
        found = {"kind": "HTTPJob", "uid": OF_HTTP_JOB}
    else:
        found = {"kind": "FleetJob", "uid": OF_JOB}
    return {"apiVersion": API_VERSION, "name": VICTIM, "controller": True, **found}


def _owner(job: str, rng: Random) -> Object:
    return {
        "apiVersion": rng.choice(_ELSEWHERE),
        "kind": rng.choice([*KIND_NAMES, "ReplicaSet", ""]),
        "name": rng.choice([job, f"{job}-v1", *TEXTS]),
        "uid": rng.choice(UIDS),
        "controller": rng.choice([True, True, False, None]),
        "blockOwnerDeletion": True,
    }


OF_JOB: Final = "uid of the FleetJob that is a victim"
OF_HTTP_JOB: Final = "uid of the HTTPJob that is a victim"
OF_EXECUTION: Final = "uid of an execution of the victim"
OF_SOMEBODY: Final = "uid of somebody"
UIDS: Final = (OF_JOB, OF_HTTP_JOB, OF_EXECUTION, OF_SOMEBODY, "uid of nobody")
"""Stand for what is known only in a cluster."""


# What is done to them.


def _changed(
    document: Object, rng: Random, room: int, makers: Mapping[str, Any] | None = None
) -> str:
    """Change one field; what was done."""
    parent, key, where = rng.choice(list(_fields(document)))
    if makers is None and rng.random() < 0.15:
        parent.pop(key, None) if isinstance(parent, dict) else parent.pop(key)
        return f"no {where}"
    label, make = rng.choice(list((makers or SMALL | LARGE).items()))
    value = make(rng, room if makers else room // 10)
    if isinstance(parent, dict) and rng.random() < 0.2:
        key = rng.choice([*TEXTS, "unknownField"])
        where = f"{where.rpartition('.')[0]}.{key[:20]!r}"
    parent[key] = value
    return f"{where} is {label}"


def _fields(document: Object) -> Iterator[tuple[Any, Any, str]]:
    """Where something can be changed: the object or list, the key or index, the path."""
    waiting: list[tuple[Any, str]] = [
        (document[name], name) for name in ("spec", "status") if name in document
    ]
    yield from ((document, name, name) for name in ("spec", "status"))
    while waiting:
        value, where = waiting.pop()
        if isinstance(value, dict):
            inner = [(key, each, f"{where}.{key[:40]}") for key, each in value.items()]
        elif isinstance(value, list):
            inner = [(index, each, f"{where}[{index}]") for index, each in enumerate(value[:20])]
        else:
            continue
        for key, each, path in inner[:60]:
            yield value, key, path
            if path.count(".") + path.count("[") < 12:
                waiting.append((each, path))


def _small(rng: Random) -> Any:
    return rng.choice(list(SMALL.values()))(rng, 2000)


_HTTP_JOB: Final[Object] = {
    "http": {
        "url": "http://echo.example/",
        "timeout": "30s",
        "headers": [{"name": "X-A", "value": "b"}],
    },
    "runs": {
        "limits": {"maxConcurrency": 2, "maxQueued": 10, "rate": {"max": 5, "window": "1s"}},
        "retry": {"maxAttempts": 3, "strategy": "Fixed", "initialDelay": "10s"},
        "payloadSchema": {"type": "object"},
        "dedupWindow": "1h",
        "ttl": "1h",
    },
    "trigger": {
        "schedule": {"cron": "*/5 * * * *", "concurrencyPolicy": "Allow", "catchUp": "All"},
        "timeZone": "Europe/Berlin",
        "windows": [{"days": ["Tue"], "start": "08:00", "end": "18:00"}, {"cron": "* * * * *"}],
    },
}
_RUN: Final[Object] = {
    "jobName": VICTIM,
    "payload": '{"a": 1}',
    "idempotencyKey": "k",
    "concurrencyKey": "c",
    "notBefore": "2023-11-14T22:13:20Z",
    "ttl": "1h",
    "priority": 5,
    "metadata": {"a": "b"},
    "overrides": {"timeout": "5s", "retry": {"maxAttempts": 2}},
}
_STATE: Final = {
    "name": "main",
    "ready": False,
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    "lastState": {
        "terminated": {
            "exitCode": 1,
            "reason": "Error",
            "message": "error: boom",
            "finishedAt": "2023-11-14T22:13:20Z",
        }
    },
}


def _condition(kind: str, status: str) -> Object:
    at = "2023-11-14T22:13:20Z"
    return {"type": kind, "status": status, "reason": "R", "message": "m", "lastTransitionTime": at}


_POD: Final[Object] = {
    "metadata": {},
    "spec": {
        "nodeName": "n00",
        "containers": [{"name": "main", "image": "app:1"}],
        "terminationGracePeriodSeconds": 30,
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {
                            "matchFields": [
                                {"key": "metadata.name", "operator": "In", "values": ["n00"]}
                            ]
                        }
                    ]
                }
            }
        },
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "reason": "Evicted",
        "message": "m",
        "conditions": [
            _condition("Ready", "True"),
            _condition("PodScheduled", "True"),
            _condition("DisruptionTarget", "True"),
        ],
        "containerStatuses": [_STATE],
        "initContainerStatuses": [_STATE],
    },
}
_NODE: Final[Object] = {
    "metadata": {},
    "spec": {
        "unschedulable": False,
        "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}],
    },
    "status": {
        "conditions": [_condition("Ready", "True"), _condition("DiskPressure", "True")],
        "nodeInfo": {"kubeletVersion": "v1.35.0"},
    },
}
