"""What is expected of a job that is as it was again."""

from __future__ import annotations

from typing import Any

from generated.runs import _after, run

RUNS = {"n00": ("app:1", True)}


def ended(pods: dict[str, Any], **conditions: str) -> dict[str, Any]:
    nodes = {"desired": 1, "updated": len(pods)}
    return {"state": "Deploying", "conditions": conditions, "nodes": nodes, "pods": pods}


def test_it_ends_as_it_was():
    first = ended(RUNS, Available="True Running", Stalled="True AwaitingPromotion")
    assert _after(ended({}, Available="False NotRunning"), first) == first
    waiting = ended({}, Available="False NotRunning", Reconciling="True Paused")
    assert _after(ended(RUNS, Available="True Running"), waiting) == waiting


def test_what_ran_in_between_runs_on_where_it_was_blocked_before_it_began():
    first = ended({}, Available="False NotRunning", Stalled="True SourceNotConfigured")
    brought = ended(RUNS, Available="True Running")
    assert _after(brought, first) == ended(
        RUNS, Available="True Running", Stalled="True SourceNotConfigured"
    )
    assert _after(ended({}, Available="False NotRunning"), first) == first


def test_a_version_that_runs_is_left_alone_by_one_that_nothing_judges():
    outcome = run("back create measured spec.rollout.strategy: absent")
    assert not outcome.refused
    assert not outcome.wrong, outcome.story
