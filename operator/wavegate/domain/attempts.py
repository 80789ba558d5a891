"""Attempts: how long a node waits before a workload that failed on it is started there again.

Back-off by failures in a row, from 10 s doubling up to 5 min, reset once stable. A node that goes
back to another workload does not wait: only what failed is held off.

| failures in a row of that workload | 0 | 1 | 2 | 3 | 5 | 6 | 100 |
| --- | --- | --- | --- | --- | --- | --- | --- |
| seconds after the last failure | 0 | 10 | 20 | 40 | 160 | 300 | 300 |
"""

from __future__ import annotations

from wavegate.domain.claim import Chain

FIRST_DELAY = 10.0
LONGEST_DELAY = 300.0


def delay(failures: int) -> float:
    """Seconds to wait after the last of so many failures in a row."""
    if failures <= 0:
        return 0.0
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))


def not_before(chain: Chain | None, workload_hash: str) -> float:
    """The earliest time at which the node may start this workload; 0.0: at once."""
    if chain is None:
        return 0.0
    same = [each for each in chain.failures_in_a_row if each.workload_hash == workload_hash]
    return same[0].updated + delay(len(same)) if same else 0.0
