"""Builds the cluster's programs from Go modules, once, and keeps them in the user's cache.

A binary lives in `bin/<key>/<name>` below the cache directory, where `key` is a hash of everything
that shapes it: go.mod, go.sum, own sources, flags and the Go version. A changed pin therefore never
meets an old binary, and going back to an old pin costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wavelab.errors import RefusedError, WavelabError
from wavelab.locks import exclusive

Progress = Callable[[str], None]

MODULES = Path(__file__).parent / "go"
MINIMUM_GO = (1, 25)


@dataclass(frozen=True)
class Binary:
    """One program: the module directory below `go/` that pins it and its main package."""

    name: str
    module: str
    package: str


# In the order that lets a cluster start soonest: control plane first, then nodes.
BINARIES: dict[str, Binary] = {
    binary.name: binary
    for binary in (
        Binary("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
        Binary("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
        Binary(
            "kube-controller-manager",
            "kubernetes",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
        ),
        Binary("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
        Binary("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
        Binary("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
        Binary("kubelet", "kubelet", "k8s.io/kubernetes/cmd/kubelet"),
        Binary("kube-proxy", "kubelet", "k8s.io/kubernetes/cmd/kube-proxy"),
        Binary("benthos", "benthos", "github.com/redpanda-data/benthos/v4/cmd/benthos"),
        Binary("pause", "pause", "."),
        Binary("registry", "registry", "."),
        Binary("helm", "helm4", "helm.sh/helm/v4/cmd/helm"),
        Binary("helm3", "helm3", "helm.sh/helm/v3/cmd/helm"),
        Binary("kstatus", "kstatus", "."),
        Binary("kube-score", "kubescore", "github.com/zegl/kube-score/cmd/kube-score"),
    )
}
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SIMULATED = ("kwok",)
REGISTRY = ("registry",)
REAL_NODES = ("kubelet", "kube-proxy", "benthos", "pause")
CLUSTER = (*CONTROL_PLANE, *SIMULATED, *REAL_NODES)
"""What a cluster consists of; the others are tools that are built by who asks for them."""


def cache_root() -> Path:
    """Where binaries and Go's work live: $WAVELAB_CACHE, else the user's cache directory."""
    if given := os.environ.get("WAVELAB_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wavelab"


def pinned_version(module: str, dependency: str) -> str:
    """The version of `dependency` that the module directory `module` requires, e.g. `v1.35.4`."""
    text = (MODULES / module / "go.mod").read_text()
    found = re.search(rf"^(?:require\s+|\s+){re.escape(dependency)}\s+(v\S+)", text, re.MULTILINE)
    if found is None:
        raise WavelabError(f"go/{module}/go.mod does not require {dependency}")
    return found.group(1)


def build_flags(module: str) -> tuple[str, ...]:
    """Flags of `go build` for one module.

    Kubernetes programs carry their version by the linker; unstamped ones call themselves
    v0.0.0-master, which version checks (Helm's kubeVersion, for one) refuse. Helm 3 likewise: it
    takes a cluster for 1.20 where it has none to ask.
    """
    stamps = ""
    if module == "helm3":
        minor = pinned_version(module, "k8s.io/client-go").split(".")[1]
        for package in ("chartutil", "lint/rules"):
            for field, value in (("Major", "1"), ("Minor", minor)):
                stamps += f" -X helm.sh/helm/v3/pkg/{package}.k8sVersion{field}={value}"
    if module in ("kubernetes", "kubelet"):
        version = pinned_version(module, "k8s.io/kubernetes")
        major, minor = version.removeprefix("v").split(".")[:2]
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            for field, value in (("Version", version), ("Major", major), ("Minor", minor)):
                stamps += f" -X {package}.git{field}={value}"
    return ("-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", f"-s -w{stamps}")


@cache
def go_version() -> str:
    """The installed Go, e.g. `go1.26.8`; refuses when there is none or it is too old."""
    wanted = ".".join(map(str, MINIMUM_GO))
    program = shutil.which("go")
    if program is None:
        raise RefusedError(
            f"building the cluster's programs needs Go {wanted} or newer, and no `go` is in PATH"
        )
    found = subprocess.run(
        [program, "env", "GOVERSION"], check=True, capture_output=True, text=True
    ).stdout.strip()
    check_go(found)
    return found


def check_go(version: str) -> None:
    """Refuse a Go version string such as `go1.24.1` that is below MINIMUM_GO."""
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < MINIMUM_GO:
        wanted = ".".join(map(str, MINIMUM_GO))
        raise RefusedError(
            f"building the cluster's programs needs Go {wanted} or newer; this is {version}"
        )


def cache_key(module: str, go: str) -> str:
    """Hash over what shapes the binaries of `module` when built by Go version `go`."""
    digest = hashlib.sha256()
    for name in sorted(path.name for path in (MODULES / module).iterdir() if path.is_file()):
        digest.update(name.encode() + b"\0" + (MODULES / module / name).read_bytes() + b"\0")
    digest.update("\0".join((*build_flags(module), go)).encode())
    return digest.hexdigest()[:16]


def path_of(name: str) -> Path:
    """Where binary `name` is kept; it exists once `ensure` has returned."""
    binary = BINARIES[name]
    return cache_root() / "bin" / cache_key(binary.module, go_version()) / name


def ensure(names: Iterable[str], progress: Progress) -> dict[str, float]:
    """Build whichever of `names` are missing; returns seconds of building for each built one.

    Two builders on one machine take turns, so the second finds the first one's work.
    """
    wanted = [name for name in BINARIES if name in set(names)]
    if all(path_of(name).exists() for name in wanted):
        return {}
    took: dict[str, float] = {}
    with exclusive(cache_root() / "build.lock"):
        missing = [name for name in wanted if not path_of(name).exists()]
        for index, name in enumerate(missing):
            left = len(missing) - index - 1
            progress(f"building {name} ({index + 1} of {len(missing)}, {left} left after it)")
            started = time.monotonic()
            build(BINARIES[name], path_of(name))
            took[name] = time.monotonic() - started
            progress(f"built {name} in {took[name]:.0f} s, {left} left")
    return took


def build(binary: Binary, target: Path) -> None:
    """Build one binary to `target`; the file appears there complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    # A toolchain of another version would not be the one that the cache key names.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    command = ["nice", "-n", "5", "go", "build", *build_flags(binary.module)]
    result = subprocess.run(
        [*command, "-o", str(temporary), binary.package],
        cwd=MODULES / binary.module,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        temporary.unlink(missing_ok=True)
        raise WavelabError(f"building {binary.name} failed:\n{result.stderr.strip()}")
    temporary.rename(target)
