"""What real nodes need of the machine: root, Debian packages, and a kind of cgroups."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wavelab import binaries
from wavelab.errors import RefusedError, WavelabError
from wavelab.locks import exclusive

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


def missing(wanted: Mapping[str, tuple[str, str]] = PACKAGES) -> dict[str, str]:
    """Packages that are not installed, with what each is for."""
    return {
        package: purpose
        for package, (witness, purpose) in wanted.items()
        if not (Path(witness).exists() if witness.startswith("/") else shutil.which(witness))
    }


def install(progress: Callable[[str], None]) -> None:
    """Install what real nodes lack with apt-get; needs no root when nothing is missing."""
    install_packages(PACKAGES, progress)


def install_packages(
    wanted: Mapping[str, tuple[str, str]], progress: Callable[[str], None]
) -> None:
    """Install those of the packages that are missing; ``wanted`` is as `PACKAGES` is."""
    if not missing(wanted):
        return
    check_root()
    with exclusive(binaries.cache_root() / "debian.lock"):  # apt-get refuses a second at a time
        packages = missing(wanted)
        if packages and shutil.which("apt-get") is None:
            raise RefusedError(f"install these first (there is no apt-get): {', '.join(packages)}")
        for package, purpose in packages.items():
            progress(f"installing {package}: it {purpose}")
        if packages:
            _run(["apt-get", "update", "-qq"])
            _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


def unpacked(package: str) -> Path:
    """The files of a package that is not installed, below a directory of the cache.

    For programs whose package would start a service: nothing of it is configured or started.
    """
    kept = binaries.cache_root() / "debian" / package
    with exclusive(binaries.cache_root() / "debian.lock"):
        if kept.exists():
            return kept
        if shutil.which("apt-get") is None:
            raise RefusedError(f"{package} comes from Debian, and there is no apt-get")
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            directory = Path(name)
            try:
                _run(["apt-get", "download", "-qq", package], directory)
            except WavelabError:
                _run(["apt-get", "update", "-qq"])
                _run(["apt-get", "download", "-qq", package], directory)
            (archive,) = directory.glob("*.deb")
            _run(["dpkg-deb", "--extract", str(archive), str(directory / "root")])
            (directory / "root").rename(kept)
    return kept


def _run(command: Sequence[str], directory: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=directory
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
