"""What is told of jobs: gauges read from the cache at each scrape, by the process that leads.

So they are what the objects say now: right after a restart, gone with their job, and told once,
however many replicas there are. The labels are not called namespace and job, which a Prometheus
gives to what it scrapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wavegate.api.conditions import OWNED
from wavegate.domain.observed import DeploymentView, JobView
from wavegate.domain.times import parse_time

LABELS: Final = ("job_namespace", "job_name")
"""Those that name a job."""

NODE_STATES: Final = ("desired", "updated", "stable", "failed", "lost", "notReady")
"""As status.nodes of a FleetJob calls them."""
ROLLOUT_NODES: Final = ("total", "updated", "failed", "added")
"""As status.rollout of a FleetJob calls them, without Nodes."""
WAVES: Final = {"current": "currentWave", "total": "totalWaves"}
RUN_PHASES: Final = ("delayed", "queued", "waiting", "executing")
"""As status.runs of a job calls them."""
PASSED: Final = ("missed", "skipped")
"""As status.schedule of a job calls them, without Ticks."""
CONDITION_STATUSES: Final = ("true", "false", "unknown")

INFO: Final = "wavegate_fleetjob_info"
CONDITION: Final = "wavegate_fleetjob_condition"
NODES: Final = "wavegate_fleetjob_nodes"
ROLLOUT: Final = "wavegate_rollout_nodes"
WAVE: Final = "wavegate_rollout_wave"
PROGRESS: Final = "wavegate_rollout_progress_timestamp_seconds"
WAITING: Final = "wavegate_rollout_waiting_since_timestamp_seconds"
RUNS: Final = "wavegate_fleetjob_runs"
TICKS: Final = "wavegate_fleetjob_ticks_passed"

FAMILIES: Final = {
    INFO: (
        "1, with where a job is, the reason that its condition Ready gives, and its versions.",
        ("state", "reason", "version", "stable_version"),
    ),
    CONDITION: ("1 for the status that a job's condition has, 0 for others.", ("type", "status")),
    NODES: ("Nodes of a job by state, as in status.nodes.", ("state",)),
    ROLLOUT: ("Nodes of a job's newest rollout, as in status.rollout.", ("state",)),
    WAVE: ("Waves of a job's newest rollout: the current one, and how many it takes.", ("which",)),
    PROGRESS: (
        "When a job's open rollout began, or last made a node stable; 0: none, or it is paused.",
        (),
    ),
    WAITING: ("Since when a job's open rollout has been waiting for a person; 0: it is not.", ()),
    RUNS: (
        "Runs that have not ended of a FleetJob that is executed when asked, by phase.",
        ("phase",),
    ),
    TICKS: (
        "Ticks of its schedule that became no run: missed, or skipped by Forbid.",
        ("why",),
    ),
}
"""By name: what it is, and its labels beside those that name the job."""


Told = tuple[str, tuple[str, ...], float]
"""A family's name, the values of its labels beside those that name the job, and the number."""


def gauges(
    families: Mapping[str, tuple[str, tuple[str, ...]]],
    told: Iterable[tuple[tuple[str, str], Told]],
) -> Iterable[Metric]:
    """All families, which are as FAMILIES has them; ``told``: of jobs by namespace and name."""
    made = {
        name: GaugeMetricFamily(name, words, labels=(*LABELS, *labels))
        for name, (words, labels) in families.items()
    }
    for job, (name, labels, value) in told:
        made[name].add_metric((*job, *labels), value)
    return made.values()


class JobCollector(Collector):
    """``jobs`` and ``deployments`` (by job) are asked only while this process ``leads``."""

    def __init__(
        self,
        jobs: Callable[[], Iterable[JobView]],
        deployments: Callable[[tuple[str, str]], Iterable[DeploymentView]],
        leads: Callable[[], bool],
    ) -> None:
        self._jobs = jobs
        self._deployments = deployments
        self._leads = leads

    def collect(self) -> Iterable[Metric]:
        """All families, without a series where this process does not lead."""
        jobs = self._jobs() if self._leads() else ()
        # What a run has made is told of nowhere: series would come and go with each run.
        told_of = (job for job in jobs if not job.run)
        return gauges(FAMILIES, ((job.key, told) for job in told_of for told in self._of(job)))

    def _of(self, job: JobView) -> Iterator[Told]:
        status = job.status
        state = (status.get("state") or {}).get("stateType") or "Pending"
        conditions = {each["type"]: each for each in status.get("conditions") or ()}
        reason = str(conditions.get("Ready", {}).get("reason") or "")
        versions = (str(status.get(key) or "") for key in ("version", "stableVersion"))
        yield INFO, (state, reason, *versions), 1
        for name in OWNED:
            found = str(conditions.get(name, {"status": "False"})["status"]).lower()
            for each in CONDITION_STATUSES:
                yield CONDITION, (name, each), each == found
        nodes, rollout = status.get("nodes") or {}, status.get("rollout") or {}
        for name in NODE_STATES:
            yield NODES, (name,), nodes.get(name) or 0
        for name in ROLLOUT_NODES:
            yield ROLLOUT, (name,), rollout.get(f"{name}Nodes") or 0
        for name, field in WAVES.items():
            yield WAVE, (name,), rollout.get(field) or 0
        progress, waiting = _times(self._deployments(job.key), job.uid)
        yield PROGRESS, (), progress
        yield WAITING, (), waiting
        if (runs := status.get("runs")) is not None:
            yield from _of_runs(runs, status.get("schedule") or {})


def _of_runs(runs: Mapping[str, int], schedule: Mapping[str, int]) -> Iterator[Told]:
    for phase in RUN_PHASES:
        yield RUNS, (phase,), runs.get(phase) or 0
    for why in PASSED:
        yield TICKS, (why,), schedule.get(f"{why}Ticks") or 0


def _times(deployments: Iterable[DeploymentView], job_uid: str) -> tuple[float, float]:
    """When the open rollout has last made progress, and since when it waits for a person."""
    for each in deployments:
        if each.sequence and not each.terminal and each.job_uid == job_uid:
            if waiting := _time(each, "waitingSince"):
                return 0.0, waiting
            if each.state == "InProgress":
                return max(each.started or 0.0, _time(each, "lastProgressTime")), 0.0
    return 0.0, 0.0


def _time(deployment: DeploymentView, field: str) -> float:
    return parse_time(deployment.status.get(field)) or 0.0
