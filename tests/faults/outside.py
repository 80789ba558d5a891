"""What befalls nodes and children at a write: not the operator's doing, and not done to it.

N1 takes the node that the write is about away, for a while or for good; X1 is a third party that
meddles with the object that was just written. After these a rollout may rightly end elsewhere than
without them: `run.explained` says where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wavegate.api.names import LABEL_JOB, execution_name, pod_name
from wavegate.kube.errors import ApiError
from wavegate.kube.transport import MERGE_PATCH
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.rights import Administrator
from wavegate.simulation.server import parse
from wavegate.simulation.transport import Request

if TYPE_CHECKING:
    from faults.watched import Watched
    from wavegate.simulation.cluster import SimulatedCluster

STRANGER = Administrator("stranger")
AWAY: Final = 40.0
"""Seconds after which what was taken away comes back."""

_JOB: Final = "app"


class Outside:
    """Nodes and third parties of one run."""

    def __init__(self, cluster: SimulatedCluster, watched: Watched) -> None:
        self._cluster = cluster
        self._watched = watched

    # N1

    def node_of(self, request: Request) -> str:
        """The node that a write is about, if it is still there; else empty."""
        target = parse(request.path)
        if request.method == "POST" and target.kind.resource.plural == "executions":
            name = request.body["spec"]["nodeName"]
            return name if self._cluster.fleet.node(name) is not None else ""
        found = target.name or request.body["metadata"].get("name", "")
        for key, _ in self._cluster.server.store.items(SERVED["Node"]):
            own = execution_name(_JOB, key[1], 1).removesuffix("1")
            if found == pod_name(_JOB, key[1]) or found.startswith(own):
                return key[1]
        return ""

    def remove(self, node: str) -> None:
        self._disturb(node)
        self._cluster.fleet.remove(node)

    def replace(self, node: str) -> None:
        """It goes, and another machine of its name comes."""
        self.remove(node)
        self._cluster.later(AWAY, lambda: self._cluster.fleet.add(node))

    def lose(self, node: str) -> None:
        """NotReady, for a while."""
        self._for_a_while(node, lambda back: self._cluster.fleet.set_ready(node, back))

    def cordon(self, node: str) -> None:
        self._for_a_while(node, lambda back: self._cluster.fleet.cordon(node, not back))

    def relabel(self, node: str) -> None:
        """Out of the job's selector, for a while."""
        self._for_a_while(
            node, lambda back: self._cluster.fleet.label(node, pool="edge" if back else "other")
        )

    def _for_a_while(self, node: str, change: Callable[[bool], None]) -> None:
        def come_back() -> None:
            self._disturb(node)
            change(True)

        self._disturb(node)
        change(False)
        self._cluster.later(AWAY, come_back)

    def _disturb(self, node: str) -> None:
        self._watched.disturb(node)

    # X1

    def delete(self, path: str) -> None:
        self._watched.meddle()
        self._cluster.server.request(STRANGER, "DELETE", path)

    def label(self, path: str) -> None:
        self._patch(path, {"labels": {"third": "party"}, "annotations": {"third": "party"}})

    def unlabel(self, path: str) -> None:
        """It loses the label by which pods are watched, for a while."""
        self._patch(path, {"labels": {LABEL_JOB: None}})
        self._later(path, {"labels": {LABEL_JOB: _JOB}})

    def hold(self, path: str) -> None:
        """A finalizer keeps it from going, for a while."""
        self._patch(path, {"finalizers": ["third.example/party"]})
        self._later(path, {"finalizers": None})

    def _later(self, path: str, metadata: dict[str, Any]) -> None:
        def undo() -> None:
            try:
                self._patch(path, metadata)
            except ApiError:
                return  # it is gone

        self._cluster.later(AWAY, undo)

    def _patch(self, path: str, metadata: dict[str, Any]) -> None:
        body = {"metadata": metadata}
        self._cluster.server.request(STRANGER, "PATCH", path, body=body, content_type=MERGE_PATCH)


AT_NODE: dict[str, Callable[[Outside, str], None]] = {
    "N1-gone": Outside.remove,
    "N1-replaced": Outside.replace,
    "N1-notready": Outside.lose,
    "N1-cordoned": Outside.cordon,
    "N1-relabelled": Outside.relabel,
}
"""Before the write is applied, to the node that it is about."""

AT_CHILD: dict[str, Callable[[Outside, str], None]] = {
    "X1-deleted": Outside.delete,
    "X1-labelled": Outside.label,
    "X1-unlabelled": Outside.unlabel,
    "X1-held": Outside.hold,
}
"""After the write, to the object of that path."""
