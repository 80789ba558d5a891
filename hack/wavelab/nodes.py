"""Nodes that run everything: a kubelet and a containerd each, and one kube-proxy for all."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wavelab import binaries, credentials, images, machine, network, nodeconfig, teardown
from wavelab.controlplane import ControlPlane
from wavelab.errors import RefusedError, WavelabError
from wavelab.process import Processes, end
from wavelab.state import State

Progress = Callable[[str], None]

PROXY = "kube-proxy"
FORWARDING = "/proc/sys/net/ipv4/ip_forward"
# Made by kubelets, shims and CNI plugins wherever we tell them to put things.
_OUTSIDE = (
    "/run/containerd",
    "/run/containerd/s",
    "/var/log/containers",
    "/var/lib/cni",
    "/var/lib/cni/results",
    "/var/lib/kubelet",
    "/var/lib/kubelet/device-plugins",
)
# Each kubelet takes this one away and makes its own; no flag puts it elsewhere.
_DEVICE_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
_DEVICE_SOCKET_SECONDS = 60


class RealNodes:
    """The real nodes of one cluster."""

    def __init__(self, state: State, processes: Processes, plane: ControlPlane) -> None:
        self._state = state
        self._processes = processes
        self._plane = plane
        self._device_socket = threading.Lock()

    @staticmethod
    def claim(state: State, count: int) -> None:
        """Write into the state all that real nodes will leave on the machine; saved by the caller.

        From then on the cluster is the one that has real nodes, and `down` knows what to undo.
        """
        state.nodes = {credentials.node_name(i): i for i in range(1, count + 1)}
        state.api_address = state.address(1)
        state.bridges = [network.bridge_name(state.instance, "n")] + [
            network.bridge_name(state.instance, f"p{index}")
            for index in range(1, credentials.MAX_NODES + 1)
        ]
        state.firewall = True
        state.kernel_settings = {FORWARDING: Path(FORWARDING).read_text()}
        state.made_directories = [path for path in _OUTSIDE if not Path(path).exists()]

    def prepare(self, count: int, progress: Progress) -> None:
        """Make the bridge that API server and nodes have their addresses on."""
        if not count:
            return
        progress(f"cgroup v{machine.cgroup_version()} found")
        bridge = network.bridge_name(self._state.instance, "n")
        network.add_bridge(bridge)
        network.add_address(bridge, f"{self._state.address(1)}/24")
        for index in range(1, credentials.MAX_NODES + 1):
            network.add_address(bridge, f"{nodeconfig.node_address(self._state, index)}/24")
        Path(FORWARDING).write_text("1\n")

    def bring_to(self, count: int, labels: Mapping[str, str], progress: Progress) -> None:
        """Start and stop nodes until there are `count`, each with the stock images loaded."""
        wanted = {credentials.node_name(i): i for i in range(1, count + 1)}
        for name in [name for name in self._state.nodes if name not in wanted]:
            progress(f"removing {name}")
            self.remove(name)
            self._plane.client().delete(f"/api/v1/nodes/{name}")
        new = [name for name in wanted if not self._processes.alive(f"containerd-{name}")]
        self._state.nodes.update(wanted)
        self._state.save()
        if new:
            progress(f"starting {', '.join(new)}")
            tars = images.stock_images()
            with ThreadPoolExecutor(len(new)) as pool:
                list(pool.map(lambda name: self._start(name, labels, tars), new))
        if wanted and not self._processes.alive(PROXY):
            self._start_proxy()

    def healthy(self) -> bool:
        """Whether everything that should run on the nodes does."""
        state = self._state
        expected = [f"containerd-{name}" for name in state.nodes]
        expected += [f"kubelet-{n}" for n in state.nodes if n not in state.stopped_kubelets]
        if state.nodes:
            expected.append(PROXY)
        return all(self._processes.alive(program) for program in expected)

    def stop_kubelet(self, name: str) -> None:
        """Kill the node's kubelet, and remember that it is meant to be down."""
        self._check(name)
        if name not in self._state.stopped_kubelets:
            self._state.stopped_kubelets.append(name)
            self._state.save()
        self._processes.stop(f"kubelet-{name}")

    def start_kubelet(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Start the node's kubelet; a running one is fine."""
        self._check(name)
        program = f"kubelet-{name}"
        if not self._processes.alive(program):
            directory = nodeconfig.node_directory(self._state, name)
            kubeconfig = self._plane.write_kubeconfig(
                directory / "kubeconfig", credentials.node_user(name)
            )
            config = directory / "kubelet.json"
            config.write_text(json.dumps(nodeconfig.kubelet(self._state, name), indent=1))
            flags = nodeconfig.kubelet_flags(self._state, name, kubeconfig, config, labels or {})
            self._start_kubelet(program, flags)
        if name in self._state.stopped_kubelets:
            self._state.stopped_kubelets.remove(name)
            self._state.save()

    def remove(self, name: str) -> None:
        """End the node's kubelet, containers and containerd, and delete its files."""
        self._check(name)
        directory = nodeconfig.node_directory(self._state, name)
        self._processes.stop(f"kubelet-{name}")
        sockets = teardown.shim_sockets(self._state.directory, name)
        containers = teardown.container_ids(self._state.directory, name)
        # containerd before its containers: alive, it would report and clean up each of them.
        self._processes.stop(f"containerd-{name}")
        end(teardown.commands_with(f"{directory}/"))
        end(teardown.in_cgroups(containers))
        teardown.unmount_below(directory)
        teardown.remove_links(directory, sockets)
        teardown.remove_cgroups(containers)
        network.remove_bridge(nodeconfig.pod_bridge(self._state, name))
        teardown.remove_files(directory)
        self._state.nodes.pop(name)
        if name in self._state.stopped_kubelets:
            self._state.stopped_kubelets.remove(name)
        self._state.save()

    def load_image(self, tar: Path) -> None:
        """Import the tar into every node at once."""
        if not self._state.nodes:
            raise RefusedError(f"cluster {self._state.name} has no real nodes to load images into")
        with ThreadPoolExecutor(len(self._state.nodes)) as pool:
            list(pool.map(lambda name: self._import(name, [tar]), list(self._state.nodes)))

    def _check(self, name: str) -> None:
        if name not in self._state.nodes:
            known = ", ".join(self._state.nodes) or "none"
            raise RefusedError(f"{name} is not a real node of {self._state.name} (these: {known})")

    def _start(self, name: str, labels: Mapping[str, str], tars: Iterable[Path]) -> None:
        directory = nodeconfig.node_directory(self._state, name)
        (directory / "cni").mkdir(parents=True, exist_ok=True)
        config = directory / "containerd.toml"
        config.write_text(nodeconfig.containerd(self._state, name))
        network_config = directory / "cni" / "10-pods.conflist"
        network_config.write_text(json.dumps(nodeconfig.pod_network(self._state, name), indent=1))
        program = machine.program("containerd")
        self._processes.start(f"containerd-{name}", [program, "--config", str(config)])
        self._wait_for_containerd(name)
        # Before the kubelet: no pod can be placed on a node that lacks its image.
        self._import(name, tars)
        self.start_kubelet(name, labels)

    def _start_kubelet(self, program: str, flags: Iterable[str]) -> None:
        """Start it, and return once it listens for device plugins.

        One after the other: a kubelet that finds another's socket in the moment between taking the
        old one away and binding its own ends with "address already in use".
        """
        with self._device_socket:
            before = _identity(_DEVICE_SOCKET)
            self._processes.start(program, [str(binaries.path_of("kubelet")), *flags])
            deadline = time.monotonic() + _DEVICE_SOCKET_SECONDS
            while _identity(_DEVICE_SOCKET) in (None, before):
                if not self._processes.alive(program) or time.monotonic() > deadline:
                    words = self._processes.last_words(program)
                    raise WavelabError(f"{program} does not listen for device plugins:\n{words}")
                time.sleep(0.05)

    def _ctr(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        socket = nodeconfig.containerd_socket(self._state, name)
        return subprocess.run(
            [machine.program("ctr"), "--address", str(socket), "--namespace", "k8s.io", *args],
            check=False,
            capture_output=True,
            text=True,
        )

    def _wait_for_containerd(self, name: str) -> None:
        deadline = time.monotonic() + 60
        while self._ctr(name, "version").returncode != 0:
            program = f"containerd-{name}"
            if not self._processes.alive(program) or time.monotonic() > deadline:
                words = self._processes.last_words(program)
                raise WavelabError(f"containerd of {name} did not come:\n{words}")
            time.sleep(0.1)

    def _import(self, name: str, tars: Iterable[Path]) -> None:
        for tar in tars:
            result = self._ctr(name, "images", "import", str(tar))
            if result.returncode != 0:
                raise WavelabError(f"{name} refuses {tar}: {result.stderr.strip()}")

    def _start_proxy(self) -> None:
        directory = self._state.directory / "nodes"
        kubeconfig = self._plane.write_kubeconfig(
            directory / "kube-proxy.kubeconfig", credentials.PROXY
        )
        flags = nodeconfig.proxy_flags(self._state, kubeconfig)
        self._processes.start(PROXY, [str(binaries.path_of("kube-proxy")), *flags])


def _identity(path: Path) -> tuple[int, int] | None:
    """Of a file, for as long as it is the same one; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns
