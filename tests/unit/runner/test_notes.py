"""What is said in the log of what was done for runs."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.domain.actions import Note, SetStatus
from wavegate.runner.notes import notes_of
from wavegate.runs.actions import CreateRun, CreateRunVersion, RunAction


@pytest.mark.parametrize(
    ("action", "reason", "text", "facts"),
    [
        pytest.param(
            CreateRunVersion("app-h2", 2, {}, "h1:0"),
            "VersionMade",
            "app-h2 is made of the spec",
            {"version": 2},
            id="version",
        ),
        pytest.param(
            CreateRun("app-x", {}, 1_800_000_000.0),
            "RunMade",
            "app-x is made for 2027-01-15T08:00:00Z",
            {},
            id="tick",
        ),
        pytest.param(
            CreateRun("app-x", {}, after={"load": 1.0, "extract": 2.0}),
            "RunMade",
            "app-x is made for the end of a run of extract, load",
            {},
            id="dependency",
        ),
    ],
)
def test_a_decision_is_told(
    action: RunAction, reason: str, text: str, facts: dict[str, Any]
) -> None:
    (note,) = notes_of(action)
    assert (note.reason, note.message, dict(note.facts)) == (reason, text, facts)


def test_of_a_status_is_told_what_its_plan_says() -> None:
    note = Note("RunEnded", "one is Completed")
    assert notes_of(SetStatus("JobRun", "one", "uid-one", "1", {}, notes=(note,))) == (note,)
