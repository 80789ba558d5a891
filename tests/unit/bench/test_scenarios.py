"""What scenarios read out of what they have seen."""

from __future__ import annotations

import pytest

from bench.audit import Request
from bench.errors import BenchError
from bench.lab import USER
from bench.scenarios.bad_canary import Event, TakenBack, taken_back, timed
from bench.scenarios.cold_start import first_action
from bench.scenarios.many_jobs import percentile


def request(verb: str, resource: str, name: str, at: float, took: float = 0.01) -> Request:
    return Request(USER, verb, resource, name, at, at + took)


def test_an_object_s_events_are_its_writes_in_their_order():
    events = [
        Event("ADDED", "pods", "a", 2, ""),
        Event("MODIFIED", "executions", "a-2", 2, "Validating"),
        Event("MODIFIED", "pods", "a", 2, ""),
        Event("MODIFIED", "executions", "a-2", 2, "Failed"),
        Event("ADDED", "pods", "a", 1, ""),
        Event("MODIFIED", "fleetdeployments", "fleet-v2", 2, ""),
    ]
    requests = [
        request("create", "pods", "a", 1.0),
        request("update", "executions/status", "a-2", 2.0),
        request("update", "executions/status", "a-2", 3.0),
        request("delete", "pods", "a", 3.5),
        request("create", "pods", "a", 4.0),
        request("update", "fleetdeployments/status", "fleet-v2", 5.0),
    ]
    found = timed(events, requests)
    assert [(event.state or event.version, at.received) for event, at in found] == [
        (2, 1.0),
        ("Validating", 2.0),
        ("Failed", 3.0),
        (1, 4.0),
    ]


def test_an_event_without_its_write_is_an_error():
    with pytest.raises(BenchError, match="2 events, 1 requests"):
        timed([Event("ADDED", "pods", "a", 2, "")] * 2, [request("create", "pods", "a", 1.0)])


VERDICT = (
    Event("MODIFIED", "executions", "a-2", 2, "Failed"),
    request("update", "executions/status", "a-2", 9.9, took=0.1),
)
ROLLBACK = (
    Event("ADDED", "executions", "a-3", 1, ""),
    request("create", "executions", "a-3", 10.06),
)


@pytest.mark.parametrize(
    ("resource", "version", "at", "starts", "late"),
    [
        pytest.param("pods", 2, 9.99, 1, 0, id="sent before the verdict was answered"),
        pytest.param("pods", 2, 10.2, 1, 1, id="a pod after it"),
        pytest.param("executions", 2, 10.2, 1, 1, id="an execution after it"),
        pytest.param("pods", 1, 10.2, 0, 0, id="of the stable version"),
        pytest.param("fleetdeployments", 2, 9.0, 0, 0, id="no node gets anything by it"),
    ],
)
def test_starts_after_the_verdict_are_counted(
    resource: str, version: int, at: float, starts: int, late: int
):
    start = (Event("ADDED", resource, "b", version, ""), request("create", resource, "b", at))
    found = taken_back([start, VERDICT, ROLLBACK], version=2, stable=1)
    assert found == TakenBack(pytest.approx(0.06), starts, late)


def test_the_first_verdict_and_the_first_write_back_count():
    later = [
        (VERDICT[0], request("update", "executions/status", "b-2", 10.3)),
        (ROLLBACK[0], request("create", "executions", "b-3", 10.5)),
    ]
    rollback = (
        Event("ADDED", "fleetdeployments", "fleet-v2-rollback", 1, ""),
        request("create", "fleetdeployments", "fleet-v2-rollback", 10.04),
    )
    before = (ROLLBACK[0], request("create", "executions", "z-3", 9.5))
    told = [before, VERDICT, ROLLBACK, rollback, *later]
    assert taken_back(told, version=2, stable=1).to_rollback == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param([ROLLBACK], "no execution of version 2 has failed", id="no verdict"),
        pytest.param([VERDICT], "version 2 was not taken back", id="no rollback"),
    ],
)
def test_what_did_not_happen_is_an_error(told: list[tuple[Event, Request]], words: str):
    with pytest.raises(BenchError, match=words):
        taken_back(told, version=2, stable=1)


def test_the_first_right_action_is_a_write_of_an_execution_or_pod_after_the_start():
    requests = [
        request("create", "pods", "a", 4.9),
        request("update", "fleetjobs/status", "fleet", 5.1),
        request("create", "events", "a", 5.2),
        Request("kwok", "delete", "pods", "a", 5.3, 5.31),
        request("list", "pods", "", 5.4),
        request("delete", "pods", "b", 5.6),
        request("create", "executions", "c-2", 5.5),
    ]
    assert first_action(requests, 5.0) == 5.5


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 150), (0.99, 297), (1.0, 300), (0.001, 1), (0.0, 1)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int):
    assert percentile(list(range(1, 301)), share) == value
