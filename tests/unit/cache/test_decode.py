from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import (
    CREATED,
    CREATED_AT,
    JOB_UID,
    deployment,
    execution,
    job,
    job_version,
)
from wavegate.api.fleetjob import load_job_spec
from wavegate.cache import decode as decode_module
from wavegate.cache.decode import OwnDecoder


@pytest.fixture
def decoder() -> OwnDecoder:
    return OwnDecoder()


def test_a_job(decoder: OwnDecoder) -> None:
    found = decoder.job(job(7, priority=60))
    assert (found.namespace, found.name, found.job) == ("shop", "feed", "feed")
    assert (found.uid, found.resource_version) == (JOB_UID, 7)
    assert found.view.spec is not None
    assert found.view.spec.priority == 60
    assert found.view.created == CREATED_AT
    assert not found.view.deleting


@pytest.mark.row("Deletion")
@pytest.mark.parametrize(
    ("metadata", "orphaning"),
    [
        ({"deletionTimestamp": CREATED, "finalizers": ["orphan"]}, True),
        ({"deletionTimestamp": CREATED, "finalizers": ["backup.example/copy", "orphan"]}, True),
        ({"deletionTimestamp": CREATED, "finalizers": ["foregroundDeletion"]}, False),
        ({"deletionTimestamp": CREATED}, False),
        ({"finalizers": ["orphan"]}, False),
    ],
)
def test_a_job_that_is_deleted_and_leaves_its_children(
    decoder: OwnDecoder, metadata: dict[str, Any], orphaning: bool
) -> None:
    document = job()
    document["metadata"] |= metadata
    assert decoder.job(document).view.orphaning is orphaning


def test_a_spec_that_is_not_understood_is_a_view_that_says_why(decoder: OwnDecoder) -> None:
    view = decoder.job(job(1, tomorrow=True)).view
    assert view.spec is None
    assert "spec.tomorrow" in view.invalid
    assert view.raw_spec == {}, "nobody asks for it, and it may be of any size"


def test_a_spec_is_parsed_once_for_each_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []

    def counted(raw: Any) -> Any:
        loaded.append(1)
        return load_job_spec(raw)

    monkeypatch.setattr(decode_module, "load_job_spec", counted)
    decoder = OwnDecoder()
    first, later, changed = job(1), job(2), job(3, priority=1)
    changed["metadata"]["generation"] = 2
    same = decoder.job(first).view.spec is decoder.job(later).view.spec
    assert same
    found = decoder.job(changed).view.spec
    assert found is not None
    assert found.priority == 1
    assert len(loaded) == 2


def test_remembered_specs_are_bounded(decoder: OwnDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "_REMEMBERED_SPECS", 1)
    first = decoder.job(job(1)).view.spec
    decoder.job(job(1, uid="another"))
    assert decoder.job(job(1)).view.spec is not first


def test_a_version(decoder: OwnDecoder) -> None:
    found = decoder.version(job_version(2, 9))
    view = found.view
    assert (found.job, view.owner_uid, view.version) == ("feed", JOB_UID, 2)
    assert view.spec is not None
    assert (view.workload_hash, view.driver_image, view.driver_revision) == (
        "h1:2",
        "registry.local/app:1",
        "1",
    )
    assert (view.stable, view.stable_at) == (True, CREATED_AT)


def test_an_orphaned_version_belongs_by_its_name(decoder: OwnDecoder) -> None:
    found = decoder.version(job_version(12, 9, owner=""))
    assert (found.job, found.view.owner_uid) == ("feed", "")


def test_an_owner_of_another_kind_is_not_a_job(decoder: OwnDecoder) -> None:
    raw = execution("e", 1)
    raw["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1"
    assert decoder.execution(raw).view.owner_uid == ""


def test_an_execution_before_its_first_status(decoder: OwnDecoder) -> None:
    found = decoder.execution(execution("feed-x-3", 4))
    view = found.view
    assert (found.job, view.node, view.node_uid, view.attempt) == ("feed", "n1", "n1-uid", 3)
    assert (view.version, view.wave, view.deployment) == (2, 1, "feed-v2")
    assert (view.desired, view.observed, view.stable_at) == ("Running", "Pending", None)
    assert not view.assumed


def test_an_execution_with_a_status(decoder: OwnDecoder) -> None:
    raw = execution(
        "e",
        4,
        desiredState={"stateType": "Stopped"},
        observedState={"stateType": "Stopping"},
        stableAt=CREATED,
        updatedAt=CREATED,
        podUid="p1",
    )
    raw["metadata"]["deletionTimestamp"] = CREATED
    view = decoder.execution(raw).view
    assert (view.desired, view.observed, view.pod_uid) == ("Stopped", "Stopping", "p1")
    assert (view.stable_at, view.updated, view.deleting) == (CREATED_AT, CREATED_AT, True)


def test_a_deployment_of_a_user_before_it_is_accepted(decoder: OwnDecoder) -> None:
    raw = deployment("again", 3, owner="", type="Restart", paused=True)
    del raw["spec"]["fromVersion"], raw["spec"]["toVersion"]
    found = decoder.deployment(raw)
    view = found.view
    assert (found.job, view.owner_uid, view.type, view.paused) == ("feed", "", "Restart", True)
    assert (view.from_version, view.to_version, view.rollout, view.state) == (0, 0, None, "")


def test_what_a_deployment_resolved_to_wins_over_what_was_asked(decoder: OwnDecoder) -> None:
    raw = deployment("again", 3, rollout={"maxParallel": 3})
    assert decoder.deployment(raw).view.rollout is not None
    raw["status"] = {
        "state": "InProgress",
        "reason": "Rolling",
        "sequence": 4,
        "totalNodes": 12,
        "waveSize": 2,
        "canaryPromoted": True,
        "startedAt": CREATED,
        "workloadHash": "h1:2",
        "resolved": {"fromVersion": 5, "toVersion": 4, "rollout": {"maxParallel": "50%"}},
    }
    view = decoder.deployment(raw).view
    assert (view.from_version, view.to_version) == (5, 4)
    assert view.rollout is not None
    assert view.rollout.max_parallel == "50%"
    assert (view.state, view.reason, view.sequence) == ("InProgress", "Rolling", 4)
    assert (view.total, view.wave_size, view.promoted_gate) == (12, 2, True)
    assert (view.started, view.workload_hash) == (CREATED_AT, "h1:2")


def test_rollout_settings_that_are_not_understood_count_as_not_given(decoder: OwnDecoder) -> None:
    raw = deployment("again", 3, rollout={"strategy": "Backwards"})
    assert decoder.deployment(raw).view.rollout is None
