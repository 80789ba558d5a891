"""Changes of nodes by their administrator."""

from __future__ import annotations

from typing import Any

from support.space import Requests


class Nodes:
    """Changes of nodes, as kubectl label, cordon and taint make them."""

    def __init__(self, client: Requests) -> None:
        self._client = client

    def patch(self, name: str, change: dict[str, Any]) -> None:
        path = f"/api/v1/nodes/{name}"
        self._client.request("PATCH", path, change, content="application/merge-patch+json")

    def label(self, name: str, **labels: str | None) -> None:
        self.patch(name, {"metadata": {"labels": labels}})

    def cordon(self, name: str, on: bool = True) -> None:
        self.patch(name, {"spec": {"unschedulable": on or None}})

    def taint(self, name: str, effect: str | None) -> None:
        taints = [{"key": "example.com/away", "value": "", "effect": effect}] if effect else None
        self.patch(name, {"spec": {"taints": taints}})

    def go_down(self, name: str) -> None:
        self.patch(name, {"metadata": {"labels": {"wavelab.dev/fate": "not-ready"}}})

    def come_back(self, name: str) -> None:
        self.patch(name, {"metadata": {"labels": {"wavelab.dev/fate": None}}})
