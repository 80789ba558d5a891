"""Canaries: a marker of its own in each place that may hold a secret, and where it may be seen.

The table is held exactly: a marker that is seen in another place fails, and so does one that is not
seen where the table says that it may be. What a user writes is copied into the objects that are
made of it, which only those may read who may read the job; everything else that the operator
prints (its log, events, metrics, statuses and conditions) is read by many.

Two kinds of words may be seen outside of these copies: what a server or a container says of its own
failure, because a person needs it to understand the failure, and what names a place that has to be
mended. The first are cut to one line. So a program must not print secrets when it dies, as with any
log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sim.world import COUNTERS
from wavegate.simulation.store import Document

COPIES: Final = ("FleetJob.spec", "JobVersion.spec")
"""What a user writes in a job, and its snapshot."""
IN_PODS: Final = (*COPIES, "Pod.spec")
ROLLOUT: Final = (*COPIES, "FleetDeployment.spec", "FleetDeployment.status")
"""Settings of a rollout, which its deployment carries and resolves."""
HELD: Final = ("FleetDeployment.status", "FleetJob.status", "log", "event")
"""Words of what a whole rollout waits for, or has failed by."""
TOLD: Final = ("Execution.status", *HELD)
"""Words of the failure on a node."""


@dataclass(frozen=True)
class Place:
    """``seen``: kinds and parts of objects, ``log``, ``event`` or ``metrics``."""

    name: str
    seen: tuple[str, ...] = ()
    why: str = "nobody reads it"

    @property
    def marker(self) -> str:
        """A text that is in no other place and a part of no other marker."""
        return f"canary-{self.name}-0x"


_COPIED = "a copy of what the user has written, in what is made of it"
_FAILURE = "a person has to understand the failure; one line of it"
_NAMES_IT = "it names what is to be mended, and is no secret"

PLACES: Final = (
    Place("env", IN_PODS, _COPIED),
    Place("env-from", IN_PODS, _COPIED),
    Place("secret-key-name", IN_PODS, _COPIED),
    Place("command", IN_PODS, _COPIED),
    Place("args", IN_PODS, _COPIED),
    Place("sidecar-env", IN_PODS, _COPIED),
    Place("sidecar-args", IN_PODS, _COPIED),
    Place("init-env", IN_PODS, _COPIED),
    Place("init-command", IN_PODS, _COPIED),
    Place("probe-query", IN_PODS, _COPIED),
    Place("probe-header", IN_PODS, _COPIED),
    Place("pre-stop", IN_PODS, _COPIED),
    Place("secret-volume", IN_PODS, _COPIED),
    Place("pull-secret-name", IN_PODS, _COPIED),
    Place("host-alias", IN_PODS, _COPIED),
    Place("dns-search", IN_PODS, _COPIED),
    Place("toleration", IN_PODS, _COPIED),
    Place("template-annotation", (*COPIES, "Pod.metadata"), _COPIED),
    Place("template-label", (*COPIES, "Pod.metadata"), _COPIED),
    Place("job-label", (*COPIES, "Execution.metadata", "Pod.metadata"), _COPIED),
    Place("job-meta", ("FleetJob.spec", "JobVersion.spec"), _COPIED),
    Place("job-description", ("FleetJob.spec", "JobVersion.spec"), _COPIED),
    Place("config-value", (*COPIES, "ConfigMap.data"), _COPIED),
    Place("config-key", (*COPIES, "ConfigMap.data"), _COPIED),
    Place("job-annotation", ("FleetJob.metadata",), "where it was put"),
    Place("node-annotation", ("Node.metadata",), "where it was put"),
    Place("node-label", ("Node.metadata",), "where it was put"),
    Place("pod-annotation-of-others", ("Pod.metadata",), "where it was put"),
    Place("config-map-of-others", ("ConfigMap.data",), "where it was put"),
    Place("metrics-path", (*ROLLOUT, *TOLD), _NAMES_IT),
    Place("metrics-query", ROLLOUT, "of the address, messages have no query"),
    Place("page-comment"),
    Place("page-other-counter"),
    Place("page-label"),
    Place("page-header"),
    Place("refusal-header"),
    Place("refusal-second-half"),
    Place("refusal-body", TOLD, _FAILURE),
    Place("redirect-location", (), "it is not followed, nor named"),
    Place("page-bad-value", TOLD, _FAILURE),
    Place("error-query", ROLLOUT, _COPIED),
    Place("total-query", ROLLOUT, _COPIED),
    Place("source-token", (), "a server that sends it back is not believed"),
    Place("source-refusal", HELD, _FAILURE),
    Place("source-other-node", (), "nobody reads samples of nodes that are none of the job's"),
    Place("last-words", ("Pod.status", *TOLD), _FAILURE),
    Place("earlier-words", ("Pod.status",), "the last line that speaks of an error is told"),
    Place("refused-template", HELD, _FAILURE),
)

MARK: Final = {each.name: each.marker for each in PLACES}


def job(image: str, **rollout: Any) -> dict[str, Any]:
    """A job with a marker in each place of its spec; its counters are those of its pods."""
    counters = {**COUNTERS, "path": f"/{MARK['metrics-path']}?token={MARK['metrics-query']}"}
    settings = {
        "strategy": "Rolling",
        "maxParallel": "100%",
        "healthCheck": {"interval": "5s", "deadline": "1m", "errorRate": {"podMetrics": counters}},
        **rollout,
    }
    return {
        "type": "container",
        "description": MARK["job-description"],
        "meta": {"owner": MARK["job-meta"]},
        "labels": {"team": MARK["job-label"]},
        "config": {"password": MARK["config-value"], MARK["config-key"]: 1},
        "template": {
            "metadata": {
                "annotations": {"note": MARK["template-annotation"]},
                "labels": {"note": MARK["template-label"]},
            },
            "spec": _pod(image),
        },
        "rollout": settings,
    }


def by_source(image: str) -> dict[str, Any]:
    """The same, with counters from a Prometheus."""
    prometheus = {
        "source": "fleet",
        "errorQuery": f'sum by (node) (last_over_time(e{{a="{MARK["error-query"]}"}}[$window]))',
        "totalQuery": f'sum by (node) (last_over_time(t{{a="{MARK["total-query"]}"}}[$window]))',
    }
    check = {"interval": "5s", "deadline": "1m", "errorRate": {"prometheus": prometheus}}
    return job(image, healthCheck=check)


def _pod(image: str) -> Document:
    main = {
        "name": "main",
        "image": image,
        "command": ["run", MARK["command"]],
        "args": ["--password", MARK["args"]],
        "env": [
            {"name": "PASSWORD", "value": MARK["env"]},
            {
                "name": "TOKEN",
                "valueFrom": {"secretKeyRef": {"name": "a", "key": MARK["secret-key-name"]}},
            },
        ],
        "envFrom": [{"secretRef": {"name": MARK["env-from"]}}],
        "readinessProbe": {
            "httpGet": {
                "port": 8080,
                "path": f"/ready?key={MARK['probe-query']}",
                "httpHeaders": [{"name": "Authorization", "value": MARK["probe-header"]}],
            }
        },
        "lifecycle": {"preStop": {"exec": {"command": ["stop", MARK["pre-stop"]]}}},
    }
    sidecar = {
        "name": "sidecar",
        "image": "sidecar:1",
        "args": [MARK["sidecar-args"]],
        "env": [{"name": "KEY", "value": MARK["sidecar-env"]}],
    }
    init = {
        "name": "init",
        "image": "init:1",
        "command": [MARK["init-command"]],
        "env": [{"name": "KEY", "value": MARK["init-env"]}],
    }
    return {
        "containers": [main, sidecar],
        "initContainers": [init],
        "volumes": [{"name": "s", "secret": {"secretName": MARK["secret-volume"]}}],
        "imagePullSecrets": [{"name": MARK["pull-secret-name"]}],
        "hostAliases": [{"ip": "127.0.0.1", "hostnames": [MARK["host-alias"]]}],
        "dnsConfig": {"searches": [MARK["dns-search"]]},
        "tolerations": [{"key": "k", "value": MARK["toleration"], "operator": "Equal"}],
    }
