"""What Linux tells of processes and of the machine, and what was run on it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wavelab import binaries

ROOT = Path(__file__).parents[1]
_PACKAGES = ("kopf", "kubernetes", "aiohttp", "pydantic")
METHOD = 1
"""One more where figures measured before no longer compare with those that are measured now."""

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Seconds of a processor that the process has used, with children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / _TICKS


def busy_seconds() -> float:
    """Seconds in which the machine's processors did anything, for anybody, since it began."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, interrupts, soft, _stolen = fields
    return (user + nice + system + interrupts + soft) / _TICKS


def forget_peak(pid: int) -> None:
    """Let the process's peak of resident memory begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(pid: int) -> float:
    """Most memory that was resident since the peak was forgotten."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def code() -> str:
    """A hash of all that is measured: operator, CRDs, packages, cluster, and METHOD."""
    digest = hashlib.sha256(f"method {METHOD}".encode())
    for part in ("operator", "crds", "hack/wavelab"):
        for path in sorted((ROOT / part).rglob("*")):
            if path.suffix in (".py", ".yaml", ".mod", ".sum") and path.is_file():
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    digest.update((ROOT / "requirements.lock").read_bytes())
    return digest.hexdigest()[:12]


def versions() -> Mapping[str, Any]:
    """What ran where; `commit` ends with + where files had been changed since."""
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return {
        "commit": _git("rev-parse", "--short=12", "HEAD") + _changed(),
        "code": code(),
        "kubernetes": binaries.pinned_version("kubernetes", "k8s.io/kubernetes"),
        "etcd": binaries.pinned_version("etcd", "go.etcd.io/etcd/server/v3"),
        "kwok": binaries.pinned_version("kwok", "sigs.k8s.io/kwok"),
        "go": binaries.go_version(),
        "python": platform.python_version(),
        **{f"package {name}": version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor[1] if processor else platform.machine(),
        "processors": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else None,
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _changed() -> str:
    return "" if _git("status", "--porcelain") == "unknown" else "+"
