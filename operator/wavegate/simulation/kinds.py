"""The kinds that the simulated API server serves: those that the operator reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from wavegate.api.crds import KINDS, crd
from wavegate.api.kind import Kind as CustomKind
from wavegate.kube.resources import (
    BY_KIND,
    CONFIG_MAPS,
    EVENTS,
    FLEET_JOBS,
    LEASES,
    NODES,
    PODS,
    SECRETS,
    SERVICES,
    Resource,
)
from wavegate.simulation.schema import Schema

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


@dataclass(frozen=True)
class Kind:
    """One kind and how the server treats it."""

    resource: Resource
    schema: Schema | None = None
    """None: what is sent is kept as it is; the kinds that Kubernetes itself brings."""
    status: bool = False
    """Whether status is a subresource of its own."""
    status_at_birth: bool = False
    """Whether a status that is sent with a create is kept all the same, as that of Nodes."""
    returned_when_deleted: bool = True
    """Whether the answer to a delete is the object; of custom resources it is a Status."""
    blind_updates: bool = False
    """Whether an update may leave resourceVersion out."""

    @property
    def custom(self) -> bool:
        """Whether a CRD defines it."""
        return self.schema is not None


def _raw(kind: CustomKind) -> dict[str, Any]:
    return dict(crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def _custom_kinds() -> dict[str, Kind]:
    found = {}
    for each in KINDS:
        raw = _raw(each)
        schema = Schema({**raw, "properties": {**raw["properties"], "metadata": _METADATA}})
        found[each.kind] = Kind(
            BY_KIND[each.kind], schema, status=each.status is not None, returned_when_deleted=False
        )
    return found


_METADATA: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""The server checks metadata by itself."""

SERVED: Final[dict[str, Kind]] = {
    **_custom_kinds(),
    PODS.kind: Kind(PODS, status=True, blind_updates=True),
    NODES.kind: Kind(NODES, status=True, status_at_birth=True, blind_updates=True),
    CONFIG_MAPS.kind: Kind(CONFIG_MAPS, blind_updates=True),
    SECRETS.kind: Kind(SECRETS, blind_updates=True),
    SERVICES.kind: Kind(SERVICES, blind_updates=True),
    EVENTS.kind: Kind(EVENTS, blind_updates=True),
    LEASES.kind: Kind(LEASES),
    NAMESPACES.kind: Kind(NAMESPACES, blind_updates=True),
}
"""By kind."""

BY_PATH: Final = {
    (kind.resource.group, kind.resource.version, kind.resource.plural): kind
    for kind in SERVED.values()
}

GROUP: Final = FLEET_JOBS.group

PUBLISHED: Final = {
    each.kind: {
        **_raw(each),
        "x-kubernetes-group-version-kind": [
            {"group": GROUP, "version": FLEET_JOBS.version, "kind": each.kind}
        ],
    }
    for each in KINDS
}
"""The OpenAPI schemas of our kinds, by names that mean nothing."""
