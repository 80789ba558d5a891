"""Statuses that do not fit their models."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from wavegate.api.execution import ExecutionStatus
from wavegate.api.fleetjob_status import FleetJobStatus
from wavegate.cache.statuses import readable

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Running",
    "message": "",
    "lastTransitionTime": "2025-01-31T12:00:00Z",
}
FINE = {
    "version": 3,
    "state": {"stateType": "Running"},
    "conditions": [READY],
    "observedGeneration": 2,
}


@pytest.mark.parametrize("status", [None, [], "text", 1, {}])
def test_what_is_none_is_empty(status: Any) -> None:
    assert readable(FleetJobStatus, status) == {}


def test_one_that_fits_is_as_it_was() -> None:
    assert readable(FleetJobStatus, FINE) is FINE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "3"),
        ("version", 1.5),
        ("state", "Running"),
        ("state", {"stateType": 1}),
        ("state", {"stateType": {}}),
        ("state", {"stateType": []}),
        ("state", {"details": {"reason": {}}}),
        ("conditions", {}),
        ("conditions", [{"status": "True"}]),
        ("conditions", [None]),
        ("conditions", [{"name": "odd"}] * 100),
        ("nodes", []),
        ("nodes", {"desired": [1]}),
    ],
)
def test_a_field_of_another_type_is_left_out_and_no_other(field: str, value: Any) -> None:
    left = {name: each for name, each in FINE.items() if name != field}
    assert readable(FleetJobStatus, FINE | {field: value}) == left


@pytest.mark.parametrize(
    "more",
    [
        {"state": {"stateType": "Sleeping"}},
        {"knownLater": {"a": [1]}},
        {"conditions": [READY | {"knownLater": 1}]},
        {"conditions": [READY | {"message": "x" * 100_000}]},
        {"version": -1},
    ],
    ids=["another word", "another field", "another field within", "too long", "too small"],
)
def test_what_another_release_may_know_stays(more: dict[str, Any]) -> None:
    assert readable(FleetJobStatus, FINE | more) == FINE | more


def test_a_field_that_holds_more_than_any_is_left_out() -> None:
    assert readable(FleetJobStatus, FINE | {"nodes": [[]] * 50_000}) == FINE
    assert readable(FleetJobStatus, FINE | {"known": {"later": [1] * 50_000}, "version": ""}) == {
        name: value for name, value in FINE.items() if name != "version"
    }


JUDGED = {
    "observedGeneration": 1,
    "conditions": [READY],
    "desiredState": {"stateType": "Running"},
    "observedState": {"stateType": "Running", "message": "healthy", "details": {"reason": "Ok"}},
    "stableAt": "2025-01-31T12:00:00Z",
    "details": {"windows": "[]"},
}


@pytest.mark.parametrize(
    ("model", "status"), [(FleetJobStatus, FINE), (ExecutionStatus, JUDGED)], ids=["job", "one"]
)
def test_one_as_the_operator_writes_it_is_read_without_asking_the_model(
    model: type[BaseModel], status: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "__pydantic_validator__", None)
    assert readable(model, status) is status
    with pytest.raises(AttributeError):
        readable(model, status | {"observedGeneration": "1"})
