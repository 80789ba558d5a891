"""Cordons: the only writes to nodes, each on a live read and refused if the node has moved on.

They need a right that the operator has only where the administrator gave it (``MANIFEST``).
"""

from __future__ import annotations

from typing import Any, Final

from wavegate.api.conditions import Reasons
from wavegate.api.names import ANNOTATION_CORDONED_BY
from wavegate.cache.cluster import ClusterCache
from wavegate.domain.actions import CordonNode, UncordonNode
from wavegate.domain.observed import Cordon
from wavegate.engine.client import Client
from wavegate.engine.outcomes import Done, LookAgain, Outcome, Refused
from wavegate.kube.errors import Forbidden
from wavegate.kube.resources import NODES

MANIFEST: Final = "manifests/optional/cordon.yaml"


async def cordon(client: Client, cache: ClusterCache, action: CordonNode) -> Outcome:
    """Close the node, unless somebody else has. Raises what the client raises."""
    node = await client.get(NODES, None, action.node)
    cache.assume(NODES.kind, node)
    if node["metadata"]["uid"] != action.node_uid:
        return LookAgain(f"node {action.node} is another one now")
    by = _cordoned_by(node)
    if by == action.by:
        return Done()
    closed = (node.get("spec") or {}).get("unschedulable") is True
    if closed and (by is None or by.job_uid != action.by.job_uid):
        return LookAgain(f"node {action.node} is cordoned by somebody else")
    try:
        return await _patch(client, cache, node, action.by.text, closed=True)
    except Forbidden:
        return Refused(
            Reasons.CORDON_FORBIDDEN,
            f"the operator may not cordon nodes: have the administrator apply {MANIFEST}, or set"
            " spec.config.cordon to false",
        )


async def uncordon(client: Client, cache: ClusterCache, action: UncordonNode) -> Outcome:
    """Open the node, if it is still that cordon. Raises what the client raises."""
    node = await client.get(NODES, None, action.node)
    cache.assume(NODES.kind, node)
    if _cordoned_by(node) != action.by:
        return LookAgain(f"node {action.node} is not cordoned for {action.by.execution} any more")
    try:
        return await _patch(client, cache, node, None, closed=False)
    except Forbidden:
        return Refused(
            Reasons.CORDON_FORBIDDEN,
            f"the operator may no longer open node {action.node}, which it has cordoned: have the"
            f" administrator apply {MANIFEST}, or run kubectl uncordon {action.node}",
        )


async def _patch(
    client: Client, cache: ClusterCache, node: dict[str, Any], by: str | None, *, closed: bool
) -> Outcome:
    metadata = node["metadata"]
    change = {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "annotations": {ANNOTATION_CORDONED_BY: by},
        },
        "spec": {"unschedulable": closed or None},
    }
    cache.assume(NODES.kind, await client.patch(NODES, metadata["name"], change))
    return Done()


def _cordoned_by(node: dict[str, Any]) -> Cordon | None:
    return Cordon.parse((node["metadata"].get("annotations") or {}).get(ANNOTATION_CORDONED_BY))
