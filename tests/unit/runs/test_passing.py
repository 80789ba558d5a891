"""What becomes of a run that executes over nodes, look by look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.runs_world import NOW, executing, job, version
from unit.runs.test_nodes import execution, passed, rollout
from wavegate.api.httpjob import Retry
from wavegate.domain.observed import Refusal
from wavegate.runs.actions import CreatePass, RetryPass
from wavegate.runs.nodes import Pass
from wavegate.runs.observed import RunVersionView, RunView
from wavegate.runs.passing import Passing, is_stopping, passing

ONCE = Retry(max_attempts=1)
VERSION = replace(version(job()), raw_spec={"type": "query", "runs": {}})


def look(
    run: RunView,
    found: Pass | None,
    *,
    of: RunVersionView | None = VERSION,
    retry: Retry = ONCE,
    replaced: bool = False,
) -> Passing:
    stop = "Canceling" if run.canceled else "Replacing" if replaced else ""
    return passing(run, found, of, retry, NOW, stop, {})


def over_nodes(**facts: Any) -> RunView:
    return executing(job_kind="FleetJob", **facts)


def actions(made: Passing) -> list[Any]:
    return list(made.step.actions) if made.step is not None else []


def told(made: Passing) -> tuple[Any, Any]:
    status = made.status or {}
    return status.get("phase"), status.get("reason")


def test_its_fleet_job_is_made_of_its_version() -> None:
    made = look(over_nodes(), None)
    assert actions(made) == [CreatePass("one", "uid-one", 1, {"type": "query"})]
    assert made.status is None


def test_without_its_version_it_cannot_be_made() -> None:
    assert told(look(over_nodes(), None, of=None)) == ("SystemFailed", "VersionMissing")


def test_a_name_that_is_anothers_ends_it_and_one_that_goes_is_waited_for() -> None:
    other = Pass("x", is_own=False)
    assert told(look(over_nodes(), other)) == ("SystemFailed", "NameTaken")
    assert look(over_nodes(), replace(other, is_going=True)) == Passing()
    assert look(over_nodes(), Pass("x", is_going=True)) == Passing()


def test_a_further_attempt_is_a_restart_and_is_made_once() -> None:
    second = over_nodes(attempt=2)
    assert actions(look(second, Pass("j", attempt=1))) == [RetryPass("one", "j", 2)]
    assert look(second, Pass("j", attempt=1, rollout=rollout("InProgress", "Progressing"))) == (
        Passing()
    )
    assert look(second, Pass("j", attempt=2)) == Passing()


def test_it_ends_with_its_rollout_and_says_what_became_of_the_nodes() -> None:
    found = passed(executions=[execution("a", "Completed", "hot")])
    status = look(over_nodes(), found).status
    assert status is not None
    assert (status["phase"], status["result"]) == ("Completed", "a: hot")
    assert status["nodes"]["succeeded"] == 1


def test_where_attempts_are_left_it_waits_for_the_next() -> None:
    found = passed("Failed", "BudgetExceeded")
    assert told(look(over_nodes(), found)) == ("Failed", "NodesFailed")
    assert told(look(over_nodes(), found, retry=Retry(max_attempts=2))) == (
        "Queued",
        "RetryBackoff",
    )


@pytest.mark.parametrize(("replaced", "reason"), [(False, "Canceled"), (True, "Replaced")])
def test_it_keeps_its_place_until_nothing_is_at_work(replaced: bool, reason: str) -> None:
    at_work = passed("InProgress", "Progressing", working=2)
    run = over_nodes(canceled=not replaced)
    status = look(run, at_work, replaced=replaced).status
    assert status is not None
    assert (status["phase"], status["reason"]) == ("Executing", f"{reason[:-2]}ing")
    stopping = replace(run, status=status, canceled=False)
    assert is_stopping(stopping)
    assert not is_stopping(run)
    assert look(stopping, at_work) == Passing()
    assert look(stopping, replace(at_work, working=0)) == Passing(), "more of it may begin"
    over = passed("Canceled", "RunCanceled", working=1)
    assert look(stopping, over) == Passing()
    assert told(look(stopping, replace(over, working=0))) == ("Canceled", reason)


def test_what_is_left_of_a_fleet_job_that_is_gone_is_waited_for() -> None:
    left = Pass("", is_own=False, is_going=True, working=1)
    status = look(over_nodes(), left).status
    assert status is not None
    assert status["message"] == "waits until what a former FleetJob one left on 1 nodes is gone"
    assert look(over_nodes(status=status), left) == Passing()
    assert told(look(over_nodes(canceled=True), left)) == ("Executing", "Canceling")
    left = replace(left, working=0)
    assert look(over_nodes(), left) == Passing()
    assert told(look(over_nodes(canceled=True), left))[0] == "Canceled"


def test_before_its_rollout_is_made_it_is_canceled_once_that_is_on_record() -> None:
    run, bare = over_nodes(canceled=True), Pass("j")
    status = look(run, bare).status
    assert status is not None
    assert status["reason"] == "Canceling"
    assert told(look(replace(run, status=status), bare)) == ("Canceled", "Canceled")


def test_a_rollout_of_its_name_that_is_nobodys_ends_it() -> None:
    made = look(over_nodes(attempt=2), Pass("j", taken="one-retry-2"))
    assert told(made) == ("SystemFailed", "NameTaken")
    assert "FleetDeployment one-retry-2 exists already" in (made.status or {})["message"]


def test_after_a_stop_no_further_attempt_is_made() -> None:
    found = Pass("j", is_stopped=True)
    made = look(over_nodes(attempt=2), found)
    assert (told(made), made.step) == (("Failed", "RolloutCanceled"), None)
    assert look(over_nodes(attempt=2), replace(found, working=1)).step is None


@pytest.mark.parametrize(
    ("run", "found", "key"),
    [
        (over_nodes(), None, "FleetJob/one"),
        (over_nodes(attempt=2), Pass("j"), "FleetDeployment/one"),
    ],
)
def test_why_what_it_makes_is_refused_is_told_once_and_tried_again(
    run: RunView, found: Pass | None, key: str
) -> None:
    refusals = {key: Refusal("no room", "Forbidden", NOW)}
    made = passing(run, found, VERSION, ONCE, NOW, "", refusals)
    assert told(made) == ("Executing", "PassRefused")
    assert (made.status or {})["message"] == "no room"
    again = replace(run, status=made.status or {})
    made = passing(again, found, VERSION, ONCE, NOW, "", refusals)
    assert made.status is None
    assert made.step is not None
    assert made.step.key == key


def test_one_that_is_canceled_before_anything_was_made_makes_nothing() -> None:
    made = look(over_nodes(canceled=True), None)
    assert (told(made), made.step) == (("Canceled", "Canceled"), None)


def test_what_it_is_stuck_at_is_told_once_and_taken_back() -> None:
    run, stuck = over_nodes(), passed("InProgress", "Progressing", stuck=("TemplateRefused", "no"))
    status = look(run, stuck).status
    assert status is not None
    assert (status["phase"], status["reason"], status["message"]) == (
        "Executing",
        "TemplateRefused",
        "no",
    )
    told_already = replace(run, status=status)
    assert look(told_already, stuck) == Passing()
    assert told(look(told_already, replace(stuck, stuck=None))) == ("Executing", "Executing")
