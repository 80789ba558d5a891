"""What all models share: spelling, strictness, nulls; shown on the operator's own records."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from wavegate.api.base import Model
from wavegate.api.execution import ExecutionSpec, ExecutionStatus
from wavegate.api.fleetdeployment import FleetDeploymentSpec, FleetDeploymentStatus
from wavegate.api.fleetjob_status import FleetJobStatus
from wavegate.api.jobversion import JobVersionSpec, JobVersionStatus
from wavegate.api.rollout import Rollout

EXECUTION = {
    "jobId": "u1",
    "jobName": "job",
    "jobType": "pipeline",
    "jobVersion": 1,
    "nodeName": "node-1",
    "nodeUid": "u2",
    "evalId": "e1",
    "rolloutWave": 0,
    "attempt": 1,
    "workloadHash": "h1:0",
}
STORED: list[tuple[type[Model], dict[str, Any]]] = [
    (ExecutionSpec, EXECUTION),
    (ExecutionStatus, {"observedState": {"stateType": "Running", "details": {"a": "b"}}}),
    (FleetDeploymentSpec, {"jobName": "job", "type": "Rollback", "toVersion": 1, "paused": True}),
    (FleetDeploymentStatus, {"observedGeneration": -1, "failures": [{"node": "node-1"}]}),
    (FleetJobStatus, {"versions": [{"version": 1, "nodes": 3}], "nodes": {"notReady": 1}}),
    (JobVersionSpec, {"jobId": "u", "version": 1, "jobSpec": {"a": 1}, "workloadHash": "h1:0"}),
    (JobVersionStatus, {"stable": True, "job": {"version": 1}}),
]

each = pytest.mark.parametrize(
    ("model", "stored"), STORED, ids=lambda v: getattr(v, "__name__", "")
)


def contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


@each
def test_what_is_stored_is_read_and_written_alike(
    model: type[Model], stored: dict[str, Any]
) -> None:
    read = model.model_validate(stored)
    assert contains(read.to_dict(), stored)
    assert model.model_validate(read.to_dict()) == read


@each
def test_unknown_fields_are_refused(model: type[Model], stored: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({**stored, "fromAnotherRelease": 1})


@each
def test_a_null_means_not_set(model: type[Model], stored: dict[str, Any]) -> None:
    optional = {f.alias: None for f in model.model_fields.values() if not f.is_required()}
    assert model.model_validate({**optional, **stored}) == model.model_validate(stored)


def test_a_required_field_is_not_null() -> None:
    with pytest.raises(ValidationError, match="jobId\n  Field required"):
        ExecutionSpec.model_validate({**EXECUTION, "jobId": None})


def test_names_of_both_worlds_are_taken() -> None:
    assert Rollout(max_parallel=3) == Rollout.model_validate({"maxParallel": 3})


@pytest.mark.parametrize("value", [1, 5000, "1%", "10%", "100%"])
def test_a_count_or_a_share(value: int | str) -> None:
    assert Rollout(max_parallel=value).max_parallel == value


@pytest.mark.parametrize("value", [0, -1, 2**31, True, 1.5, "", "5", "0%", "101%", "1.5%", "10%\n"])
def test_neither_a_count_nor_a_share(value: Any) -> None:
    with pytest.raises(ValidationError):
        Rollout(max_parallel=value)
