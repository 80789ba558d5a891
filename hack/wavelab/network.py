"""Ports, addresses, bridges and firewall chains: found free, set up, and taken away again."""

from __future__ import annotations

import ipaddress
import json
import shutil
import socket
import subprocess
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from wavelab.errors import RefusedError, WavelabError

# Second numbers of 10.x.0.0/16 to choose from; low ones are popular with home and office networks.
_SECOND = range(78, 128)
_FAMILIES = ("iptables", "ip6tables")
_CHAIN_PREFIX = "KUBE-"


def free_ports(count: int, taken: Iterable[int]) -> list[int]:
    """`count` TCP ports that are free on every local address and not in `taken`."""
    avoid = set(taken)
    ports: list[int] = []
    with ExitStack() as sockets:
        # All stay bound until the end, so the kernel hands out different ones.
        while len(ports) < count:
            handle = sockets.enter_context(socket.socket())
            handle.bind(("", 0))
            port = int(handle.getsockname()[1])
            if port not in avoid:
                ports.append(port)
    return ports


def networks_in_use() -> list[ipaddress.IPv4Network]:
    """Every IPv4 network that this machine has an address in or a route to, default routes aside.

    Without the `ip` program (nothing but simulated nodes needs it) the answer is empty.
    """
    program = shutil.which("ip")
    if program is None:
        return []
    found: list[ipaddress.IPv4Network] = []
    for route in json.loads(_output([program, "-4", "-j", "route", "show", "table", "all"])):
        destination = route.get("dst", "default")
        if destination != "default":
            found.append(ipaddress.IPv4Network(destination, strict=False))
    return found


def free_network(in_use: Iterable[ipaddress.IPv4Network], taken: Iterable[str]) -> str:
    """The first two numbers of a /16 that overlaps nothing in use, e.g. "10.78".

    `taken` holds the same form for other clusters that have not set up their devices yet.
    """
    avoid = list(in_use)
    others = set(taken)
    for second in _SECOND:
        prefix = f"10.{second}"
        candidate = ipaddress.IPv4Network(f"{prefix}.0.0/16")
        if prefix not in others and not any(candidate.overlaps(network) for network in avoid):
            return prefix
    raise RefusedError("no free private network between 10.78.0.0/16 and 10.127.0.0/16")


def bridge_name(instance: str, role: str) -> str:
    """A device name of at most 15 characters; `role` is `n` for nodes, `p1`… for pods, `r` for the
    registry's plug."""
    return f"wl{zlib.crc32(instance.encode()):08x}{role}"


def add_bridge(name: str) -> None:
    """Create the bridge and set it up; one that exists is fine."""
    if not Path(f"/sys/class/net/{name}").exists():
        _output(["ip", "link", "add", name, "type", "bridge"])
    _output(["ip", "link", "set", name, "up"])


def add_address(device: str, address: str) -> None:
    """Give `device` an address, e.g. `10.78.0.1/24`; having it already is fine."""
    _output(["ip", "address", "replace", address, "dev", device])


def plug_in(process: int, *, device: str, address: str, plug: str, bridge: str) -> None:
    """Give a process that is alone in its network namespace a `device` on the bridge.

    `plug` is the name of the device's other end. Both go with the process.
    """
    peer = ["peer", "name", device, "netns", str(process)]
    _output(["ip", "link", "add", "name", plug, "type", "veth", *peer])
    _output(["ip", "link", "set", plug, "master", bridge, "up"])
    inside = ["nsenter", "--target", str(process), "--net"]
    _output([*inside, "ip", "address", "add", address, "dev", device])
    _output([*inside, "ip", "link", "set", device, "up"])


def limit(process: int, *, device: str, rate: str) -> None:
    """Let the device in the process's network namespace send no more than `rate`: `80mbit`."""
    shaped = ["tbf", "rate", rate, "burst", "64kb", "latency", "400ms"]
    inside = ["nsenter", "--target", str(process), "--net"]
    _output([*inside, "tc", "qdisc", "replace", "dev", device, "root", *shaped])


def remove_bridge(name: str) -> None:
    """Remove the bridge and whatever is still plugged into it; none of that name is fine."""
    ports = Path(f"/sys/class/net/{name}/brif")
    if ports.is_dir():
        for port in ports.iterdir():
            # Unchecked: the kernel removes it by itself when its pod's namespace ends.
            subprocess.run(["ip", "link", "del", port.name], check=False, capture_output=True)
    if Path(f"/sys/class/net/{name}").exists():
        _output(["ip", "link", "del", name])


def kube_chains_now() -> list[str]:
    """Kubernetes' firewall chains that exist now; empty on a machine without kube-proxy."""
    return sorted(
        {
            chain
            for family in _FAMILIES
            if shutil.which(f"{family}-save")
            for chains in kube_chains(_output([f"{family}-save"])).values()
            for chain in chains
        }
    )


def kube_chains(saved: str) -> dict[str, list[str]]:
    """Kubernetes' chains for each table, from the output of iptables-save."""
    tables: dict[str, list[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(f":{_CHAIN_PREFIX}"):
            tables.setdefault(table, []).append(line[1:].split()[0])
    return tables


def removal_script(saved: str) -> str:
    """Input for `iptables-restore --noflush` that removes Kubernetes' chains and every jump to one.

    Order matters to the kernel: jumps from other chains first, then contents, then the chains.
    """
    script: list[str] = []
    for table, chains in kube_chains(saved).items():
        script.append(f"*{table}")
        inside = False
        for line in saved.splitlines():
            if line.startswith("*"):
                inside = line == f"*{table}"
            elif (
                inside
                and line.startswith("-A ")
                and not line.startswith(f"-A {_CHAIN_PREFIX}")
                and any(f"-j {chain}" in line for chain in chains)
            ):
                script.append(f"-D {line[3:]}")
        script += [f"-F {chain}" for chain in chains]
        script += [f"-X {chain}" for chain in chains]
        script.append("COMMIT")
    return "\n".join(script) + "\n" if script else ""


def remove_kube_chains() -> None:
    """Remove Kubernetes' chains and rules from both address families; none is fine."""
    for family in _FAMILIES:
        if not shutil.which(f"{family}-save"):
            continue
        if script := removal_script(_output([f"{family}-save"])):
            _output([f"{family}-restore", "--noflush", "--wait", "5"], feed=script)


def _output(command: list[str], feed: str | None = None) -> str:
    result = subprocess.run(command, check=False, capture_output=True, text=True, input=feed)
    if result.returncode != 0:
        raise WavelabError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.stdout
