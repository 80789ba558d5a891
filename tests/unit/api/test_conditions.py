"""Conditions: kept times, and types that exist only while they are true."""

from __future__ import annotations

from typing import Any

from wavegate.api.conditions import (
    AVAILABLE,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    Reasons,
    set_conditions,
)
from wavegate.api.status import Condition as StoredCondition

EARLIER = "2026-01-01T00:00:00Z"
NOW = "2026-01-01T00:05:00Z"


def stored(kind: str, status: str, reason: str = "Why", message: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": EARLIER,
        "observedGeneration": 1,
    }


def by_type(conditions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in conditions}


def test_the_time_is_kept_while_the_status_is_the_same() -> None:
    after = set_conditions(
        [stored(READY, "False", Reasons.DEPLOYING)],
        [Condition(READY, "False", Reasons.PAUSED, "paused by spec.rollout.paused")],
        NOW,
        2,
    )
    assert after == [
        {
            "type": READY,
            "status": "False",
            "reason": "Paused",
            "message": "paused by spec.rollout.paused",
            "lastTransitionTime": EARLIER,
            "observedGeneration": 2,
        }
    ]


def test_the_time_is_new_when_the_status_changes() -> None:
    after = set_conditions(
        [stored(READY, "False")], [Condition(READY, "True", Reasons.RUNNING)], NOW, 1
    )
    assert after[0]["lastTransitionTime"] == NOW


def test_reconciling_and_stalled_go_when_they_are_not_wanted() -> None:
    old = [stored(READY, "False"), stored(RECONCILING, "True"), stored(STALLED, "True")]
    after = set_conditions(old, [Condition(READY, "True", Reasons.RUNNING)], NOW, 1)
    assert [condition["type"] for condition in after] == [READY]


def test_reconciling_and_stalled_are_never_false() -> None:
    wanted = [Condition(RECONCILING, "False", "No"), Condition(STALLED, "Unknown", "No")]
    assert set_conditions([], wanted, NOW, 1) == []


def test_what_is_not_mentioned_stays() -> None:
    old = [stored(AVAILABLE, "True"), stored("example.com/Audited", "True")]
    after = set_conditions(old, [Condition(READY, "True", Reasons.RUNNING)], NOW, 1)
    assert [c["type"] for c in after] == [READY, AVAILABLE, "example.com/Audited"]
    assert by_type(after)[AVAILABLE] == old[0]


def test_nothing_new_gives_the_same_list() -> None:
    old = set_conditions(
        [],
        [
            Condition(AVAILABLE, "True", Reasons.STABLE),
            Condition(READY, "False", Reasons.DEPLOYING, "wave 1 of 3"),
            Condition(RECONCILING, "True", Reasons.DEPLOYING),
        ],
        EARLIER,
        1,
    )
    wanted = [Condition(c["type"], c["status"], c["reason"], c["message"]) for c in old]
    assert set_conditions(old, wanted, NOW, 1) == old


def test_arguments_are_not_changed() -> None:
    old = [stored(READY, "False")]
    after = set_conditions(old, [], NOW, 2)
    after[0]["status"] = "True"
    assert old == [stored(READY, "False")]


def test_every_reason_is_one_that_the_server_takes() -> None:
    reasons = [v for k, v in vars(Reasons).items() if not k.startswith("_")]
    assert len(reasons) == len(set(reasons))
    for reason in reasons:
        [made] = set_conditions([], [Condition(READY, "True", reason)], NOW, 1)
        StoredCondition.model_validate(made)
