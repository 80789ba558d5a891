"""The cluster of a campaign with real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import wavelab
from support.crds import install_crds
from support.jobs import POOL

ROOT: Final = Path(__file__).parents[2]
CLUSTER: Final = "faults-real"
NODES: Final = 5
AT_ONCE: Final = 3
"""Plans under way at a time: they mostly wait."""


def bring_up(cluster: wavelab.Cluster) -> None:
    """With a few simulated nodes, the CRDs served and the operator's rights."""
    cluster.down()  # of a run that was killed
    cluster.up(simulated=NODES, labels=POOL)
    install_crds(cluster)
    cluster.kubectl("apply", "--filename", str(ROOT / "manifests" / "rights.yaml"))
