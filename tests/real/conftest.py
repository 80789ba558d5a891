"""Real processes with faults have a cluster of their own: no other operator may look after it."""

from __future__ import annotations

import pytest

import wavelab
from real import lab
from support import shared


@pytest.fixture(scope="session")
def cluster() -> wavelab.Cluster:
    """Five simulated nodes, the CRDs and the operator's rights; removed with the session."""
    made = wavelab.Cluster(shared.CLUSTER)
    with shared.once("cluster") as is_first:
        if is_first:
            lab.bring_up(made)
    return made
