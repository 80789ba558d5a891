"""The pod that pulls a version's images to a node before its turn, and holds them there.

It has a container for each image, with a command that no image has: the kubelet pulls an image
before it starts anything, so that the pod ends where the work of another would begin, and an image
that a pod's container was made of is not removed from a node to make room. Everything by which an
image is found and may be pulled is as in the version's own pod; nothing else of that is: no
volumes, ports, probes or environment, no labels by which a Service or a policy would know it, the
least that can be asked of a node, and what the restricted Pod Security Standard wants.

Images of volumes are left to the node's turn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from wavegate.api.names import LABEL_PULL, pull_name
from wavegate.domain.observed import JobView, VersionView
from wavegate.drivers.pod import DAEMON_POD, bind, entries

COMMAND: Final = "/wavegate-pull"

_ALIKE: Final = ("imagePullSecrets", "serviceAccountName", "runtimeClassName", "tolerations")
"""Fields of the version's pod that say who may pull, what for and where."""

_LIMITED: Final = ("cpu", "memory")
_USER: Final = 65532


def images(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Containers of a pod by the image that they run, the first of each."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("initContainers", "containers"):
        for container in entries(template["spec"], kind):
            found.setdefault(str(container.get("image")), container)
    return found


def missing(template: Mapping[str, Any], there: Collection[str]) -> dict[str, dict[str, Any]]:
    """Those that a kubelet may have to pull where the images ``there`` are in use."""
    return {
        image: container
        for image, container in images(template).items()
        if _policy(image, container) == "Always"
        or (image not in there and _policy(image, container) != "Never")
    }


def _policy(image: str, container: Mapping[str, Any]) -> str:
    """When its image is pulled, with the API server's default."""
    tag = image.rpartition("/")[2].partition(":")[2]
    default = "Always" if "@" not in image and tag in ("", "latest") else "IfNotPresent"
    return str(container.get("imagePullPolicy") or default)


def render_pull(
    job: JobView,
    version: VersionView,
    node: str,
    template: Mapping[str, Any],
    wanted: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The manifest of a pod that pulls the images ``wanted``, without its owner reference.

    ``template``: the version's pod on any node.
    """
    pod_spec = {
        **{field: template["spec"][field] for field in _ALIKE if field in template["spec"]},
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            _container(f"pull-{number}", image, container)
            for number, (image, container) in enumerate(wanted.items())
        ],
    }
    bind(pod_spec, node)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": job.namespace,
            "name": pull_name(job.name, node, version.version),
            "labels": {LABEL_PULL: job.name},
            "annotations": dict(DAEMON_POD),
        },
        "spec": pod_spec,
    }


def _container(name: str, image: str, like: Mapping[str, Any]) -> dict[str, Any]:
    """Limits are the same where there are any: a quota may ask for them."""
    given = (like.get("resources") or {}).get("limits") or {}
    limits = {kind: given[kind] for kind in _LIMITED if kind in given}
    policy = like.get("imagePullPolicy")
    return {
        "name": name,
        "image": image,
        **({"imagePullPolicy": policy} if policy else {}),
        "command": [COMMAND],
        "resources": {
            "requests": {"cpu": "1m", "memory": "1Mi"},
            **({"limits": limits} if limits else {}),
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
