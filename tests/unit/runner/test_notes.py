"""What is said of what was done for runs."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.domain.actions import SetStatus
from wavegate.runner.notes import notes_of
from wavegate.runs.actions import CreateRun, CreateRunVersion, RunAction


def status(phase: str, reason: str, **facts: Any) -> SetStatus:
    told = {"phase": phase, "reason": reason, "message": "why", **facts}
    return SetStatus("JobRun", "one", "uid-one", "1", told)


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
            CreateRun("app-x", 1_800_000_000.0, {}),
            "RunMade",
            "app-x is made for 2027-01-15T08:00:00Z",
            {},
            id="tick",
        ),
        pytest.param(
            status("Queued", "RetryBackoff", attempt=1),
            "RunRetried",
            "one: why",
            {"run": "one", "attempt": 1, "reason": "RetryBackoff"},
            id="tried again",
        ),
        pytest.param(
            status("Failed", "Rejected", attempt=2),
            "RunEnded",
            "one is Failed: why",
            {"run": "one", "attempt": 2, "reason": "Rejected", "phase": "Failed"},
            id="ended",
        ),
    ],
)
def test_a_decision_is_told(
    action: RunAction, reason: str, text: str, facts: dict[str, Any]
) -> None:
    (note,) = notes_of(action)
    assert (note.reason, note.message, dict(note.facts)) == (reason, text, facts)


@pytest.mark.parametrize(
    ("phase", "warns"), [("Completed", False), ("Canceled", False), ("DeadLetter", True)]
)
def test_it_warns_of_what_ended_badly(phase: str, warns: bool) -> None:
    (note,) = notes_of(status(phase, "Any"))
    assert note.warning == warns


def test_of_what_waits_nothing_is_told() -> None:
    assert notes_of(status("Queued", "JobSuspended")) == ()
