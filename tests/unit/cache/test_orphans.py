"""What a job deleted with ``--cascade=orphan`` has left, while news of it are still under way."""

from __future__ import annotations

import pytest

from unit.cache.documents import CREATED, execution, job
from unit.cache.test_cluster import Cluster


@pytest.mark.row("Deletion")
@pytest.mark.parametrize("policy", ["orphan", "foregroundDeletion"])
def test_what_an_orphaning_job_has_left_is_nobodys_before_that_is_heard(policy: str) -> None:
    cluster = Cluster()
    cluster.add("FleetJob", job())
    cluster.add("Execution", execution("e1", 2), execution("e2", 3))
    ends = job(4)
    ends["metadata"] |= {"deletionTimestamp": CREATED, "finalizers": [policy]}
    cluster.add("FleetJob", ends)
    gone = job(7)
    gone["metadata"]["deletionTimestamp"] = CREATED
    cluster.cache.apply_event("FleetJob", "DELETED", gone)
    cluster.add("Execution", execution("e2", 6, owner=""))
    left = [view.name for view in cluster.seen().former]
    assert left == ([] if policy == "orphan" else ["e1"])


def test_what_was_left_alone_is_forgotten_with_the_last_of_it() -> None:
    cluster = Cluster()
    cluster.add("Execution", execution("e1", 2))
    ends = job(4)
    ends["metadata"] |= {"deletionTimestamp": CREATED, "finalizers": ["orphan"]}
    cluster.add("FleetJob", ends)
    cluster.cache.apply_event("FleetJob", "DELETED", job(7))
    assert cluster.seen().former == []
    cluster.cache.apply_event("Execution", "DELETED", execution("e1", 8, owner=""))
    assert cluster.look() is None
    cluster.add("Execution", execution("e3", 9))
    assert [view.name for view in cluster.seen().former] == ["e3"]
