"""Objects in a job's namespace that look like the job's and are nobody's: none is to be touched."""

from __future__ import annotations

from typing import Any, Final

from support.space import GROUP, Document, Space, is_ready
from wavegate.api.names import API_VERSION

ELSEWHERE: Final = "sim-005"
"""A node that the job is not for: there the stranger is in nobody's way."""

_NAME: Final = "stranger"
_LABELS: Final = {"wavegate.dev/job": "app", "wavegate.dev/version": "1"}
_OF_ANOTHER: Final = {**_LABELS, "wavegate.dev/job": "another"}
"""Of the pod: one that looks like the job's own is reported wherever it is."""

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_HASH: Final = f"h1:{'0' * 64}"
_POD: Final[dict[str, Any]] = {
    "nodeName": ELSEWHERE,
    "containers": [{"name": "main", "image": "app:1"}],
}
_EXECUTION: Final[dict[str, Any]] = {
    "jobId": _NOBODY,
    "jobName": "app",
    "jobType": "container",
    "jobVersion": 1,
    "nodeName": ELSEWHERE,
    "nodeUid": _NOBODY,
    "rolloutWave": 1,
    "attempt": 9,
    "workloadHash": _HASH,
}
_VERSION: Final[dict[str, Any]] = {
    "jobId": _NOBODY,
    "version": 9,
    "jobSpec": {},
    "workloadHash": _HASH,
}


class Strangers:
    """Makes them, and sees whether they are as they were."""

    def __init__(self, space: Space) -> None:
        self._space = space
        base = f"/api/v1/namespaces/{space.name}"
        ours = f"{GROUP}/namespaces/{space.name}"
        self._paths = {
            f"{base}/pods": {"apiVersion": "v1", "kind": "Pod", "spec": _POD},
            f"{base}/configmaps": {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}},
            f"{ours}/executions": {
                "apiVersion": API_VERSION,
                "kind": "Execution",
                "spec": _EXECUTION,
            },
            f"{ours}/jobversions": {
                "apiVersion": API_VERSION,
                "kind": "JobVersion",
                "spec": _VERSION,
            },
        }
        for path, body in self._paths.items():
            labels = _OF_ANOTHER if body["kind"] == "Pod" else _LABELS
            metadata = {"name": _NAME, "labels": labels}
            space.client.request("POST", path, {**body, "metadata": metadata})
        space.wait("the stranger's pod runs", lambda: is_ready(self._read(f"{base}/pods")))
        self._before = {path: self._read(path) for path in self._paths}

    def has(self, document: Document) -> bool:
        return bool(document["metadata"]["name"] == _NAME)

    def touched(self) -> list[str]:
        """Those that are not as they were, at the least revision."""
        return [
            f"{document['kind']}: {now.get('metadata')}"
            for path, document in self._before.items()
            if (now := self._read(path)) != document
        ]

    def leftovers(self) -> list[str]:
        """ConfigMaps of any job's that are there."""
        path = f"/api/v1/namespaces/{self._space.name}/configmaps"
        names = [each["metadata"]["name"] for each in self._space.client.get(path)["items"]]
        return [each for each in names if each not in (_NAME, "kube-root-ca.crt")]

    def _read(self, path: str) -> Document:
        found = self._space.client.get(path).get("items", [])
        return next((each for each in found if self.has(each)), {"metadata": {}})
