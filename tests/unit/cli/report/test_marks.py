"""Decisions as marks: whose they are, and what is known of their time."""

from __future__ import annotations

import pytest

from support.told import play, seconds
from unit.cli import stories
from unit.cli.report.played import (
    Document,
    of,
    promoted,
    reported,
)
from wavegate.api.events import EVENTS
from wavegate.cli.reading import sight_of
from wavegate.cli.report.history import choose, report_of
from wavegate.cli.report.marks import with_marks
from wavegate.domain.times import format_time


def test_who_promoted_and_when_is_read_from_the_fields_managers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The simulated server keeps no managedFields, so they are as the real one writes them."""
    told = play(promoted, monkeypatch)
    sight = sight_of([told.list(kind) for kind in ("FleetJob", "FleetDeployment", "Execution")])
    assert sight is not None
    chosen = choose(sight, None)
    moment = of(told, "FleetDeployment", "app-v2")["status"]["completedAt"]
    unknown = with_marks(report_of(sight, chosen, told.now), chosen, [])
    assert "app-v2 was promoted; by whom and when is not kept" in unknown.not_kept
    assert "app-v2 waited 40s for a person; when is not kept" in unknown.not_kept
    chosen.main["metadata"]["managedFields"] = [
        {
            "manager": "kubectl-patch",
            "operation": "Update",
            "time": moment,
            "fieldsV1": {"f:spec": {"f:promoted": {}}},
        }
    ]
    known = with_marks(report_of(sight, chosen, told.now), chosen, [])
    (mark,) = [each for each in known.marks if each.kind == "Promoted"]
    assert (mark.at, mark.message) == (seconds(moment), "by kubectl-patch")
    assert not [words for words in known.not_kept if "promoted" in words]


def event(name: str, reason: str, words: str, moment: float) -> Document:
    return {
        "regarding": {"name": name},
        "reason": reason,
        "note": f"{name}: {words}",
        "eventTime": format_time(moment),
    }


def test_a_pause_is_known_by_events_once_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(promoted, monkeypatch)
    sight = sight_of([told.list(kind) for kind in ("FleetJob", "FleetDeployment", "Execution")])
    assert sight is not None
    chosen = choose(sight, None)
    report = report_of(sight, chosen, told.now)
    events = [
        event(name, reason, words, report.begin + after)
        for name in ("app-v2", "app-v1")
        for reason, words, after in (
            ("RolloutPaused", "paused until a person sets spec.paused", 20),
            ("RolloutResumed", "goes on", 30),
            ("RolloutPaused", "waits until it is promoted", 40),
            ("RolloutResumed", "goes on", 50),
        )
    ]

    def waits() -> list[tuple[str, float]]:
        found = with_marks(report, chosen, events).marks
        return [(mark.kind, mark.at - report.begin) for mark in found
                if mark.kind in ("Paused", "Resumed", "AwaitingPromotion", "Promoted")]  # fmt: skip

    pauses = [("Paused", 20), ("Resumed", 30), ("AwaitingPromotion", 40)]
    assert waits() == [*pauses, ("Resumed", 50)]
    owned = {"fieldsV1": {"f:spec": {"f:promoted": {}}}, "manager": "kubectl-patch"}
    chosen.main["metadata"]["managedFields"] = [
        {**owned, "time": format_time(report.begin + 10)},
        {**owned, "time": format_time(report.begin + 51)},
        {**owned, "time": format_time(report.begin + 30)},
        {**owned, "time": format_time(report.begin + 70), "subresource": "status"},
    ]
    assert waits() == [*pauses, ("Promoted", 51)]


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_way_back_that_did_not_end_well_is_no_way_back(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = play(stories.canary_failed, monkeypatch)
    sight = sight_of([told.list(kind) for kind in ("FleetJob", "FleetDeployment", "Execution")])
    assert sight is not None
    chosen = choose(sight, None)
    assert chosen.rollback is not None
    chosen.rollback["status"]["state"] = state
    found = with_marks(report_of(sight, chosen, told.now), chosen, []).marks
    told_of_it = {mark.kind: mark.text for mark in found if "back" in mark.text and not mark.node}
    assert told_of_it == {"RollbackStarted": "rollback to v1", state: f"rollback {state.lower()}"}


def test_a_rollout_above_its_budget_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.above_the_budget, monkeypatch)
    ended = of(told, "FleetDeployment", "app-v2")["status"]
    (mark,) = [each for each in reported(told)["marks"] if each["kind"] == "Failed"]
    assert (mark["at"], mark["text"]) == (ended["completedAt"], "failed: BudgetExceeded")
    assert mark["message"] == ended["message"]


def test_events_name_the_pauses_that_are_over() -> None:
    """The two reasons that the marks look for are reasons that the operator gives."""
    assert {"RolloutPaused", "RolloutResumed"} <= {each.reason for each in EVENTS}
