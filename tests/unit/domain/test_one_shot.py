"""Jobs that run to completion: who is brought to a version, and what is kept of each end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.world import once
from unit.domain.builders import JOB_UID, chain, execution, fleet, job, node, version
from wavegate.api.execution import Result
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.fleetjob_status import Results
from wavegate.domain.claim import Chain
from wavegate.domain.observed import Cordon, ExecutionView, Exit
from wavegate.domain.one_shot import is_behind, is_one_shot, result, results, time_to_end
from wavegate.domain.places import needs_place, turns_taken

pytestmark = pytest.mark.row("One-shot types")


def claim(number: int, observed: str, **fields: object) -> ExecutionView:
    return execution(number, observed, version=number, workload_hash=f"w{number}", **fields)


@pytest.mark.parametrize(
    ("last", "behind"),
    [
        pytest.param(None, True, id="none"),
        pytest.param(claim(1, "Completed", stable=True), True, id="v1 completed"),
        pytest.param(claim(1, "Failed"), True, id="v1 failed"),
        pytest.param(claim(1, "Running"), False, id="v1 running: it ends first"),
        pytest.param(claim(2, "Completed", stable=True), False, id="v2 completed"),
        pytest.param(claim(2, "Failed"), False, id="v2 failed"),
        pytest.param(claim(2, "Stopped"), True, id="v2 stopped"),
        pytest.param(
            claim(2, "Completed", node_uid="another"), True, id="v2 on an earlier node of the name"
        ),
    ],
)
def test_who_is_brought_to_the_version(last: ExecutionView | None, behind: bool) -> None:
    there = chain(last) if last is not None else None
    assert is_behind(there, node(), lambda each: each.workload_hash == "w2") is behind


def test_its_types() -> None:
    assert is_one_shot("query")
    assert not is_one_shot("pipeline")
    assert not is_one_shot("container")


def ended(message: str, code: int = 0) -> Exit:
    return Exit("main", "Completed", code, message, 0.0)


@pytest.mark.row("status.result")
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("6.1.0\n", "6.1.0"),
        ("a\tb\r\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m \x07bell\x00 \x85", "red bell"),
        ("x" * 5000, "x" * 1024),
        ("é" * 600, "é" * 512),
        ("a" + "é" * 600, "a" + "é" * 511),
        ("lone \ud800 half", "lone ? half"),
    ],
)
def test_the_first_kibibyte_is_kept_without_control_characters(said: str, kept: str) -> None:
    found = result(ended(said, 3))
    assert found == {"exitCode": 3, "message": kept}
    assert len(kept.encode()) <= 1024
    Result.model_validate(found)


def test_without_a_message_the_exit_code_is_the_result() -> None:
    assert result(ended(" \n")) == {"exitCode": 0}
    assert result(None) is None


@pytest.mark.row("status.results")
def test_the_job_counts_all_and_names_the_first_twenty() -> None:
    bad = [
        Chain(f"n{n:02}", (claim(2, "Failed", node=f"n{n:02}", updated=100.0 - n),), ())
        for n in range(30)
    ]
    others = [
        chain(claim(2, "Completed")),
        chain(claim(1, "Completed")),
        chain(claim(2, "Running")),
    ]
    summary = results([*bad, *others], version(2))
    assert (summary["succeeded"], summary["failed"]) == (1, 30)
    assert [each["node"] for each in summary["failures"]] == [f"n{n:02}" for n in range(29, 9, -1)]
    Results.model_validate(summary)


def test_a_failure_without_a_result_has_the_exit_code_of_its_evidence() -> None:
    failed = claim(2, "Failed", details={"reason": "DeadlineExceeded", "exitCode": "7"})
    (failure,) = results([chain(failed)], version(2))["failures"]
    assert (failure["exitCode"], failure["reason"]) == (7, "DeadlineExceeded")


@pytest.mark.row("spec.rollout.healthCheck.deadline")
@pytest.mark.parametrize(
    ("rollout", "seconds"),
    [
        ({"healthCheck": {"deadline": "2m"}}, 120.0),
        ({}, None),
        ({"strategy": "Immediate", "healthCheck": {"deadline": "2m"}}, None),
    ],
)
def test_only_a_rollout_in_waves_sets_a_time_to_end(rollout: dict, seconds: float | None) -> None:
    assert time_to_end(version(spec=load_job_spec(once(**rollout)))) == seconds


def test_a_place_is_a_turn() -> None:
    at_work, done = chain(claim(2, "Running")), chain(claim(2, "Completed", stable=True))
    nodes = {"n1": node("n1"), "n2": node("n2")}
    assert turns_taken(job(), nodes, {"n1": at_work}) == {"n1"}
    assert turns_taken(job(), nodes, {"n1": done}) == set()
    assert turns_taken(job(), {}, {"n1": at_work}) == set(), "its node is gone"
    ours = Cordon("default", "app", JOB_UID, "app-n2-1")
    closed = {"n2": node("n2", cordoned_by=ours)}
    assert turns_taken(job(), closed, {"n1": done}) == {"n2"}, "still to be opened"
    others = {"n2": node("n2", cordoned_by=replace(ours, job_uid="other"))}
    assert turns_taken(job(), others, {}) == set()
    assert needs_place(None, one_shot=True)
    assert needs_place(done, one_shot=True)
    assert not needs_place(at_work, one_shot=True)


def test_no_windows_are_kept_of_them() -> None:
    spec = load_job_spec(once(healthCheck={"deadline": "2m"}))
    judging = fleet(job=job(spec)).judging_of(version(spec=spec), "app-v1")
    assert (judging.criteria, judging.deadline) == (None, 120.0)
