"""What is told of jobs: what they say now, by the leader, without a label that names a node."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from unit.domain.builders import JOB_UID, NOW, deployment, job
from wavegate.domain.times import format_time
from wavegate.telemetry import jobs
from wavegate.telemetry.jobs import JobCollector
from wavegate.telemetry.metrics import Metrics

STATUS = {
    "version": 3,
    "stableVersion": 2,
    "state": {"stateType": "RolloutPaused"},
    "nodes": {"desired": 12, "updated": 5, "stable": 11, "failed": 1, "lost": 0, "notReady": 2},
    "rollout": {"totalNodes": 12, "updatedNodes": 5, "currentWave": 2, "totalWaves": 3},
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "AwaitingPromotion"},
        {"type": "Reconciling", "status": "True", "reason": "AwaitingPromotion"},
        {"type": "Available", "status": "True", "reason": "Running"},
    ],
}


class Told:
    """The gauges of some jobs, by name and the labels beside those that name the job."""

    def __init__(self, *views: Any, deployments: Any = (), leads: bool = True) -> None:
        self.views, self.deployments, self.leads = list(views), list(deployments), leads
        self._metrics = Metrics()
        self._metrics.register(
            JobCollector(lambda: self.views, lambda _: self.deployments, lambda: self.leads)
        )

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels[key] for key in jobs.FAMILIES[name][1]): sample.value
            for family in text_string_to_metric_families(self._metrics.render().decode())
            for sample in family.samples
            if sample.name == name
        }

    def one(self, name: str) -> float:
        (value,) = self.all(name).values()
        return value


def test_a_job_is_told_as_its_status_says():
    told = Told(job(status=STATUS))
    assert told.all(jobs.INFO) == {("RolloutPaused", "AwaitingPromotion", "3", "2"): 1}
    assert told.all(jobs.NODES) == {(state,): number for state, number in STATUS["nodes"].items()}
    assert told.all(jobs.ROLLOUT) == {
        ("total",): 12,
        ("updated",): 5,
        ("failed",): 0,
        ("added",): 0,
    }
    assert told.all(jobs.WAVE) == {("current",): 2, ("total",): 3}


def test_each_condition_has_one_status():
    told = Told(job(status=STATUS)).all(jobs.CONDITION)
    assert len(told) == 12
    assert {key for key, value in told.items() if value} == {
        ("Ready", "false"),
        ("Reconciling", "true"),
        ("Stalled", "false"),
        ("Available", "true"),
    }


def test_a_job_without_a_status_is_pending_and_has_0_everywhere():
    told = Told(job(status={"observedGeneration": -1}))
    assert told.all(jobs.INFO) == {("Pending", "", "", ""): 1}
    for name in (jobs.NODES, jobs.ROLLOUT, jobs.WAVE, jobs.PROGRESS, jobs.WAITING):
        assert set(told.all(name).values()) == {0}, name


def test_a_job_that_is_gone_is_told_no_more():
    told = Told(job(status=STATUS), job(name="other", status=STATUS))
    assert len(told.all(jobs.NODES)) == len(jobs.NODE_STATES)
    told.views.clear()
    for name in jobs.FAMILIES:
        assert told.all(name) == {}


def test_a_standby_tells_nothing_so_that_sums_over_replicas_are_right():
    told = Told(job(status=STATUS), leads=False)
    assert all(told.all(name) == {} for name in jobs.FAMILIES)


BEGUN = NOW - 699
WAITS = {"jobUid": JOB_UID, "waitingSince": format_time(NOW - 60)}
MOVED = {"jobUid": JOB_UID, "lastProgressTime": format_time(NOW - 30)}


@pytest.mark.parametrize(
    ("deployments", "progress", "waiting"),
    [
        pytest.param([deployment(1, status={"jobUid": JOB_UID})], BEGUN, 0, id="begun"),
        pytest.param([deployment(1, status=MOVED)], NOW - 30, 0, id="a node became stable"),
        pytest.param([deployment(1, "Paused", status=WAITS)], 0, NOW - 60, id="for a person"),
        pytest.param([deployment(1, "Completed", status=MOVED)], 0, 0, id="over"),
        pytest.param([deployment(1, "Pending", started=None, status=MOVED)], 0, 0, id="no target"),
        pytest.param([deployment(1, sequence=0, status=MOVED)], 0, 0, id="not accepted"),
        pytest.param([deployment(1, status={**MOVED, "jobUid": "x"})], 0, 0, id="former job"),
        pytest.param([], 0, 0, id="none"),
    ],
)
def test_an_open_rollout_makes_progress_or_waits(
    deployments: list[Any], progress: float, waiting: float
):
    told = Told(job(status=STATUS), deployments=deployments)
    assert (told.one(jobs.PROGRESS), told.one(jobs.WAITING)) == (progress, waiting)


def test_no_label_names_a_node_or_a_pod():
    labels = {label for _, more in jobs.FAMILIES.values() for label in more}
    of_rollouts = {"state", "reason", "version", "stable_version", "type", "status", "which"}
    assert labels == {*of_rollouts, "phase", "why"}


def test_what_a_run_has_made_is_not_told():
    told = Told(job(status=STATUS, name="one", run="one", run_uid="r"))
    assert all(told.all(name) == {} for name in jobs.FAMILIES)


def test_of_a_job_that_is_executed_when_asked_its_runs_and_ticks_are_told_and_of_no_other():
    asked = {**STATUS, "runs": {"queued": 2, "executing": 1}, "schedule": {"missedTicks": 3}}
    told = Told(job(status=asked))
    assert told.all(jobs.RUNS) == {
        ("delayed",): 0,
        ("queued",): 2,
        ("waiting",): 0,
        ("executing",): 1,
    }
    assert told.all(jobs.TICKS) == {("missed",): 3, ("skipped",): 0}
    plain = Told(job(status=STATUS))
    assert plain.all(jobs.RUNS) == plain.all(jobs.TICKS) == {}
