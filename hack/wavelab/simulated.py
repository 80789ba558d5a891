"""Nodes that run nothing: Node objects that kwok keeps alive, and pods that only claim to run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from wavelab import binaries, credentials, fates
from wavelab.client import Client, Document
from wavelab.controlplane import ControlPlane
from wavelab.process import Processes
from wavelab.state import State

PROGRAM = "kwok"
SELECTOR = ("type", "kwok")

# kwok renews a lease after a quarter of its duration: every 6 s, within the node grace period.
LEASE_SECONDS = 24
_AT_ONCE = 32


class SimulatedNodes:
    """kwok and the nodes it looks after in one cluster."""

    def __init__(self, state: State, processes: Processes, plane: ControlPlane) -> None:
        self._state = state
        self._processes = processes
        self._plane = plane
        self._directory = state.directory / "simulated"

    def start(self) -> None:
        """Start kwok with the stages of fates.py and those added since; running is fine."""
        if self._processes.alive(PROGRAM):
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        extra = self._directory / "extra-stages.yaml"
        configuration = self._directory / "kwok.yaml"
        configuration.write_text(fates.configuration(extra.read_text() if extra.exists() else ""))
        kubeconfig = self._plane.write_kubeconfig(self._directory / "kubeconfig", credentials.KWOK)
        # Leases mean requests for ever, and only the lifecycle controller looks at them.
        lease = LEASE_SECONDS if self._state.nodes else 0
        self._processes.start(
            PROGRAM,
            [
                str(binaries.path_of("kwok")),
                f"--kubeconfig={kubeconfig}",
                f"--config={configuration}",
                "--manage-all-nodes=false",
                f"--manage-nodes-with-label-selector={'='.join(SELECTOR)}",
                f"--node-lease-duration-seconds={lease}",
                f"--cidr={self._state.network}.64.0/18",
                f"--node-ip={self._state.address(2)}",
            ],
            # kwok would read the user's own configuration from the home directory.
            environment={"HOME": str(self._directory), "KUBECONFIG": os.devnull},
        )

    def stop(self) -> None:
        """End kwok; its nodes and pods stay as they are."""
        self._processes.stop(PROGRAM, grace=2)

    def add_stages(self, yaml: str) -> None:
        """Add stages (YAML documents) to all others and restart kwok with them."""
        self._directory.mkdir(parents=True, exist_ok=True)
        extra = self._directory / "extra-stages.yaml"
        old = extra.read_text() if extra.exists() else ""
        extra.write_text(f"{old}\n---\n{yaml.strip()}\n" if old else f"{yaml.strip()}\n")
        self.stop()
        self.start()

    def add(self, names: Iterable[str], labels: Mapping[str, str]) -> None:
        """Create these nodes; they become Ready by themselves. An existing one is fine."""
        client = self._plane.client()
        self.start()
        _each(
            names,
            lambda name: client.create(
                "/api/v1/nodes", node_object(name, labels), existing_ok=True
            ),
        )

    def names(self) -> list[str]:
        """The simulated nodes that exist."""
        return node_names(self._plane.client(), simulated=True)

    def remove(self, names: Iterable[str]) -> None:
        """Delete these nodes; their pods go as on any cluster."""
        client = self._plane.client()
        _each(names, lambda name: client.delete(f"/api/v1/nodes/{name}"))


def simulated_name(index: int) -> str:
    """sim-001, sim-002, …"""
    return f"sim-{index:03d}"


def node_object(name: str, labels: Mapping[str, str]) -> Document:
    """The Node as it is created; kwok fills in the status."""
    key, value = SELECTOR
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                **labels,
                key: value,
            },
        },
    }


def node_names(client: Client, *, simulated: bool) -> list[str]:
    """Names of all simulated or all real nodes, sorted."""
    key, value = SELECTOR
    items = client.get("/api/v1/nodes")["items"]
    return sorted(
        item["metadata"]["name"]
        for item in items
        if (item["metadata"].get("labels", {}).get(key) == value) == simulated
    )


def _each(names: Iterable[str], work: Callable[[str], object]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(work, names))
