"""``make env NAME=…``: what a shell needs to use a local cluster, as lines for its ``eval``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import wavelab
from wavelab import binaries
from wavelab.state import load

BIN = Path(__file__).resolve().parent / "bin"


def lines(name: str) -> list[str]:
    """KUBECONFIG, and kubectl and wavegate on the PATH."""
    found = f"{BIN}:{binaries.path_of('kubectl').parent}"
    kubeconfig = str(wavelab.Cluster(name).kubeconfig)
    return [
        f"export KUBECONFIG={shlex.quote(kubeconfig)}",
        f"export PATH={shlex.quote(found)}:$PATH",
    ]


def main() -> int:
    (name,) = sys.argv[1:]
    if load(name) is None:
        print(f"no cluster {name}: make cluster NAME={name} NODES=3", file=sys.stderr)
        return 2
    print("\n".join(lines(name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
