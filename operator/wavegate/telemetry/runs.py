"""What is told of HTTPJobs: gauges read from the cache at each scrape, by the process that leads.

As `jobs` has it for FleetJobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Final, get_args

from prometheus_client import Metric
from prometheus_client.registry import Collector

from wavegate.api.webhooks import WebhookPhase
from wavegate.domain.times import parse_time
from wavegate.runs.observed import AskedJobView
from wavegate.telemetry.jobs import PASSED, RUN_PHASES, Told, gauges

INFO: Final = "wavegate_httpjob_info"
RUNS: Final = "wavegate_httpjob_runs"
TICKS: Final = "wavegate_httpjob_ticks_passed"
SCORE: Final = "wavegate_httpjob_health_score"
COUNTED: Final = "wavegate_httpjob_health_timestamp_seconds"
PENDING: Final = "wavegate_httpjob_deliveries_pending"
HELD: Final = "wavegate_httpjob_webhook_held"

FAMILIES: Final = {
    INFO: (
        "1, with where an HTTPJob is, the reason for it, and its version.",
        ("state", "reason", "version"),
    ),
    RUNS: ("Runs of an HTTPJob that have not ended, by phase.", ("phase",)),
    TICKS: (
        "Ticks of an HTTPJob's schedule that became no run: missed, or skipped by Forbid.",
        ("why",),
    ),
    SCORE: (
        "Health of an HTTPJob over seven days, 0 to 100, as of when a run last counted in it.",
        (),
    ),
    COUNTED: ("When a run of an HTTPJob last counted in its health; 0: none has.", ()),
    PENDING: ("Runs that have ended and of which an HTTPJob's webhook is still to be told.", ()),
    HELD: ("1 while the webhook of an HTTPJob is told of nothing, by why.", ("phase",)),
}
"""By name: what it is, and its labels beside those that name the job."""


class RunCollector(Collector):
    """``jobs``, and of each its runs that are ``undelivered``, are asked only while this process
    ``leads``."""

    def __init__(
        self,
        jobs: Callable[[], Iterable[AskedJobView]],
        undelivered: Callable[[tuple[str, str]], Sized],
        leads: Callable[[], bool],
    ) -> None:
        self._jobs = jobs
        self._undelivered = undelivered
        self._leads = leads

    def collect(self) -> Iterable[Metric]:
        """All families, without a series where this process does not lead."""
        jobs = self._jobs() if self._leads() else ()
        return gauges(FAMILIES, ((job.key, told) for job in jobs for told in self._of(job)))

    def _of(self, job: AskedJobView) -> Iterator[Told]:
        status = job.status
        told = (str(status.get(field) or "") for field in ("state", "reason", "version"))
        yield INFO, tuple(told), 1
        runs, schedule = status.get("runs") or {}, status.get("schedule") or {}
        for phase in RUN_PHASES:
            yield RUNS, (phase,), runs.get(phase) or 0
        for why in PASSED:
            yield TICKS, (why,), schedule.get(f"{why}Ticks") or 0
        yield PENDING, (), len(self._undelivered(job.key))
        held = (status.get("webhook") or {}).get("phase")
        for phase in get_args(WebhookPhase):
            yield HELD, (phase,), phase == held
        health = status.get("health") or {}
        score = (health.get("last7Days") or {}).get("score")
        if score is not None:
            yield SCORE, (), score
        yield COUNTED, (), parse_time(health.get("asOf")) or 0
