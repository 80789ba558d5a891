"""The cluster and the operator that all tests on the real API server have in common."""

from __future__ import annotations

from integration.conftest import cluster, cluster_client, operator, shared_operator

__all__ = ["cluster", "cluster_client", "operator", "shared_operator"]
