"""The cluster of a campaign with real processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import wavelab
from support.jobs import POOL
from support.space import GROUP, PLURALS

ROOT: Final = Path(__file__).parents[2]
CLUSTER: Final = "faults-real"
NODES: Final = 5
SERVED_WITHIN: Final = 60.0
AT_ONCE: Final = 3
"""Plans under way at a time: they mostly wait."""


def bring_up(cluster: wavelab.Cluster) -> None:
    """With a few simulated nodes, the CRDs served and the operator's rights."""
    crds = str(ROOT / "crds")
    cluster.down()  # of a run that was killed
    cluster.up(simulated=NODES, labels=POOL)
    cluster.kubectl("apply", "--filename", crds)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", crds)
    cluster.kubectl("apply", "--filename", str(ROOT / "manifests" / "rights.yaml"))
    wait_served(cluster)


def wait_served(cluster: wavelab.Cluster) -> None:
    """Established is a moment before served: until then lists are answered 429."""
    client, deadline = cluster.client(), time.monotonic() + SERVED_WITHIN
    while not all(client.exists(f"{GROUP}/{plural}") for plural in PLURALS.values()):
        assert time.monotonic() < deadline, "the CRDs are not served"
        time.sleep(0.1)
