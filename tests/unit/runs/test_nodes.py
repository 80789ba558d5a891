"""What the FleetJob of a run makes of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wavegate.domain.observed import DeploymentView, ExecutionView
from wavegate.reference.tables import docstring_table
from wavegate.runs import nodes
from wavegate.runs.nodes import MAX_RESULT, Pass, end_of, facts_of, result_of, spec_of_pass, told


def rollout(state: str, reason: str, total: int = 3) -> DeploymentView:
    return DeploymentView(
        name="one-v1",
        uid="d",
        resource_version="1",
        owner_uid="j",
        created=0.0,
        generation=1,
        rollout=None,
        job_name="one",
        type="Create",
        from_version=0,
        to_version=1,
        state=state,
        reason=reason,
        total=total,
        status={"message": "so it is"},
    )


def execution(node: str, observed: str, said: str = "", **facts: Any) -> ExecutionView:
    view = ExecutionView(
        name=f"one-{node}-1",
        uid=f"e-{node}",
        resource_version="1",
        owner_uid="j",
        created=0.0,
        job_id="j",
        version=1,
        node=node,
        node_uid=f"n-{node}",
        wave=1,
        deployment="one-v1",
        attempt=1,
        workload_hash="h",
        observed=observed,
        status={"result": {"exitCode": 0, "message": said}} if said else {},
    )
    return replace(view, **facts)


def passed(state: str = "Completed", reason: str = "Completed", **facts: Any) -> Pass:
    return Pass("j", rollout=rollout(state, reason), **facts)


ROLLOUTS = {
    "Completed, also with failures within its budget": [
        ("Completed", "Completed"),
        ("Completed", "CompletedWithFailures"),
    ],
    "Failed by ``timeouts.total`` or ``queue``": [
        ("Failed", "TotalTimeout"),
        ("Failed", "QueueTimeout"),
    ],
    "Failed otherwise": [("Failed", "BudgetExceeded"), ("Failed", "CanaryFailed")],
    "Canceled, or superseded by a Stop": [("Canceled", "Canceled"), ("Canceled", "Superseded")],
}


@pytest.mark.parametrize("row", docstring_table(nodes)[1:], ids=" ".join)
def test_the_table_of_ends(row: Any) -> None:
    given, outcome, again = row
    for state, reason in ROLLOUTS[given]:
        end = end_of(passed(state, reason))
        assert end is not None
        assert (end.outcome, "yes" if end.retryable else "no") == (outcome, again)


def test_it_goes_on_while_something_is_at_work_or_the_rollout_is_open() -> None:
    assert end_of(passed(working=1)) is None
    assert end_of(passed("InProgress", "Progressing")) is None
    assert end_of(Pass("j")) is None


def test_nodes_are_counted_and_those_that_were_not_asked_are_named_as_a_number() -> None:
    found = passed(
        "Failed",
        "BudgetExceeded",
        executions=[execution("a", "Completed"), execution("b", "Failed")],
    )
    assert facts_of(found)["nodes"] == {"total": 3, "asked": 2, "succeeded": 1, "failed": 1}
    assert told(found) == "ended well on 1 of 3 nodes, 1 failed, 1 not asked"
    assert [each["node"] for each in facts_of(found)["failures"]] == ["b"]


def test_results_are_a_line_for_each_node_by_name() -> None:
    found = [
        execution("b", "Completed", "two\n  lines\there"),
        execution("a", "Completed"),
        execution("c", "Failed", "bad"),
    ]
    assert result_of(found) == "a: ended well\nb: two lines here"
    assert result_of([]) == ""


@pytest.mark.parametrize("number", [8, 9, 100, 5000])
def test_results_are_cut_at_whole_lines_and_say_how_many_are_left_out(number: int) -> None:
    found = [execution(f"n{each:04}", "Completed", "ü" * 500) for each in range(number)]
    result = result_of(found)
    assert len(result.encode()) <= MAX_RESULT
    lines = result.splitlines()
    whole = [line for line in lines if line.startswith("n")]
    assert all(line.endswith("ü" * 500) for line in whole)
    left = number - len(whole)
    assert (lines[-1] == f"and {left} more; each Execution has its node's result") == (left > 0)
    assert len(whole) >= min(number, 7)


def test_its_spec_is_that_of_the_version_without_what_is_about_runs() -> None:
    raw = {"type": "query", "runs": {}, "trigger": {}, "suspend": True, "priority": 3}
    assert spec_of_pass(raw) == {"type": "query", "priority": 3}
