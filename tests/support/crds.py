"""Our CRDs on the API server of a test."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import wavelab
from support.space import GROUP, PLURALS

CRDS: Final = str(Path(__file__).parents[2] / "crds")
_SERVED_WITHIN: Final = 60.0


def install_crds(cluster: wavelab.Cluster) -> None:
    """Apply them, and wait until they are served.

    Established is a moment before served: until then lists are answered 429.
    """
    cluster.kubectl("apply", "--filename", CRDS)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", CRDS)
    client, deadline = cluster.client(), time.monotonic() + _SERVED_WITHIN
    while not all(client.exists(f"{GROUP}/{plural}") for plural in PLURALS.values()):
        assert time.monotonic() < deadline, "the CRDs are not served"
        time.sleep(0.1)
