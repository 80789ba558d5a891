"""Configuration of one node's programs: pure functions of the cluster's state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wavelab import images, network
from wavelab.machine import CNI_DIRECTORY
from wavelab.registry import hosts_directory
from wavelab.state import State

# A lease is renewed after a quarter of its duration: every 2 s.
_LEASE_SECONDS = 8


def node_directory(state: State, name: str) -> Path:
    """Everything of one node."""
    return state.directory / "nodes" / name


def node_address(state: State, index: int) -> str:
    """The node's own address on the bridge it shares with the API server."""
    return state.address(10 + index)


def pod_bridge(state: State, name: str) -> str:
    """The bridge of the node's pods; made by the CNI plugin."""
    return network.bridge_name(state.instance, f"p{state.nodes[name]}")


def containerd_socket(state: State, name: str) -> Path:
    """Where the node's containerd listens."""
    return node_directory(state, name) / "containerd.sock"


def containerd(state: State, name: str) -> str:
    """containerd's own configuration."""
    directory = node_directory(state, name)
    return f"""\
version = 2
root = "{directory / "containerd-root"}"
state = "{directory / "containerd-state"}"
# Metrics and the debug socket stay off. So do plugins that need what a small machine lacks.
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "{containerd_socket(state, name)}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{directory / "containerd-opt"}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  # Without CAP_SYS_RESOURCE runc may not lower a score, and ends when asked to.
  restrict_oom_score_adj = true
  stream_server_address = "{node_address(state, state.nodes[name])}"
  stream_server_port = "0"
  # Otherwise pods' network namespaces lie in /run/netns among everybody's.
  netns_mounts_under_state_dir = true
  disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{hosts_directory(state)}"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{CNI_DIRECTORY}"
  conf_dir = "{directory / "cni"}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "{directory / "runc"}"
"""


def pod_network(state: State, name: str) -> dict[str, Any]:
    """The node's CNI configuration; named like its bridge, so that traces can be told apart."""
    bridge = pod_bridge(state, name)
    bridge_plugin = {
        "type": "bridge",
        "bridge": bridge,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": str(node_directory(state, name) / "addresses"),
            "ranges": [[{"subnet": f"{state.network}.{state.nodes[name]}.0/24"}]],
        },
    }
    return {"cniVersion": "0.4.0", "name": bridge, "plugins": [bridge_plugin]}


def kubelet(state: State, name: str) -> dict[str, Any]:
    """KubeletConfiguration."""
    directory = node_directory(state, name)
    address = node_address(state, state.nodes[name])
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": address,
        "containerRuntimeEndpoint": f"unix://{containerd_socket(state, name)}",
        "podLogsDir": str(directory / "pod-logs"),
        "volumePluginDir": str(directory / "volume-plugins"),
        # A machine without systemd or with cgroup v1 runs the same nodes as any other.
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "evictionHard": {},
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "nodeLeaseDurationSeconds": _LEASE_SECONDS,
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "10s",
        "fileCheckFrequency": "0s",
        "httpCheckFrequency": "0s",
        # Pods resolve names as the machine does: there is no cluster DNS here.
        "resolvConf": "/etc/resolv.conf",
        "registerWithTaints": [],
        "serializeImagePulls": False,
        # Of use to this machine only: the address is on a bridge without a way out.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
    }


def kubelet_flags(
    state: State, name: str, kubeconfig: Path, config: Path, labels: Mapping[str, str]
) -> list[str]:
    """The kubelet's command line."""
    directory = node_directory(state, name)
    flags = [
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--root-dir={directory / 'kubelet'}",
        f"--cert-dir={directory / 'certificates'}",
        f"--hostname-override={name}",
        f"--node-ip={node_address(state, state.nodes[name])}",
    ]
    if labels:
        flags.append("--node-labels=" + ",".join(f"{k}={v}" for k, v in labels.items()))
    return flags


def proxy_flags(state: State, kubeconfig: Path) -> list[str]:
    """kube-proxy's command line; one serves all nodes, which share this machine's network."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--hostname-override=node-1",
        "--proxy-mode=iptables",
        f"--bind-address={state.address(1)}",
        f"--healthz-bind-address={state.address(1)}:10256",
        f"--metrics-bind-address={state.address(1)}:10249",
        # Answers must come back through this machine even between pods of one bridge.
        "--masquerade-all",
        # Kernel settings that belong to the machine stay as they are.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "--iptables-localhost-nodeports=false",
    ]
