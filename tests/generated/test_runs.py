"""What is expected of a job that is as it was again."""

from __future__ import annotations

from typing import Any

import pytest

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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("back create measured spec.rollout.strategy: absent", id="nothing judges it"),
        pytest.param(
            "back create measured spec.selector.matchIds: one", id="elsewhere it is blocked as well"
        ),
        pytest.param("back create query spec.trigger.timeZone: longest", id="nobody knows a zone"),
        pytest.param("stranger create version metadata.name: like a version", id="a taken name"),
        pytest.param(
            "deployment create rollback spec.rollout.healthCheck.errorRate.podMetrics.format:"
            " word JSON",
            id="counters that a pod does not have",
        ),
    ],
)
def test_a_run_whose_end_is_not_the_plain_one_is_as_it_should_be(text: str):
    outcome = run(text)
    assert not outcome.refused
    assert not outcome.wrong, outcome.story
