"""What a job says of its runs."""

from __future__ import annotations

from dataclasses import replace

from support.runs_world import NOW, executing, job, run
from wavegate.domain.actions import SetStatus
from wavegate.runs.report import report

SAID = {"state": {"stateType": "Running"}, "revision": 7, "version": 2, "conditions": [1]}
FLEET = replace(job(), kind="FleetJob", status=SAID)


def test_a_fleet_job_keeps_what_the_fleet_says_of_it() -> None:
    step = report(FLEET, [executing(), run("two")], NOW, {"version": 9, "schedule": {"since": "t"}})
    assert step is not None
    (action,) = step.actions
    assert isinstance(action, SetStatus)
    assert (step.key, action.kind) == ("FleetJob/app", "FleetJob")
    assert {name: action.status[name] for name in ("state", "version", "conditions")} == {
        name: SAID[name] for name in ("state", "version", "conditions")
    }
    assert action.status["revision"] == 8
    assert action.status["schedule"] == {"since": "t"}
    assert action.status["runs"] == {"delayed": 0, "queued": 1, "waiting": 0, "executing": 1}


def test_where_nothing_is_new_nothing_is_written() -> None:
    first = report(FLEET, [], NOW, {})
    assert first is not None
    action = first.actions[0]
    assert isinstance(action, SetStatus)
    assert report(replace(FLEET, status=action.status), [], NOW + 60, {}) is None


def test_a_schedule_that_is_gone_is_told_no_more() -> None:
    said = {**SAID, "schedule": {"since": "t"}}
    step = report(replace(FLEET, status=said), [], NOW, {"schedule": None})
    assert step is not None
    action = step.actions[0]
    assert isinstance(action, SetStatus)
    assert "schedule" not in action.status


def test_ticks_that_were_missed_are_an_event_on_the_job() -> None:
    step = report(FLEET, [], NOW, {"schedule": {"missedTicks": 2}})
    assert step is not None
    action = step.actions[0]
    assert isinstance(action, SetStatus)
    assert [(each.reason, each.warning) for each in action.notes] == [("TicksMissed", True)]
