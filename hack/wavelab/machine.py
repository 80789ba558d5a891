"""What real nodes need of the machine: root, Debian packages, and a kind of cgroups."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from wavelab.errors import RefusedError, WavelabError

CNI_DIRECTORY = Path("/usr/lib/cni")
BUSYBOX = Path("/bin/busybox")

# Package: the file that shows it is there, and what it is for.
PACKAGES: dict[str, tuple[str, str]] = {
    "containerd": ("containerd", "runs the containers of real nodes"),
    "runc": ("runc", "starts a container"),
    "containernetworking-plugins": (str(CNI_DIRECTORY / "bridge"), "gives pods their network"),
    "iptables": ("iptables-save", "is how kube-proxy makes Service addresses work"),
    "iproute2": ("ip", "makes the nodes' bridges"),
    "busybox-static": (str(BUSYBOX), "becomes the busybox image"),
    "openssl": ("openssl", "makes the key that signs ServiceAccount tokens"),
}


def missing() -> dict[str, str]:
    """Packages that are not installed, with what each is for."""
    return {
        package: purpose
        for package, (witness, purpose) in PACKAGES.items()
        if not (Path(witness).exists() if witness.startswith("/") else shutil.which(witness))
    }


def install(progress: Callable[[str], None]) -> None:
    """Install what is missing with apt-get; does nothing, and needs no root, when nothing is."""
    packages = missing()
    if not packages:
        return
    check_root()
    if shutil.which("apt-get") is None:
        raise RefusedError(f"install these first (there is no apt-get): {', '.join(packages)}")
    for package, purpose in packages.items():
        progress(f"installing {package}: it {purpose}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment
        )
        if result.returncode != 0:
            raise WavelabError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")


def check_root() -> None:
    """Refuse whoever is not root."""
    if os.geteuid() != 0:
        raise RefusedError("real nodes need root; simulated ones do not (--simulated N)")


def cgroup_version(root: Path = Path("/sys/fs/cgroup")) -> int:
    """2 for the unified hierarchy, 1 for one hierarchy a controller."""
    return 2 if (root / "cgroup.controllers").exists() else 1


def program(name: str) -> str:
    """The full path of an installed program; refuses with the package to install."""
    found = shutil.which(name)
    if found is None:
        raise RefusedError(f"`{name}` is missing: `wavelab install` installs what real nodes need")
    return found
