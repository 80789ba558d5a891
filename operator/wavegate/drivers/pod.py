"""The pod of an execution: driver's pod, user's template, and what a node-bound pod needs.

It is bound to its node as a DaemonSet's pod is: by required affinity to the node's name, so that
the scheduler still checks that it fits, and with the DaemonSet tolerations except that for
unschedulable, because a cordoned node gets nothing new (but what it was cordoned for). Reserved
labels and annotations, and the mount of the document, are ours whatever the template says.
"""

from __future__ import annotations

import math
from typing import Any, Final

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.names import (
    CONFIG_MOUNT_PATH,
    LABEL_DEPLOYMENT,
    LABEL_JOB,
    LABEL_VERSION,
    MAIN_CONTAINER,
    RESERVED_PREFIX,
    pod_name,
    version_name,
)
from wavegate.domain.observed import JobView, PlanSettings, VersionView
from wavegate.drivers.command import cordons
from wavegate.drivers.driver import driver_for
from wavegate.drivers.overlay import overlay

ANNOTATION_EXECUTION: Final = f"{RESERVED_PREFIX}execution"
"""Name of the Execution that the pod was made for."""

DOCUMENT_VOLUME: Final = "wavegate-document"

DAEMON_POD: Final = {"cluster-autoscaler.kubernetes.io/daemonset-pod": "true"}
_TAINT: Final = "node.kubernetes.io"
_TOLERATED: Final = (
    (f"{_TAINT}/not-ready", "NoExecute"),
    (f"{_TAINT}/unreachable", "NoExecute"),
    (f"{_TAINT}/disk-pressure", "NoSchedule"),
    (f"{_TAINT}/memory-pressure", "NoSchedule"),
    (f"{_TAINT}/pid-pressure", "NoSchedule"),
)
_TOLERATED_ON_HOST_NETWORK: Final = ((f"{_TAINT}/network-unavailable", "NoSchedule"),)
_CORDON: Final = ((f"{_TAINT}/unschedulable", "NoSchedule"),)
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def template_of(spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:
    """The pod of a version on any node: ``metadata`` and ``spec``, without name or node.

    ``image`` is the one that the version pinned. Targets are decided by its tolerations,
    nodeSelector and required node affinity.
    """
    pod = overlay(driver_for(spec.type).pod(spec, image, settings), spec.template or {})
    pod.setdefault("metadata", {})
    pod_spec = pod.setdefault("spec", {})
    pod_spec["restartPolicy"] = spec.restart_policy
    if spec.timeouts.execution:
        pod_spec["activeDeadlineSeconds"] = math.ceil(spec.timeouts.execution)
    _tolerate(pod_spec, _CORDON if cordons(spec) else ())
    for kind in ("initContainers", "containers"):
        for container in entries(pod_spec, kind):
            container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    return pod


def render_pod(
    *,
    job: JobView,
    version: VersionView,
    node: str,
    execution: str,
    deployment: str,
    settings: PlanSettings,
) -> dict[str, Any]:
    """The manifest of ``execution``'s pod on ``node``, without its owner reference.

    ``deployment`` is the FleetDeployment that wants it; empty where none does. ValueError if this
    release does not understand the version.
    """
    spec = version.spec
    if spec is None:
        raise ValueError(f"{version.name}: {version.invalid}")
    pod = template_of(spec, version.driver_image, settings)
    metadata, pod_spec = pod["metadata"], pod["spec"]
    ours = {LABEL_JOB: job.name, LABEL_VERSION: str(version.version)}
    if deployment:
        ours[LABEL_DEPLOYMENT] = deployment
    bind(pod_spec, node)
    if spec.config is not None:
        _mount_document(pod_spec, version_name(job.name, version.version))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "namespace": job.namespace,
            "name": pod_name(job.name, node),
            "labels": {**spec.labels, **_mapping(metadata, "labels"), **ours},
            "annotations": {
                **_mapping(metadata, "annotations"),
                **DAEMON_POD,
                ANNOTATION_EXECUTION: execution,
            },
        },
        "spec": pod_spec,
    }


def _tolerate(pod_spec: dict[str, Any], more: tuple[tuple[str, str], ...]) -> None:
    on_host_network = pod_spec.get("hostNetwork") is True
    tolerated = (*_TOLERATED, *more, *(_TOLERATED_ON_HOST_NETWORK if on_host_network else ()))
    wanted = [{"key": k, "operator": "Exists", "effect": effect} for k, effect in tolerated]
    present = pod_spec.get("tolerations", [])
    if isinstance(present, list):
        pod_spec["tolerations"] = present + [each for each in wanted if each not in present]


def bind(pod_spec: dict[str, Any], node: str) -> None:
    """Replace the required terms: they are OR-ed, so that a further one would widen them."""
    name = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = _mapping(pod_spec, "affinity")
    by_node = _mapping(affinity, "nodeAffinity")
    required = {"nodeSelectorTerms": [{"matchFields": [name]}]}
    pod_spec["affinity"] = {**affinity, "nodeAffinity": {**by_node, _REQUIRED: required}}


def _mount_document(pod_spec: dict[str, Any], config_map: str) -> None:
    volume = {"name": DOCUMENT_VOLUME, "configMap": {"name": config_map}}
    mount = {"name": DOCUMENT_VOLUME, "mountPath": CONFIG_MOUNT_PATH, "readOnly": True}
    main = {"name": MAIN_CONTAINER, "volumeMounts": [mount]}
    pod_spec.update(overlay(pod_spec, {"volumes": [volume], "containers": [main]}))


def entries(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = parent.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _mapping(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
