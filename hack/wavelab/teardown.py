"""Takes every trace of a cluster off the machine, in whatever state a crash left it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wavelab import network
from wavelab.errors import WavelabError
from wavelab.process import Identity, Processes, end, identify
from wavelab.state import STOPPING, State, state_root

CGROUPS = Path("/sys/fs/cgroup")
# Where containerd puts containers that no kubelet gives a place of their own.
CGROUP_PARENT = "k8s.io"
POD_LOG_LINKS = Path("/var/log/containers")
NETWORK_RESULTS = Path("/var/lib/cni/results")


def remove_cluster(state: State) -> None:
    """End the cluster's processes and undo all that its state names; safe to repeat."""
    if (state.directory / "state.json").exists():
        state.phase = STOPPING
        state.save()
    processes = Processes(state.directory, state.instance)
    # Kubelets first: one that lives would restart what is ended below.
    for name in processes.names():
        if name.startswith("kubelet"):
            processes.stop(name)
    sockets = shim_sockets(state.directory)
    containers = container_ids(state.directory)
    processes.stop_all()
    end(in_cgroups(containers))
    unmount_below(state.directory)
    for bridge in state.bridges:
        network.remove_bridge(bridge)
    if state.firewall:
        network.remove_kube_chains()
    for path, value in state.kernel_settings.items():
        Path(path).write_text(value)
    remove_links(state.directory, sockets)
    remove_cgroups(containers)
    for made in reversed(state.made_directories):
        # Only if nothing of somebody else's moved in meanwhile.
        with suppress(OSError):
            Path(made).rmdir()
    if state.directory.parent != state_root():
        raise WavelabError(f"{state.directory} is no cluster's directory")
    remove_files(state.directory)


def bundles(directory: Path, node: str = "*") -> list[Path]:
    """containerd's directories of the containers of one node, or of all; named by container id."""
    return list(
        directory.glob(f"nodes/{node}/containerd-state/io.containerd.runtime.v2.task/k8s.io/*")
    )


def shim_sockets(directory: Path, node: str = "*") -> list[Path]:
    """Sockets that containerd's shims made outside the state directory, as their bundles say."""
    found: list[Path] = []
    for bundle in bundles(directory, node):
        with suppress(OSError):
            found.append(Path((bundle / "address").read_text().removeprefix("unix://").strip()))
    return found


def container_ids(directory: Path, node: str = "*") -> list[str]:
    """Every container that containerd or runc has something about: pods' own and pause."""
    of_runc = directory.glob(f"nodes/{node}/runc/k8s.io/*")
    return sorted({path.name for path in (*bundles(directory, node), *of_runc)})


def cgroup_directories(containers: Iterable[str]) -> list[Path]:
    """The cgroups of the containers in every hierarchy (v1 has several), deepest first."""
    found: list[Path] = []
    for parent in (CGROUPS / CGROUP_PARENT, *CGROUPS.glob(f"*/{CGROUP_PARENT}")):
        for container in containers:
            found += [Path(top) for top, _, _ in os.walk(parent / container, topdown=False)]
    return found


def in_cgroups(containers: Iterable[str]) -> list[Identity]:
    """Every process of these containers, also when its shim is dead."""
    found: set[Identity] = set()
    for directory in cgroup_directories(containers):
        with suppress(OSError):
            pids = (directory / "cgroup.procs").read_text().split()
            found.update(who for pid in pids if (who := identify(int(pid))))
    return list(found)


def commands_with(text: str) -> list[Identity]:
    """Live containerd shims whose command line mentions `text`, a node's directory."""
    found: list[Identity] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (identity := identify(int(entry.name))):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "containerd-shim" in words[0] and any(text in word for word in words[1:]):
                    found.append(identity)
    return found


def remove_cgroups(containers: Iterable[str]) -> None:
    """Remove the (by now empty) cgroups of the containers, and their parent if that is empty."""
    names = list(containers)
    deadline = time.monotonic() + 5
    while directories := cgroup_directories(names):
        for directory in directories:
            # Busy for a moment after its last process is gone.
            with suppress(OSError):
                directory.rmdir()
        if time.monotonic() > deadline:
            raise WavelabError(f"cannot remove cgroup {directories[-1]}")
    for parent in (CGROUPS / CGROUP_PARENT, *CGROUPS.glob(f"*/{CGROUP_PARENT}")):
        with suppress(OSError):
            parent.rmdir()


def mounts_below(directory: Path) -> list[Path]:
    """Mount points at or below the directory, the innermost first."""
    points = [
        # The kernel writes a space in a path as \\040.
        Path(line.split()[4].encode().decode("unicode_escape"))
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    return [point for point in reversed(points) if point.is_relative_to(directory)]


def unmount_below(directory: Path) -> None:
    """Unmount everything below the directory, now or as soon as its last user is gone."""
    for point in mounts_below(directory.resolve()):
        subprocess.run(["umount", "-l", str(point)], check=False, capture_output=True)
    if left := mounts_below(directory.resolve()):
        raise WavelabError(f"cannot unmount {left[0]}")


def remove_links(directory: Path, sockets: Iterable[Path]) -> None:
    """Remove shims' sockets, and what kubelets and the CNI library keep about the directory.

    That is links to pod logs, and one file a network attachment, which names the pod's namespace.
    """
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for link in POD_LOG_LINKS.iterdir() if POD_LOG_LINKS.is_dir() else ():
        if link.is_symlink() and link.readlink().is_relative_to(directory):
            link.unlink()
    mention = f"{directory}/".encode()
    for result in NETWORK_RESULTS.iterdir() if NETWORK_RESULTS.is_dir() else ():
        with suppress(OSError):
            if mention in result.read_bytes():
                result.unlink()


def remove_files(directory: Path) -> None:
    """Delete the directory; the state file, without which nobody knows what to undo, goes last.

    Refuses while something is mounted below: that would delete through the mount.
    """
    if not directory.is_dir():
        return
    if left := mounts_below(directory.resolve()):
        raise WavelabError(f"{left[0]} is still mounted")
    for entry in directory.iterdir():
        if entry.name == "state.json":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    shutil.rmtree(directory)
