"""Jobs that are executed when asked, and the jobs that runs of them are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import JOB_UID, deployment, fleet, job, version
from wavegate.api.canonical import version_key, workload_hash
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain import asked, conditions, retention, stopping, user_deployments, versions
from wavegate.domain.actions import CreateVersion, SetStatus
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import RunStands
from wavegate.domain.plan import plan

QUERY = {"type": "query", "config": {"command": ["look"]}}


def of(*, run: str = "", stands: RunStands = "Executes", **facts: Any) -> Fleet:
    """A job that is asked, or one that a run has made."""
    raw = facts.pop("raw", QUERY if run else {**QUERY, "runs": {}})
    parsed = load_job_spec(raw)
    view = job(parsed, raw_spec=raw, run=run, run_uid="r" if run else "")
    known = facts.pop("versions", [version(spec=parsed, raw_spec=raw)])
    return fleet(job=view, versions=known, run_stands=stands, **facts)


def test_a_job_that_is_asked_makes_versions_and_no_rollout() -> None:
    new = of(versions=[])
    step = versions.new_version(new)
    assert step is not None
    (made,) = step.actions
    assert isinstance(made, CreateVersion)
    assert versions.new_deployment(of()) is None
    assert asked.rests(of())


def test_it_says_that_it_is_asked_and_is_well() -> None:
    state = conditions.job_state(of(), None, None, "", None)
    assert (state.state, state.reason, state.ready) == ("Running", "AskedOnly", True)
    assert state.message.startswith("v1 runs when asked")
    before = conditions.job_state(of(versions=[]), None, None, "", None)
    assert (before.state, before.ready) == ("Pending", False)


def test_what_it_says_of_its_runs_stays_and_goes_with_them() -> None:
    told = {"runs": {"queued": 1}, "schedule": {"missedTicks": 1}, "rateClock": "t"}
    now = of()
    view = replace(now.job, status=told)
    seen = replace(now.observed, job=view)
    step = conditions.job_status(
        Fleet(seen, now.spec), None, conditions.State("Running", "AskedOnly", "")
    )
    assert step is not None
    status = step.actions[0].status  # type: ignore[union-attr]
    assert {name: status[name] for name in told} == told
    plain = load_job_spec(QUERY)
    seen = replace(seen, job=replace(view, spec=plain))
    step = conditions.job_status(
        Fleet(seen, plain), None, conditions.State("Running", "Running", "")
    )
    assert step is not None
    assert not told.keys() & step.actions[0].status.keys()  # type: ignore[union-attr]


def test_rollouts_that_are_open_end_once_it_is_asked() -> None:
    ended = asked.ended(of(deployments=[deployment(1), deployment(2, "Completed")]))
    assert [(each.name, reason) for each, reason, _ in ended] == [("app-v1", "AskedOnly")]


@pytest.mark.parametrize(
    "rested",
    [of(deployments=[deployment(1)]), of(run="app", stands="Stops", deployments=[deployment(1)])],
)
def test_of_a_rollout_that_ends_so_nothing_else_is_written(rested: Fleet) -> None:
    """Not even that nobody is there to be asked."""
    steps = [step for step in plan(rested.observed).steps if step.key.startswith("FleetDeployment")]
    (action,) = [action for step in steps for action in step.actions]
    assert isinstance(action, SetStatus)
    assert action.status["state"] == "Canceled"


@pytest.mark.parametrize(
    ("stands", "rests", "stops", "canceled"),
    [
        ("Executes", False, "", []),
        ("Waits", True, "", []),
        ("Ended", True, "", []),
        ("Stops", True, "RunCanceled", ["RunCanceled"]),
    ],
)
def test_what_a_run_has_made_goes_by_the_run(
    stands: RunStands, rests: bool, stops: str, canceled: list[str]
) -> None:
    made = of(run="app", stands=stands, deployments=[deployment(1)])
    assert asked.rests(made) == rests
    assert stopping.stop_reason(made) == stops
    assert [reason for _, reason, _ in asked.ended(made)] == canceled


def test_what_a_run_has_made_has_one_version_whatever_becomes_of_its_spec() -> None:
    first = of(run="app", versions=[])
    assert versions.new_version(first) is not None
    changed = of(run="app", raw={**QUERY, "config": {"command": ["other"]}}, versions=[version()])
    assert versions.new_version(changed) is None
    assert changed.is_current


@pytest.mark.parametrize("stands", ["Waits", "Ended", "Stops"])
def test_nothing_of_it_begins_unless_its_run_executes(stands: RunStands) -> None:
    assert versions.new_version(of(run="app", stands=stands, versions=[])) is None
    assert versions.new_deployment(of(run="app", stands=stands)) is None
    assert versions.new_deployment(of(run="app")) is not None


@pytest.mark.parametrize("kind", ["Restart", "Rollback", "Stop", "Update"])
def test_users_deployments_of_a_job_that_is_asked_are_refused(kind: str) -> None:
    users = deployment(1, "", name="mine", type=kind, owner_uid="", sequence=0, from_version=0)
    ((found, answer),) = user_deployments.answers(of(deployments=[users]))
    assert (found.name, answer.state, answer.reason) == ("mine", "Failed", "AskedOnly")
    assert "make a JobRun" in answer.message
    keys = [step.key for step in plan(of(deployments=[users]).observed).steps]
    assert keys.count("FleetDeployment/mine") == 1, "one answer, not that it is canceled as well"


@pytest.mark.parametrize(
    ("kind", "owner", "carried_out"),
    [
        ("Restart", "", False),
        ("Update", "", False),
        ("Stop", "", True),
        ("Restart", JOB_UID, True),
    ],
)
def test_of_a_runs_job_a_stop_and_the_runs_own_attempts_are_carried_out(
    kind: str, owner: str, carried_out: bool
) -> None:
    one = deployment(
        1, "", name="x", type=kind, owner_uid=owner, sequence=0, from_version=0, to_version=1
    )
    made = of(run="app", deployments=[one])
    assert (user_deployments.answers(made) == []) == carried_out


def test_versions_by_which_runs_execute_are_kept() -> None:
    kept = [version(number) for number in range(1, 5)]
    raw = {**QUERY, "runs": {}, "revisionHistoryLimit": 0}
    kept[-1] = replace(kept[-1], spec=load_job_spec(raw))
    removed = retention.remove_old(of(raw=raw, versions=kept, asked_versions=frozenset({2})))
    assert [step.key for step in removed] == ["JobVersion/app-v1", "JobVersion/app-v3"]


def test_a_section_about_runs_makes_a_version_and_changes_nothing_that_reaches_a_node() -> None:
    """And a job without them is what it was before there were such sections."""
    plain = load_job_spec(QUERY)
    assert "runs" not in version_key(plain)
    assert "trigger" not in version_key(plain)
    for section in ("runs", "trigger"):
        given = load_job_spec({**QUERY, section: {}})
        assert version_key(given) != version_key(plain)
        assert workload_hash(given, "", "1") == workload_hash(plain, "", "1")
