"""The resources that the operator reads and writes, and their paths on the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from wavegate.api.names import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as the API server serves it; ``group`` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As objects spell it: ``GROUP/VERSION``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def collection(self, namespace: str | None = None) -> str:
        """Path to list, watch or create; of all namespaces where none is given."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        if namespace is None:
            return f"{root}/{self.plural}"
        if not self.namespaced:
            raise ValueError(f"{self.plural} have no namespace, and {namespace!r} was given")
        return f"{root}/namespaces/{quote(namespace, safe='')}/{self.plural}"

    def object(self, namespace: str | None, name: str) -> str:
        """Path of one object; ``namespace`` is None exactly for kinds that have none."""
        if self.namespaced and not namespace:
            raise ValueError(f"{self.plural} are in namespaces, and none was given for {name!r}")
        return f"{self.collection(namespace or None)}/{quote(name, safe='')}"

    def status(self, namespace: str | None, name: str) -> str:
        """Path of one object's status subresource."""
        return f"{self.object(namespace, name)}/status"


FLEET_JOBS: Final = Resource(GROUP, VERSION, "fleetjobs", "FleetJob")
JOB_VERSIONS: Final = Resource(GROUP, VERSION, "jobversions", "JobVersion")
FLEET_DEPLOYMENTS: Final = Resource(GROUP, VERSION, "fleetdeployments", "FleetDeployment")
EXECUTIONS: Final = Resource(GROUP, VERSION, "executions", "Execution")
HTTP_JOBS: Final = Resource(GROUP, VERSION, "httpjobs", "HTTPJob")
JOB_RUNS: Final = Resource(GROUP, VERSION, "jobruns", "JobRun")
RATE_LIMIT_POOLS: Final = Resource(GROUP, VERSION, "ratelimitpools", "RateLimitPool")
RUN_BATCHES: Final = Resource(GROUP, VERSION, "runbatches", "RunBatch")
PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
SERVICES: Final = Resource("", "v1", "services", "Service")
EVENTS: Final = Resource("events.k8s.io", "v1", "events", "Event")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")

BY_KIND: Final = {
    resource.kind: resource
    for resource in (
        FLEET_JOBS,
        JOB_VERSIONS,
        FLEET_DEPLOYMENTS,
        EXECUTIONS,
        HTTP_JOBS,
        JOB_RUNS,
        RATE_LIMIT_POOLS,
        RUN_BATCHES,
        PODS,
        NODES,
        CONFIG_MAPS,
        SERVICES,
        EVENTS,
        LEASES,
    )
}
