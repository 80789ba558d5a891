from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from unit.cache.documents import (
    CREATED,
    JOB_UID,
    deployment,
    execution,
    job,
    job_version,
    node,
    pod,
    pull,
)
from wavegate.cache.cluster import PULL_SELECTOR, ClusterCache
from wavegate.domain.actions import CreateExecution
from wavegate.domain.observed import Changes, Cordon, Observed, PlanSettings
from wavegate.kube.resources import PODS

FEED = ("shop", "feed")
NEXT = CreateExecution(
    name="feed-n1-4",
    version=2,
    node="n1",
    node_uid="n1-uid",
    wave=1,
    deployment="feed-v2",
    attempt=4,
    workload_hash="h1:2",
    eval_id="e2",
)


@dataclass
class Cluster:
    """A cache with what it woke."""

    woken: list[tuple[str, str]] = field(default_factory=list)
    cache: ClusterCache = field(init=False)

    def __post_init__(self) -> None:
        self.cache = ClusterCache(self.woken.append, clock=lambda: 0.0)

    def add(self, kind: str, *raws: dict[str, Any]) -> None:
        for raw in raws:
            self.cache.apply_event(kind, "ADDED", raw)

    def woke(self) -> list[tuple[str, str]]:
        """Keys woken since the last call."""
        since, self.woken[:] = list(self.woken), []
        return since

    def look(self, key: tuple[str, str] = FEED) -> Observed | None:
        return self.cache.snapshot(
            key,
            now=100.0,
            eval_id="e1",
            operator_started=50.0,
            still_there={},
            health={},
            prepared={},
            refusals={},
            settings=PlanSettings(),
        )

    def seen(self, key: tuple[str, str] = FEED) -> Observed:
        observed = self.look(key)
        assert observed is not None
        return observed


def told(cluster: Cluster) -> Changes:
    changes = cluster.seen().changes
    assert changes is not None
    return changes


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_nothing_is_known_of_a_name_that_nobody_used(cluster: Cluster) -> None:
    assert cluster.look() is None


def test_a_snapshot_has_the_jobs_own_objects(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("JobVersion", job_version(10, 2), job_version(2, 3))
    cluster.add("FleetDeployment", deployment("feed-v2", 4), deployment("by-hand", 5, owner=""))
    cluster.add("Execution", execution("feed-n1-3", 6))
    cluster.add("Pod", pod("feed-n1", 7), pod("other-n1", 8, job_name="other"))
    cluster.add("Node", node("n1", 9))
    observed = cluster.seen()
    assert observed.job.uid == JOB_UID
    assert [view.version for view in observed.versions] == [2, 10]
    assert {view.name for view in observed.deployments} == {"feed-v2", "by-hand"}
    assert [view.name for view in observed.executions] == ["feed-n1-3"]
    assert [view.name for view in observed.pods] == ["feed-n1"]
    assert set(observed.nodes) == {"n1"}
    assert observed.former == []
    assert (observed.now, observed.operator_started, observed.eval_id) == (100.0, 50.0, "e1")


def test_children_of_a_former_job_of_the_same_name_are_kept_apart(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("Execution", execution("e1", 2), execution("e2", 3, owner="former-uid"))
    cluster.add("Execution", execution("e3", 4, owner=""))
    cluster.add("JobVersion", job_version(1, 5, owner="former-uid"))
    cluster.add("FleetDeployment", deployment("feed-v1", 6, owner="former-uid"))
    observed = cluster.seen()
    assert [view.name for view in observed.executions] == ["e1"]
    assert [view.name for view in observed.former] == ["e2"], "an orphan is left alone"
    assert observed.versions == []
    assert observed.deployments == []


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("Execution", execution("e1", 2)),
        ("Pod", pod("feed-n1", 2)),
        ("JobVersion", job_version(1, 2)),
        ("FleetDeployment", deployment("by-hand", 2, owner="")),
    ],
)
def test_a_job_that_is_gone_is_still_seen_by_what_it_left(
    cluster: Cluster, kind: str, raw: dict[str, Any]
) -> None:
    cluster.add("FleetJob", job())
    cluster.add(kind, raw)
    cluster.cache.apply_event("FleetJob", "DELETED", job(9))
    cluster.woke()
    observed = cluster.seen()
    assert (observed.job.uid, observed.job.deleting, observed.job.key) == ("", True, FEED)
    assert observed.executions == []
    assert observed.versions == []
    assert cluster.cache.job_keys() == {FEED}
    assert [view.name for view in observed.former] == (["e1"] if kind == "Execution" else [])


def test_orphans_of_a_job_that_is_gone_are_nobodys(cluster: Cluster) -> None:
    cluster.add("JobVersion", job_version(1, 2, owner=""))
    cluster.add("Execution", execution("e1", 3, owner=""))
    observed = cluster.seen()
    assert (observed.versions, observed.executions, observed.former) == ([], [], [])


def test_a_jobs_object_wakes_its_job_only(cluster: Cluster) -> None:
    cluster.add("FleetJob", job(), job(2, uid="other-uid", name="other"))
    cluster.woke()
    cluster.add("Pod", pod("feed-n1", 3))
    assert cluster.woke() == [FEED]
    cluster.add("FleetDeployment", deployment("feed-v2", 4))
    assert cluster.woke() == [FEED]


def test_a_nodes_heartbeat_wakes_nobody_and_its_change_wakes_all(cluster: Cluster) -> None:
    cluster.add("FleetJob", job(), job(2, uid="other-uid", name="other"))
    cluster.add("Node", node("n1", 3))
    cluster.woke()
    cluster.cache.apply_event("Node", "MODIFIED", node("n1", 4, beat="2025-01-31T12:05:00Z"))
    assert cluster.woke() == []
    cluster.cache.apply_event("Node", "MODIFIED", node("n1", 5, ready="False"))
    assert sorted(cluster.woke()) == [FEED, ("shop", "other")]
    assert not cluster.seen().nodes["n1"].ready
    cluster.cache.apply_event("Node", "DELETED", node("n1", 6))
    assert "n1" not in cluster.seen().nodes
    assert cluster.woke()


def test_a_pod_change_that_no_rule_reads_wakes_nobody_but_moves_its_version(
    cluster: Cluster,
) -> None:
    cluster.add("Pod", pod("feed-n1", 3))
    cluster.woke()
    probed = pod("feed-n1", 4, status={"conditions": [{"type": "Ready", "lastProbeTime": CREATED}]})
    cluster.cache.apply_event("Pod", "MODIFIED", probed)
    assert cluster.woke() == []
    assert [view.resource_version for view in cluster.seen().pods] == ["4"]


def test_nodes_are_shared_by_snapshots_and_cannot_be_changed_through_them(
    cluster: Cluster,
) -> None:
    cluster.add("FleetJob", job())
    assert cluster.seen().nodes is cluster.seen().nodes
    with pytest.raises(TypeError):
        cluster.seen().nodes["x"] = None  # type: ignore[index]


def test_nodes_are_another_mapping_once_one_of_them_has_changed(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("Node", node("n1", 1))
    before = cluster.seen().nodes
    cluster.add("Node", node("n1", 2, beat="2023-11-14T23:00:00Z"))
    assert cluster.seen().nodes is before, "a heartbeat changes nothing"
    cluster.add("Node", node("n2", 3))
    assert set(cluster.seen().nodes) == {"n1", "n2"}
    assert set(before) == {"n1"}, "what a pass has seen stays as it was"


def test_a_snapshot_tells_where_something_is_new_since_the_one_before(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    assert cluster.seen().changes is None, "the first tells of everything"
    first = told(cluster)
    assert (first.serial, first.nodes) == (1, frozenset())
    cluster.add("Execution", execution("feed-n1-3", 6))
    assert told(cluster).nodes == {"n1"}, "one that comes"
    assert told(cluster).nodes == frozenset(), "it is told once"
    same = execution("feed-n1-3", 7)
    cluster.cache.assume("Execution", same)
    changes = told(cluster)
    assert changes.nodes == {"n1"}, "also of one that is the same but for its version"
    executions, pods = changes.on("n1")
    assert [each.resource_version for each in executions] == ["7"]
    assert list(pods) == []
    cluster.add("Pod", pod("feed-n1", 8))
    changes = told(cluster)
    assert changes.nodes == {"n1"}
    assert [each.name for each in changes.on("n1")[1]] == ["feed-n1"]
    cluster.cache.apply_event("Pod", "DELETED", pod("feed-n1", 9))
    changes = told(cluster)
    assert (changes.nodes, list(changes.on("n1")[1])) == ({"n1"}, [])
    cluster.cache.expect(FEED, NEXT, now=100.0)
    changes = told(cluster)
    assert changes.nodes == {"n1"}
    assert [each.name for each in changes.on("n1")[0]] == ["feed-n1-3", NEXT.name]
    cluster.cache.settle(FEED, NEXT.name)
    assert told(cluster).nodes == {"n1"}
    assert told(cluster).serial == 9


def test_a_job_of_which_nothing_is_left_is_told_of_from_the_start_again(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("Execution", execution("e1", 6))
    cluster.seen()
    assert told(cluster).serial == 1
    cluster.cache.apply_event("Execution", "DELETED", execution("e1", 7))
    cluster.cache.apply_event("FleetJob", "DELETED", job())
    assert cluster.look() is None
    cluster.add("Execution", execution("e2", 8))
    assert cluster.seen().changes is None, "nobody asked meanwhile, so nothing was noted"


def test_what_another_job_owned_is_not_among_what_is_on_a_node(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("Execution", execution("e1", 6, owner="of-one-before"), execution("e2", 7))
    cluster.seen()
    observed = cluster.seen()
    assert observed.changes is not None
    executions, _ = observed.changes.on("n1")
    assert [each.name for each in executions] == ["e2"]
    assert [each.name for each in observed.former] == ["e1"]
    cluster.cache.apply_event("Execution", "DELETED", execution("e1", 8, owner="of-one-before"))
    assert cluster.seen().former == []


def test_a_phantom_is_taken_until_the_real_execution_comes(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.cache.expect(FEED, NEXT, now=100.0)
    (phantom,) = cluster.seen().executions
    assert (phantom.assumed, phantom.uid, phantom.owner_uid) == (True, "", JOB_UID)
    assert (phantom.node, phantom.attempt, phantom.created) == ("n1", 4, 100.0)
    assert cluster.cache.execution_uid("shop", NEXT.name) is None
    cluster.cache.assume("Execution", execution(NEXT.name, 5))
    (real,) = cluster.seen().executions
    assert (real.assumed, real.uid) == (False, f"{NEXT.name}-uid")
    assert cluster.cache.execution_uid("shop", NEXT.name) == real.uid
    cluster.woke()
    cluster.cache.settle(FEED, NEXT.name)
    assert cluster.seen().executions == [real]
    assert cluster.woke() == []


def test_a_phantom_whose_create_failed_goes_and_the_job_looks_again(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.cache.expect(FEED, NEXT, now=100.0)
    cluster.woke()
    cluster.cache.settle(FEED, NEXT.name)
    assert cluster.seen().executions == []
    assert cluster.woke() == [FEED]


def test_a_real_execution_that_was_there_first_is_not_hidden(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("Execution", execution(NEXT.name, 5))
    cluster.cache.expect(FEED, NEXT, now=100.0)
    assert [view.assumed for view in cluster.seen().executions] == [False]


def test_a_phantom_does_not_come_back_when_the_real_one_is_deleted(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.cache.expect(FEED, NEXT, now=100.0)
    cluster.cache.apply_event("Execution", "ADDED", execution(NEXT.name, 5))
    cluster.cache.apply_event("Execution", "DELETED", execution(NEXT.name, 6))
    assert cluster.seen().executions == []


def test_a_stale_echo_does_not_undo_an_own_write(cluster: Cluster) -> None:
    cluster.add("Execution", execution("e1", 2))
    cluster.cache.assume("Execution", execution("e1", 9, observedState={"stateType": "Running"}))
    cluster.woke()
    cluster.cache.apply_event("Execution", "MODIFIED", execution("e1", 5))
    view = cluster.cache.executions.get("shop", "e1")
    assert view is not None
    assert view.observed == "Running"
    assert cluster.woke() == []


def test_a_pod_with_a_grace_period_is_not_gone_by_its_delete(cluster: Cluster) -> None:
    cluster.add("Pod", pod("feed-n1", 3))
    going = pod("feed-n1", 5, metadata={"deletionTimestamp": CREATED})
    cluster.cache.deleted("Pod", "shop", "feed-n1", "feed-n1-uid", going)
    (view,) = cluster.seen().pods
    assert view.deletion is not None
    cluster.cache.apply_event("Pod", "MODIFIED", pod("feed-n1", 4))
    (view,) = cluster.seen().pods
    assert view.deletion is not None, "a stale echo does not bring it back to life"


def test_an_object_that_was_removed_at_once_stays_gone(cluster: Cluster) -> None:
    cluster.add("Execution", execution("e1", 3))
    answer = {"kind": "Status", "status": "Success", "metadata": {}}
    cluster.cache.deleted("Execution", "shop", "e1", "e1-uid", answer)
    cluster.cache.apply_event("Execution", "MODIFIED", execution("e1", 4))
    assert cluster.cache.executions.get("shop", "e1") is None


def test_a_404_on_a_delete_is_a_tombstone(cluster: Cluster) -> None:
    cluster.add("Pod", pod("feed-n1", 3))
    cluster.cache.forget("Pod", "shop", "feed-n1", "feed-n1-uid")
    cluster.cache.apply_event("Pod", "MODIFIED", pod("feed-n1", 4))
    assert cluster.look() is None


def test_jobs_are_compared_with_a_list(cluster: Cluster) -> None:
    cluster.cache.apply_event("FleetJob", None, job(1))
    cluster.cache.apply_event("FleetJob", None, job(2, uid="other-uid", name="other"))
    cluster.cache.assume("FleetJob", job(9, uid="new-uid", name="new"))
    cluster.woke()
    cluster.cache.compare("FleetJob", [job(5, priority=1)], resource_version=7)
    assert {view.name for view in cluster.cache.jobs.values()} == {"feed", "new"}
    assert sorted(cluster.woke()) == [FEED, ("shop", "other")]


def test_a_reflector_gets_decoder_and_store(cluster: Cluster) -> None:
    decode, store = cluster.cache.source(PODS)
    assert store is cluster.cache.pods
    assert decode(pod("p", 1)).name == "p"


@pytest.mark.row("Pre-pull")
def test_pods_that_pull_images_are_kept_apart_from_the_job_s_own(cluster: Cluster) -> None:
    decode, store = cluster.cache.source(PODS, PULL_SELECTOR)
    cluster.add("FleetJob", job())
    cluster.add("JobVersion", job_version(2, 2), job_version(1, 3, owner="former-uid"))
    cluster.add("Pod", pod("feed-n1", 4))
    cluster.woke()
    raws = [pull("a", 5), pull("b", 6, of="feed-v1-uid"), pull("c", 7, of="unknown")]
    store.replace([decode(raw) for raw in raws], 8)
    assert set(cluster.woke()) == {FEED}
    observed = cluster.seen()
    assert [view.name for view in observed.pods] == ["feed-n1"]
    assert {view.name for view in observed.pulls} == {"a", "b"}, "of a version that is known"
    cluster.cache.source(PODS)[1].replace([], 9)
    assert {view.name for view in cluster.seen().pulls} == {"a", "b"}, "each list has its own"


@pytest.mark.row("Pre-pull", "Deletion")
def test_those_of_an_orphaned_version_are_nobody_s(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("JobVersion", job_version(2, 2, owner=""))
    cluster.cache.assume("Pod", pull("a", 5))
    assert cluster.seen().pulls == []


@pytest.mark.row("Pre-pull")
def test_the_answers_to_our_own_writes_reach_them(cluster: Cluster) -> None:
    cluster.add("FleetJob", job())
    cluster.add("JobVersion", job_version(2, 2))
    cluster.cache.assume("Pod", pull("a", 5))
    cluster.cache.assume("Pod", pull("b", 6))
    assert cluster.seen().pods == []
    going = pull("a", 7, deletionTimestamp=CREATED)
    cluster.cache.deleted("Pod", "shop", "a", "a-uid", going)
    cluster.cache.forget("Pod", "shop", "b", "b-uid")
    assert [(view.name, view.deleting) for view in cluster.seen().pulls] == [("a", True)]
    cluster.woke()
    status = {**pull("a", 8, deletionTimestamp=CREATED), "status": {"phase": "Failed"}}
    cluster.cache.assume("Pod", status)
    assert cluster.woke() == [], "what becomes of the pull is nobody's concern"
    assert cluster.seen().pulls[0].resource_version == "8"


BY = "shop/feed/job-uid/feed-n1-1"


def cordoned(version: int, by: str | None = BY) -> dict[str, Any]:
    raw = node("n1", version, unschedulable=True)
    raw["metadata"]["annotations"] = {"wavegate.dev/cordoned-by": by}
    return raw


@pytest.mark.row("Cordon")
def test_a_node_that_a_job_cordoned_wakes_it_though_nothing_else_is_left_of_it() -> None:
    cluster = Cluster()
    cluster.add("Node", cordoned(1))
    assert FEED in cluster.woke()
    observed = cluster.look()
    assert observed is not None
    assert observed.job.deleting
    assert observed.nodes["n1"].cordoned_by == Cordon.parse(BY)
    cluster.add("Node", cordoned(2, None))
    assert cluster.look() is None
    assert FEED not in cluster.cache.job_keys()


@pytest.mark.row("Cordon")
def test_a_cordon_of_a_namespace_that_others_look_after_is_theirs() -> None:
    cache = ClusterCache(lambda _: None, clock=lambda: 0.0, namespaces=("web",))
    cache.apply_event("Node", "ADDED", cordoned(1))
    assert cache.job_keys() == set()


def test_a_cordoned_node_that_is_removed_is_forgotten() -> None:
    cluster = Cluster()
    cluster.add("Node", cordoned(1))
    cluster.cache.apply_event("Node", "DELETED", cordoned(2))
    assert cluster.look() is None
