from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.cache.documents import CREATED, CREATED_AT, node, owned, pod, pull
from wavegate.cache.decode_core import decode_node, decode_pod, decode_pull
from wavegate.domain.observed import Exit, PodView, PullView, Taint

Raw = dict[str, Any]


def ended(name: str, code: int, *, last: bool = False, reason: str = "Error") -> Raw:
    end = {"exitCode": code, "reason": reason, "message": f"{name} ended", "finishedAt": CREATED}
    if last:
        return {"name": name, "restartCount": 1, "lastState": {"terminated": end}}
    return {"name": name, "restartCount": 0, "state": {"terminated": end}}


def waits(name: str, reason: str) -> Raw:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": f"{name} waits"}}}


def with_status(**status: Any) -> PodView:
    return decode_pod(pod("p", 1, status=status)).view


def test_a_running_pod() -> None:
    raw = pod(
        "p",
        4,
        metadata={"ownerReferences": owned("Execution", "feed-x-1", "e1")},
        status={
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": CREATED},
                {"type": "PodScheduled", "status": "True"},
            ],
            "containerStatuses": [{"name": "main", "restartCount": 2}],
            "initContainerStatuses": [{"name": "init", "restartCount": 1}],
        },
    )
    found = decode_pod(raw)
    view = found.view
    assert (found.job, view.job, view.node) == ("feed", "feed", "n1")
    assert (view.owner_kind, view.owner_name, view.owner_uid) == ("Execution", "feed-x-1", "e1")
    assert (view.phase, view.ip, view.ready, view.ready_changed) == (
        "Running",
        "10.0.0.7",
        True,
        CREATED_AT,
    )
    assert (view.restarts, view.scheduled, view.exit) == (3, True, None)
    assert (view.deletion, view.grace) == (None, 30.0)


def test_a_pod_that_is_not_scheduled_is_on_the_node_that_its_affinity_names() -> None:
    field = {"key": "metadata.name", "operator": "In", "values": ["n7"]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    refused = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    raw = pod("p", 1, spec={"affinity": affinity}, status={"conditions": [refused]})
    view = decode_pod(raw).view
    assert (view.node, view.scheduled) == ("n7", False)
    assert view.scheduling_message == "0/1 nodes are available"


def test_a_pod_that_is_being_deleted() -> None:
    raw = pod("p", 1, metadata={"deletionTimestamp": CREATED})
    raw["spec"]["terminationGracePeriodSeconds"] = 5
    view = decode_pod(raw).view
    assert (view.deletion, view.grace) == (CREATED_AT, 5.0)


def test_a_deletion_time_that_cannot_be_read_is_still_a_deletion() -> None:
    assert decode_pod(pod("p", 1, metadata={"deletionTimestamp": 7})).view.deletion is not None


@pytest.mark.parametrize(
    ("containers", "init", "expected"),
    [
        pytest.param([ended("main", 2)], [], ("main", 2), id="it failed"),
        pytest.param([ended("main", 0)], [], ("main", 0), id="it ended well"),
        pytest.param([ended("main", 3, last=True)], [], ("main", 3), id="it was restarted"),
        pytest.param(
            [ended("a", 9, last=True), ended("b", 1)], [], ("b", 1), id="a present failure first"
        ),
        pytest.param(
            [ended("a", 0), ended("b", 1, last=True)],
            [],
            ("b", 1),
            id="a failure before a good end",
        ),
        pytest.param([], [ended("init", 4)], ("init", 4), id="an init container failed"),
        pytest.param([{"name": "main"}], [ended("init", 0)], None, id="init ended well: nothing"),
        pytest.param([{"name": "main"}], [], None, id="nothing ended"),
    ],
)
def test_how_it_ended(
    containers: list[Raw], init: list[Raw], expected: tuple[str, int] | None
) -> None:
    view = with_status(containerStatuses=containers, initContainerStatuses=init)
    if expected is None:
        assert view.exit is None
    else:
        name, code = expected
        assert view.exit == Exit(name, "Error", code, f"{name} ended", CREATED_AT)


def test_how_main_ended_is_known_whatever_others_did() -> None:
    view = with_status(containerStatuses=[ended("side", 3), ended("main", 0)])
    assert view.exit is not None
    assert (view.exit.container, view.main) == (
        "side",
        Exit("main", "Error", 0, "main ended", CREATED_AT),
    )
    assert with_status(containerStatuses=[{"name": "main"}]).main is None


@pytest.mark.parametrize(
    ("containers", "init", "reason"),
    [
        ([waits("a", "ContainerCreating"), waits("b", "ErrImagePull")], [], "ErrImagePull"),
        ([waits("a", "PodInitializing")], [waits("i", "CrashLoopBackOff")], "CrashLoopBackOff"),
        ([waits("a", "ContainerCreating")], [], "ContainerCreating"),
        ([{"name": "a"}], [], ""),
    ],
)
def test_why_it_waits(containers: list[Raw], init: list[Raw], reason: str) -> None:
    view = with_status(containerStatuses=containers, initContainerStatuses=init)
    assert view.waiting_reason == reason


def test_a_disruption_counts_only_where_it_is_true() -> None:
    found = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    assert with_status(conditions=[found]).disruption == "EvictionByEvictionAPI"
    assert with_status(conditions=[{**found, "status": "False"}]).disruption == ""
    assert with_status(conditions=[{**found, "reason": None}]).disruption == "DisruptionTarget"


def test_a_node() -> None:
    raw = node(
        "n1",
        3,
        unschedulable=True,
        taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule", "timeAdded": CREATED}],
    )
    raw["status"]["conditions"] += [
        {"type": "DiskPressure", "status": "True"},
        {"type": "MemoryPressure", "status": "False"},
    ]
    found = decode_node(raw)
    assert (found.namespace, found.job) == ("", "")
    assert found.view.labels == {"zone": "a"}
    assert (found.view.ready, found.view.ready_changed) == (True, CREATED_AT)
    assert found.view.pressure == ("DiskPressure",)
    assert found.view.taints == (Taint("gpu", "yes", "NoSchedule"),)
    assert found.view.unschedulable


def test_a_node_that_has_not_reported_is_not_ready() -> None:
    raw = node("n1", 3)
    raw["status"] = {}
    view = decode_node(raw).view
    assert (view.ready, view.ready_changed) == (False, CREATED_AT)


FIELDS = [
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
    "state",
    "lastState",
    "terminated",
    "waiting",
    "exitCode",
    "reason",
    "message",
    "type",
    "status",
    "affinity",
    "nodeAffinity",
    "nodeSelectorTerms",
    "matchFields",
    "key",
    "operator",
    "values",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "taints",
    "nodeName",
    "phase",
    "restartCount",
    "terminationGracePeriodSeconds",
    "lastTransitionTime",
    "finishedAt",
]

garbage = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["True", "Ready", "In", "metadata.name", "PodScheduled", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(garbage, garbage, garbage)
def test_garbage_never_raises(spec: Any, status: Any, metadata: Any) -> None:
    raw = pod("p", 1, spec=spec, status=status)
    extra = metadata if isinstance(metadata, dict) else {}
    raw["metadata"].update({"labels": metadata, "ownerReferences": metadata, **extra})
    assert decode_pod(raw).uid == "p-uid"
    assert decode_node(raw).uid == "p-uid"


@pytest.mark.row("Pre-pull")
@pytest.mark.parametrize("api", ["work.example/v1", "v1", "wavegate.dev.example/v1", ""])
def test_a_controller_of_another_group_is_not_taken_for_ours(api: str) -> None:
    owners = owned("Execution", "feed-x-1", "e1", api)
    view = decode_pod(pod("p", 1, metadata={"ownerReferences": owners})).view
    assert view.owner_kind != "Execution"
    assert (view.owner_name, view.owner_uid) == ("feed-x-1", "")
    pulling = decode_pull(pull("p", 1, ownerReferences=owned("JobVersion", "v", "v1", api))).view
    assert pulling.owner_uid == ""


def test_a_controller_of_another_version_of_our_group_is_ours() -> None:
    owners = owned("Execution", "feed-x-1", "e1", "wavegate.dev/v1")
    view = decode_pod(pod("p", 1, metadata={"ownerReferences": owners})).view
    assert (view.owner_kind, view.owner_uid) == ("Execution", "e1")


def test_a_pod_that_pulls_images_belongs_to_the_job_of_its_label_and_to_its_node() -> None:
    found = decode_pull(pull("feed-x-pull-v2", 3))
    assert found.job == "feed"
    assert found.view == PullView(
        "feed-x-pull-v2", "feed-x-pull-v2-uid", "3", "n1", "feed-v2-uid", deleting=False
    )
    scheduled = pull("feed-x-pull-v2", 4, deletionTimestamp=CREATED)
    scheduled["spec"]["nodeName"] = "n2"
    going = decode_pull(scheduled).view
    assert (going.node, going.deleting) == ("n2", True)
