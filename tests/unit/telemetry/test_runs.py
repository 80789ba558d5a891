"""What is told of HTTPJobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from support.runs_world import job
from wavegate.telemetry import runs
from wavegate.telemetry.metrics import Metrics
from wavegate.telemetry.runs import RunCollector

STATUS = {
    "state": "Suspended",
    "reason": "Suspended",
    "version": 3,
    "runs": {"delayed": 1, "queued": 2, "waiting": 0, "executing": 4},
    "schedule": {"missedTicks": 5, "skippedTicks": 6},
    "health": {"asOf": "2026-11-27T10:20:00Z", "last7Days": {"score": 85.5}},
}


def told(
    *views: Any, undelivered: int = 0, leads: bool = True
) -> dict[str, dict[tuple[str, ...], float]]:
    """By name of the family, and the labels beside those that name the job."""
    metrics = Metrics()
    metrics.register(RunCollector(lambda: views, lambda _: range(undelivered), lambda: leads))
    return {
        family.name: {
            tuple(each.labels[key] for key in runs.FAMILIES[family.name][1]): each.value
            for each in family.samples
        }
        for family in text_string_to_metric_families(metrics.render().decode())
        if family.name in runs.FAMILIES
    }


def test_a_job_is_told_as_its_status_says() -> None:
    found = told(replace(job(), status=STATUS))
    assert found[runs.INFO] == {("Suspended", "Suspended", "3"): 1}
    assert found[runs.RUNS] == {(phase,): number for phase, number in STATUS["runs"].items()}
    assert found[runs.TICKS] == {("missed",): 5, ("skipped",): 6}
    assert (found[runs.SCORE], found[runs.COUNTED]) == ({(): 85.5}, {(): 1795774800})


def test_of_a_webhook_is_told_what_is_pending_and_why_it_is_held() -> None:
    paused = replace(job(), status={**STATUS, "webhook": {"phase": "Paused", "reason": "Gone"}})
    found = told(paused, undelivered=7)
    assert found[runs.PENDING] == {(): 7}
    assert found[runs.HELD] == {("Waiting",): 0, ("Paused",): 1}


def test_a_job_without_a_status_has_0_everywhere() -> None:
    found = told(job())
    assert found[runs.INFO] == {("", "", ""): 1}
    for family in (runs.RUNS, runs.TICKS, runs.PENDING, runs.HELD):
        assert set(found[family].values()) == {0}
    assert (found[runs.SCORE], found[runs.COUNTED]) == ({}, {(): 0}), "none has no score"


def test_a_standby_tells_nothing() -> None:
    assert all(not series for series in told(job(), leads=False).values())
