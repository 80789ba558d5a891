"""The few things that views work out by themselves."""

from __future__ import annotations

import pytest

from unit.domain.builders import deployment, execution, job, pod


@pytest.mark.parametrize("state", ["Completed", "Failed", "Stopped"])
def test_these_states_end_an_execution(state: str) -> None:
    assert execution(observed=state).terminal


@pytest.mark.parametrize(
    "state", ["Pending", "Starting", "Validating", "Running", "Degraded", "Lost"]
)
def test_these_do_not_because_the_node_may_come_back_with_it(state: str) -> None:
    assert not execution(observed=state).terminal


def test_these_states_end_a_deployment() -> None:
    ended = [
        state
        for state in ("", "Pending", "InProgress", "Paused", "Completed", "Failed", "Canceled")
        if deployment(state=state).terminal
    ]
    assert ended == ["Completed", "Failed", "Canceled"]


def test_a_pod_has_ended_by_its_phase() -> None:
    assert pod(phase="Succeeded").terminal
    assert pod(phase="Failed").terminal
    assert not pod(phase="Unknown").terminal


def test_an_execution_s_details_are_those_of_its_status() -> None:
    assert execution(details={"withdrawn": "Cordoned"}).withdrawn
    assert not execution(details={"reason": "Exited"}).withdrawn
    assert execution(status={}).details == {}


def test_keys_name_a_node_by_its_uid_too_and_a_job_by_its_namespace() -> None:
    assert execution().node_key == ("n1", "uid-n1")
    assert job().key == ("default", "app")
