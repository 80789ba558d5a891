"""The public face: one cluster by name, brought up, used, and taken down."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavelab import binaries, credentials, machine, network, teardown
from wavelab import state as states
from wavelab.client import ApiError, Client
from wavelab.controlplane import ControlPlane
from wavelab.errors import RefusedError, WavelabError
from wavelab.nodes import RealNodes
from wavelab.process import Processes, is_alive
from wavelab.prometheus import Prometheus
from wavelab.registry import Registry
from wavelab.simulated import SimulatedNodes, node_names, simulated_name
from wavelab.state import State

Progress = Callable[[str], None]
READY_SECONDS = 180.0


def _silent(_: str) -> None:
    """The default progress: none."""


@dataclass(frozen=True)
class _Parts:
    state: State
    processes: Processes
    plane: ControlPlane
    simulated: SimulatedNodes
    real: RealNodes


def _parts(state: State) -> _Parts:
    processes = Processes(state.directory, state.instance)
    plane = ControlPlane(state, processes)
    return _Parts(
        state,
        processes,
        plane,
        SimulatedNodes(state, processes, plane),
        RealNodes(state, processes, plane),
    )


class Cluster:
    """A cluster by name, whether it exists yet or not. Methods raise WavelabError."""

    def __init__(self, name: str = "dev") -> None:
        self.name = states.check_name(name)

    def up(
        self,
        nodes: int = 0,
        simulated: int = 0,
        progress: Progress = _silent,
        *,
        labels: Mapping[str, str] | None = None,
        audit: bool = True,
        client_rate: int = states.CLIENT_RATE,
    ) -> None:
        """Make the cluster run with this many real nodes and simulated ones, all Ready.

        A healthy cluster is reused and brought to the numbers; anything else of that name is
        removed first. `labels` go on every node made now. `audit` writes the audit log;
        `client_rate` is as of `set_client_rate`. Both count when the cluster is made.
        Raises RefusedError when another cluster has the machine's real nodes.
        """
        if not 0 <= nodes <= credentials.MAX_NODES:
            raise RefusedError(f"real nodes: 0 to {credentials.MAX_NODES}, not {nodes}")
        if simulated < 0:
            raise RefusedError(f"simulated nodes: 0 or more, not {simulated}")
        if nodes:
            machine.check_root()
            self._remove_dead(progress)
            self._refuse_second(nodes)
            machine.install(progress)
        needed = (*binaries.CONTROL_PLANE, *binaries.SIMULATED)
        binaries.ensure((*needed, *binaries.REAL_NODES) if nodes else needed, progress)
        with states.cluster_lock(self.name):
            parts = self._reusable(progress)
            if parts is None:
                parts = self._create(nodes, audit=audit, client_rate=client_rate)
                progress(f"starting the control plane at {parts.state.server}")
                parts.real.prepare(nodes, progress)
                parts.plane.start()
            self._resize(parts, nodes, simulated, labels or {}, progress)
            parts.state.phase = states.RUNNING
            parts.state.save()
        progress(f"cluster {self.name} is up: export KUBECONFIG={self.kubeconfig}")

    def down(self, progress: Progress = _silent) -> bool:
        """Remove every trace of the cluster; returns whether there was one."""
        with states.cluster_lock(self.name):
            state = states.load(self.name)
            if state is None:
                return False
            progress(f"removing cluster {self.name}")
            teardown.remove_cluster(state)
            return True

    def status(self) -> dict[str, Any]:
        """What is there: state `absent`, `running` or `broken`, then server, nodes, processes."""
        state = states.load(self.name)
        if state is None:
            return {"name": self.name, "state": "absent"}
        parts = _parts(state)
        healthy = _healthy(parts)
        return {
            "name": self.name,
            "state": "running" if healthy else "broken",
            "server": state.server,
            "kubeconfig": str(parts.plane.admin_kubeconfig),
            "directory": str(state.directory),
            "nodes": [_node_status(n) for n in _nodes(parts.plane.client())] if healthy else [],
            "processes": {name: parts.processes.alive(name) for name in parts.processes.names()},
        }

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig file."""
        return states.state_root() / self.name / "kubeconfig"

    @property
    def nodes(self) -> list[str]:
        """Names of all nodes, real and simulated."""
        return [item["metadata"]["name"] for item in _nodes(self._open().plane.client())]

    def client(self) -> Client:
        """The administrator's requests to the API server."""
        return self._open().plane.client()

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002
        """Run kubectl as administrator; returns its standard output.

        With `check`, a failing kubectl raises WavelabError with what it said.
        """
        parts = self._open()
        result = subprocess.run(
            [str(binaries.path_of("kubectl")), *args],
            env={**os.environ, "KUBECONFIG": str(parts.plane.admin_kubeconfig)},
            check=False,
            capture_output=True,
            text=True,
            input=input,
        )
        if check and result.returncode != 0:
            raise WavelabError(f"kubectl {' '.join(args)} failed: {result.stderr.strip()}")
        return result.stdout

    def service_account_kubeconfig(
        self, namespace: str, name: str, duration: int = 24 * 3600
    ) -> Path:
        """A kubeconfig with a fresh token of this ServiceAccount, valid for `duration` seconds.

        The account has exactly the rights that RBAC gives it.
        """
        parts = self._open()
        answer = parts.plane.client().request(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": duration},
            },
        )
        target = parts.state.directory / "service-accounts" / f"{namespace}.{name}.kubeconfig"
        secret = str(answer["status"]["token"])
        return parts.plane.write_kubeconfig(
            target, f"{namespace}:{name}", secret=secret, namespace=namespace
        )

    def audit_events(self) -> Iterator[dict[str, Any]]:
        """Every request the server has answered so far, as audit.k8s.io/v1 events, oldest first.

        Metadata level: user, verb, objectRef, responseStatus, times. Empty without audit.
        """
        log = self._open().state.directory / "audit.log"
        if not log.exists():
            return
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                # The last line may be half written.
                if line.endswith("\n"):
                    yield json.loads(line)

    def set_client_rate(self, rate: int) -> None:
        """Restart controllers and scheduler with a limit of `rate` requests a second.

        Their burst is twice that. 0: the limits that they have by themselves, as shipped.
        """
        with states.cluster_lock(self.name):
            parts = self._open()
            parts.state.client_rate = rate
            parts.state.save()
            parts.plane.restart_controllers()

    def pids(self) -> dict[str, int]:
        """Process ids of the programs that run, by name."""
        processes = self._open().processes
        found = {name: processes.identity(name) for name in processes.names()}
        return {name: each.pid for name, each in found.items() if each and is_alive(each)}

    # -- nodes -----------------------------------------------------------------------------------

    def add_simulated(self, names: Iterable[str], labels: Mapping[str, str] | None = None) -> None:
        """Add simulated nodes and wait until they are Ready (those meant to be)."""
        wanted = list(names)
        with states.cluster_lock(self.name):
            parts = self._open()
            parts.simulated.add(wanted, labels or {})
            if (labels or {}).get("wavelab.dev/fate") != "not-ready":
                _wait_ready(parts, wanted)

    def remove_node(self, name: str) -> None:
        """Delete a node: a real one's kubelet, containers and all, a simulated one's object."""
        with states.cluster_lock(self.name):
            parts = self._open()
            if name in parts.state.nodes:
                parts.real.remove(name)
            parts.simulated.remove([name])

    def apply_stages(self, yaml: str) -> None:
        """Add kwok stages (YAML documents of kind Stage) to those of fates.py; kwok restarts."""
        with states.cluster_lock(self.name):
            self._open().simulated.add_stages(yaml)

    def stop_kubelet(self, node: str) -> None:
        """Kill a real node's kubelet (SIGKILL); its containers go on, as on a lost machine."""
        with states.cluster_lock(self.name):
            self._open().real.stop_kubelet(node)

    def start_kubelet(self, node: str) -> None:
        """Start a real node's kubelet again; a running one is fine."""
        with states.cluster_lock(self.name):
            self._open().real.start_kubelet(node)

    def load_image(self, tar: Path) -> None:
        """Import an OCI layout tar into every real node; pods use it with imagePullPolicy Never."""
        self._open().real.load_image(Path(tar))

    def push_image(self, tar: Path, progress: Progress = _silent) -> str:
        """Put an OCI layout tar into the registry; returns the name by which real nodes pull it.

        The first one builds and starts the registry, which ends with the cluster.
        """
        binaries.ensure(binaries.REGISTRY, progress)
        with states.cluster_lock(self.name):
            registry = self._registry()
            registry.start()
            return registry.push(tar)

    def limit_registry(self, rate: str) -> None:
        """Let the registry's link carry `rate` at most, as tc has it: `80mbit`."""
        with states.cluster_lock(self.name):
            self._registry().limit(rate)

    def start_prometheus(self, config: Mapping[str, Any]) -> str:
        """Run Debian's Prometheus on loopback with this configuration; returns its address.

        Started again, it has the same address and its data. It ends with the cluster.
        """
        with states.cluster_lock(self.name):
            parts = self._open()
            return Prometheus(parts.state, parts.processes).start(config)

    def stop_prometheus(self) -> None:
        """Kill it (SIGKILL)."""
        with states.cluster_lock(self.name):
            parts = self._open()
            Prometheus(parts.state, parts.processes).stop()

    # -- inside ----------------------------------------------------------------------------------

    def _registry(self) -> Registry:
        parts = self._open()
        return Registry(parts.state, parts.processes)

    def _open(self) -> _Parts:
        state = states.load(self.name)
        if state is None:
            raise RefusedError(f"no cluster {self.name}: `wavelab up --name {self.name}` makes one")
        return _parts(state)

    def _reusable(self, progress: Progress) -> _Parts | None:
        """The running cluster; None, and nothing left of it, when it is not whole."""
        state = states.load(self.name)
        if state is None:
            return None
        parts = _parts(state)
        if _healthy(parts):
            progress(f"cluster {self.name} is running: reusing it")
            return parts
        progress(f"cluster {self.name} is not whole: removing it and starting anew")
        teardown.remove_cluster(state)
        return None

    def _remove_dead(self, progress: Progress) -> None:
        """Clear what is left of clusters with real nodes of which no program runs any more.

        A machine that was switched off, or whose processes were all killed, has only files left of
        them; those must not keep the machine's nodes from the next cluster.
        """
        for other in states.all_states():
            if not other.nodes or other.name == self.name:
                continue
            with suppress(RefusedError), states.cluster_lock(other.name, busy="in use"):
                left = states.load(other.name)
                if left is not None and not _parts(left).processes.running():
                    progress(f"nothing of cluster {other.name} runs: removing what is left of it")
                    teardown.remove_cluster(left)

    def _refuse_second(self, nodes: int) -> None:
        if not nodes:
            return
        for other in states.all_states():
            if other.nodes and other.name != self.name:
                raise RefusedError(
                    f"cluster {other.name} has the real nodes of this machine, and only one can: "
                    f"`wavelab down --name {other.name}` first"
                )
        mine = states.load(self.name)
        if (mine is None or not mine.firewall) and (chains := network.kube_chains_now()):
            raise RefusedError(
                f"this machine has firewall chains of another Kubernetes ({chains[0]}, …): "
                "real nodes would mix with it"
            )

    def _create(self, nodes: int, *, audit: bool, client_rate: int) -> _Parts:
        """Choose ports and network, and write them down with the claim to real nodes."""
        with states.machine_lock():
            self._refuse_second(nodes)
            others = states.all_states()
            state = State(self.name, audit=audit, client_rate=client_rate)
            taken = [
                port for s in others for port in (s.api_port, s.etcd_client_port, s.etcd_peer_port)
            ]
            state.api_port, state.etcd_client_port, state.etcd_peer_port = network.free_ports(
                3, taken
            )
            state.network = network.free_network(
                network.networks_in_use(), [s.network for s in others]
            )
            if nodes:
                RealNodes.claim(state, nodes)
            state.save()
        return _parts(state)

    def _resize(
        self,
        parts: _Parts,
        nodes: int,
        simulated: int,
        labels: Mapping[str, str],
        progress: Progress,
    ) -> None:
        state = parts.state
        if state.phase == states.RUNNING:
            state.phase = states.CHANGING
            state.save()
        if nodes and state.api_address == "127.0.0.1":
            progress("restarting the control plane where pods can reach it")
            with states.machine_lock():
                self._refuse_second(nodes)
                RealNodes.claim(state, nodes)
                state.save()
            parts.simulated.stop()
            parts.real.prepare(nodes, progress)
            parts.plane.restart()
        if nodes:
            parts.real.bring_to(nodes, labels, progress)
        elif state.nodes:
            parts.real.bring_to(0, labels, progress)
        existing = set(node_names(parts.plane.client(), simulated=True))
        wanted = [simulated_name(index) for index in range(1, simulated + 1)]
        if wanted:
            progress(f"{simulated} simulated nodes")
        if wanted or existing:
            parts.simulated.start()
        parts.simulated.add([name for name in wanted if name not in existing], labels)
        parts.simulated.remove(existing - set(wanted))
        real = [name for name in state.nodes if name not in state.stopped_kubelets]
        _wait_ready(parts, [*real, *wanted])


def _healthy(parts: _Parts) -> bool:
    return parts.state.phase == states.RUNNING and parts.plane.healthy() and parts.real.healthy()


def _nodes(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/api/v1/nodes")["items"]
    return items


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _node_status(node: dict[str, Any]) -> dict[str, Any]:
    labels = node["metadata"].get("labels", {})
    return {
        "name": node["metadata"]["name"],
        "kind": "simulated" if labels.get("type") == "kwok" else "real",
        "ready": _is_ready(node),
    }


def _wait_ready(parts: _Parts, names: Iterable[str]) -> None:
    """Wait until all these nodes are Ready; raises WavelabError naming those that are not."""
    client = parts.plane.client()
    wanted = set(names)
    deadline = time.monotonic() + READY_SECONDS
    while wanted:
        try:
            found = {n["metadata"]["name"]: n for n in _nodes(client)}
        except ApiError:
            found = {}
        # A taint outlives the condition by a moment, and pods without tolerations wait for it.
        wanted = {n for n in wanted if n not in found or not _usable(found[n])}
        if wanted and time.monotonic() > deadline:
            some = ", ".join(sorted(wanted)[:5])
            words = "\n".join(
                f"{p}: {parts.processes.last_words(p, 3)}"
                for p in parts.processes.names()
                if p.startswith(("kubelet", "containerd", "kwok"))
            )
            raise WavelabError(f"nodes not Ready after {READY_SECONDS:.0f} s: {some}\n{words}")
        if wanted:
            time.sleep(0.2)


def _usable(node: dict[str, Any]) -> bool:
    taints = node.get("spec", {}).get("taints") or []
    return _is_ready(node) and not any(t["key"].endswith("not-ready") for t in taints)
