"""What a webhook is told of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.states import TERMINAL
from wavegate.runs.webhook_body import MAX_BODY, body

END = "2026-01-01T02:00:01.500000Z"


def document(**status: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "shop", "uid": "u-1"}
    metadata["creationTimestamp"] = "2026-01-01T02:00:00Z"
    known = {"phase": "Completed", "reason": "Completed", "completionTime": END, "attempt": 1}
    return {"metadata": metadata, "spec": {"jobName": "app"}, "status": {**known, **status}}


def test_it_has_the_three_fields_of_the_standard_and_what_is_known_of_the_run() -> None:
    run = document(result='{"a": 1}', version=3, triggeredBy="Schedule", metadata={"team": "x"})
    run["spec"]["replayOf"] = "zero"
    assert json.loads(body(run)) == {
        "type": "jobrun.completed",
        "timestamp": END,
        "data": {
            "run": "one",
            "uid": "u-1",
            "namespace": "shop",
            "job": "app",
            "attempts": 1,
            "creationTime": "2026-01-01T02:00:00Z",
            "replayOf": "zero",
            "phase": "Completed",
            "reason": "Completed",
            "version": 3,
            "triggeredBy": "Schedule",
            "completionTime": END,
            "result": '{"a": 1}',
            "metadata": {"team": "x"},
        },
    }


def test_a_failure_is_told_as_it_is_on_record() -> None:
    error = {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"}
    data = json.loads(body(document(phase="DeadLetter", attempt=3, lastError=error)))["data"]
    assert (data["attempts"], data["error"]) == (3, error)


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_each_end_can_be_told(phase: str) -> None:
    assert json.loads(body(document(phase=phase)))["data"]["phase"] == phase


def test_neither_the_delivery_nor_who_called_is_told() -> None:
    told = body(document(webhook={"phase": "Pending"}, holder="pod-1", conditions=[], debug={}))
    assert not {"webhook", "holder", "conditions", "debug"} & set(json.loads(told)["data"])


LARGE = {f"key-{number}": "\u20ac" * 1024 for number in range(40)}


@pytest.mark.parametrize(
    ("status", "left_out"),
    [
        pytest.param({"result": "\x01" * 8192}, None, id="a result alone has room"),
        pytest.param({"metadata": LARGE}, ["metadata"], id="much metadata"),
        pytest.param({"metadata": LARGE, "result": "r"}, ["metadata"], id="and a small result"),
        pytest.param(
            {"metadata": LARGE, "result": "\x01" * 12000}, ["metadata", "result"], id="both"
        ),
    ],
)
def test_what_there_is_no_room_for_is_named(status: Any, left_out: Any) -> None:
    told = body(document(**status))
    data = json.loads(told)["data"]
    assert len(told.encode()) <= MAX_BODY
    assert data.get("leftOut") == left_out
    assert not set(left_out or ()) & set(data)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8192)


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=4), TEXT)
def test_it_is_bounded_and_the_same_each_time(result: str, metadata: Any, message: str) -> None:
    run = document(result=result, metadata=metadata, message=message[:1024])
    told = body(run)
    assert len(told.encode()) <= MAX_BODY
    assert body(run) == told
    assert json.loads(told)["data"]["run"] == "one"
