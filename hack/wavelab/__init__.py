"""wavelab: a real Kubernetes cluster on one machine, without a container engine."""

from wavelab.cluster import Cluster
from wavelab.errors import RefusedError, WavelabError

__all__ = ["Cluster", "RefusedError", "WavelabError"]
