"""Runs that ends of other jobs' runs ask for: once each, whoever comes between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.runs_world import NOW, executing, job, observed, run
from wavegate.domain.actions import SetStatus
from wavegate.domain.times import format_time_micro
from wavegate.runs.actions import CreateRun, RunPlan
from wavegate.runs.dependencies import Upstream
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.plan import plan

BEFORE, END = NOW - 100, NOW - 2.5


def up(ended: float = END, phase: Any = "Completed", **more: Any) -> Upstream:
    return Upstream(exists=True, latest=run("up-1", phase=phase, completed=ended), **more)


def app(*names: str, decided: float | None = BEFORE, **spec: Any) -> AskedJobView:
    depends_on = [{"jobName": name, "mode": "Trigger"} for name in names or ("up",)]
    of = job(trigger={"dependsOn": depends_on}, **spec)
    if decided is None:
        return of
    told = format_time_micro(decided)
    record = [{"jobName": name, "decidedUpTo": told} for name in names or ("up",)]
    return replace(of, status={"dependencies": record})


def made(found: RunPlan) -> list[dict[str, float]]:
    actions = [action for step in found.steps for action in step.actions]
    return [dict(each.after) for each in actions if isinstance(each, CreateRun)]


def decided(found: RunPlan) -> dict[str, str]:
    """By job, up to which end all is decided, as the job says from now on."""
    actions = [action for step in found.steps for action in step.actions]
    (status,) = [
        each.status for each in actions if isinstance(each, SetStatus) and each.kind == "HTTPJob"
    ]
    return {each["jobName"]: each["decidedUpTo"] for each in status.get("dependencies", ())}


def made_by(ends: dict[str, float], **facts: Any) -> RunView:
    return run("app-x", owner_uid="job-uid", after=ends, **facts)


def test_an_end_asks_for_a_run_and_is_on_record_once_that_is_there() -> None:
    of = app()
    first = plan(observed(of, upstreams={"up": up()}))
    assert made(first) == [{"up": END}]
    assert decided(first) == {"up": format_time_micro(BEFORE)}, "not before it is there"
    again = plan(observed(of, upstreams={"up": up()}))
    assert [step.actions for step in first.steps if step.key == "JobRun/dependencies"] == [
        step.actions for step in again.steps if step.key == "JobRun/dependencies"
    ], "under the same name"
    then = plan(observed(of, made_by({"up": END}), upstreams={"up": up()}))
    assert made(then) == []
    assert decided(then) == {"up": format_time_micro(END)}


def test_what_ended_before_the_dependency_was_there_asks_for_nothing() -> None:
    known = replace(app(decided=None), status={"state": "Active"})
    found = plan(observed(known, upstreams={"up": up()}))
    assert made(found) == []
    assert decided(found) == {"up": format_time_micro(NOW)}
    new = app(decided=None)
    found = plan(observed(new, upstreams={"up": up(new.created - 1)}))
    assert made(found) == []
    assert decided(found) == {"up": format_time_micro(new.created)}


def test_of_a_new_job_all_counts_that_has_ended_since_it_was_made() -> None:
    """It may be asked for before the operator has seen what was applied a moment ago."""
    new = app(decided=None)
    assert made(plan(observed(new, upstreams={"up": up(new.created + 1)}))) == [
        {"up": new.created + 1}
    ]


def test_what_is_not_as_asked_for_asks_for_nothing() -> None:
    for upstream in (up(phase="Failed"), up(ended=BEFORE), Upstream(exists=True), Upstream()):
        assert made(plan(observed(app(), upstreams={"up": upstream}))) == []


def test_one_that_has_not_begun_serves_for_what_ends_meanwhile() -> None:
    waits = made_by({"up": BEFORE + 1})
    found = plan(observed(app(), waits, upstreams={"up": up()}))
    assert made(found) == []
    assert decided(found) == {"up": format_time_micro(END)}
    begun = executing("app-x", owner_uid="job-uid", after={"up": BEFORE + 1})
    found = plan(observed(app(), begun, upstreams={"up": up()}, calling={begun.uid}))
    assert made(found) == [{"up": END}]


def test_several_that_end_at_once_ask_for_one_run() -> None:
    both = {"up": up(), "other": up(END - 1)}
    found = plan(observed(app("up", "other"), upstreams=both))
    assert made(found) == [{"up": END, "other": END - 1}]
    then = plan(
        observed(app("up", "other"), made_by({"up": END, "other": END - 1}), upstreams=both)
    )
    assert made(then) == []
    assert decided(then) == {"up": format_time_micro(END), "other": format_time_micro(END - 1)}


def test_a_run_that_has_ended_says_what_it_was_made_for() -> None:
    """The job's status was not written in time; it is not made again."""
    over = made_by({"up": END}, phase="Completed", completed=NOW)
    found = plan(observed(app(), finished=[over], upstreams={"up": up()}))
    assert made(found) == []
    assert decided(found) == {"up": format_time_micro(END)}


def test_ends_pass_by_while_it_is_suspended_or_in_a_circle() -> None:
    suspended = plan(observed(app(suspend=True), upstreams={"up": up()}))
    circle = plan(observed(app(), upstreams={"up": up(cycle=("app", "up", "app"))}))
    for found in (suspended, circle):
        assert made(found) == []
        assert decided(found) == {"up": format_time_micro(END)}


def test_a_gate_asks_for_nothing() -> None:
    of = job(trigger={"dependsOn": [{"jobName": "up"}]})
    found = plan(observed(of, upstreams={"up": up()}))
    assert made(found) == []
    assert decided(found) == {}


def test_what_is_depended_on_no_more_is_taken_off_the_record() -> None:
    of = replace(job(), status=app().status)
    assert decided(plan(observed(of))) == {}
