"""How many runs of a job a batch may make now.

Nine tenths of the job's maxQueued, and at least one, are for batches; the rest is left to who asks
for single runs, which would be refused as too many.

| maxQueued | waiting | wanted by batches before it | room |
| --- | --- | --- | --- |
| 1000 | 0 | 0 | 900 |
| 1000 | 100 | 500 | 300 |
| 1000 | 950 | 0 | 0 |
| 5 | 0 | 0 | 4 |
| 1 | 0 | 0 | 1 |
"""

from __future__ import annotations


def room_of(max_queued: int, waiting: int, wanted: int) -> int:
    """``waiting``: runs of the job that wait; ``wanted``: those that earlier batches make first."""
    return max(0, max(1, max_queued * 9 // 10) - waiting - wanted)
