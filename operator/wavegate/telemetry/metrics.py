"""What the operator counts, on a registry of its own.

Where controller-runtime or client-go have a name, it has that name and their labels, so that
dashboards and habits carry over; the rest begins with ``wavegate_``. Every series that can be known
beforehand is there from the start with 0, so that an alert on it works before the first event. No
label has the name of a node or pod. What is told of jobs is read from the cache at each scrape
(`jobs`), so that nothing of it is lost by a restart, or outlives its job.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from itertools import product
from typing import Final, TypeVar, assert_never, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

from wavegate.domain.actions import (
    Counted,
    DeliveryEnd,
    GateEnd,
    RolloutEnd,
    RunEnd,
    Verdict,
    WaveEnd,
)
from wavegate.domain.blame import WITHDRAWALS
from wavegate.runs.answers import OUTCOMES
from wavegate.runs.states import TERMINAL
from wavegate.runs.webhooks import Result

M = TypeVar("M", Counter, Gauge, Histogram)

FLEET: Final = "fleetjob"
RUNS: Final = "httpjob"
BATCHES: Final = "runbatch"
CONTROLLERS: Final = (FLEET, RUNS, BATCHES)
"""Of the one controller and of its queue."""

RESULTS: Final = ("success", "error", "requeue", "requeue_after")
"""Results of a pass, as controller-runtime has them."""

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
CODES: Final = ("200", "201", "403", "404", "409", "422", "429", "500", "503", "<error>")
"""Codes that are counted from the start; <error>, as in client-go: there was no answer."""

STEP_OUTCOMES: Final = ("Done", "LookAgain", "Refused", "Failed", "TooSoon", "NotLeading")

VERDICTS: Final = {
    "failed": (
        "Exited",
        "ExecutionTimeout",
        "Unhealthy",
        "ErrorRateExceeded",
        "DeadlineExceeded",
    ),
    "withdrawn": WITHDRAWALS,
    "completed": ("Completed",),
}
"""What is found of executions, and the reasons for it; any other reason is counted as Other."""

OTHER: Final = "Other"

REFLECTED: Final = (
    "executions",
    "fleetdeployments",
    "fleetjobs",
    "httpjobs",
    "jobruns",
    "jobversions",
    "nodes",
    "pods",
    "ratelimitpools",
    "runbatches",
    "services",
)
"""What is listed and watched."""

CALLBACKS: Final = (
    "Taken",
    "Repeated",
    "Conflict",
    "Over",
    "Refused",
    "NotLeading",
    "NotRecorded",
    "Busy",
    "Malformed",
    "NotFound",
    "TooLarge",
    "TooSlow",
)
"""What is answered to a call back."""

SOURCES: Final = ("pod", "prometheus")
"""Where counters of judged pods are read."""

WINDOWS: Final = ("good", "bad", "unreadable")
ROLLOUTS: Final = ("Create", "Update", "Restart", "Rollback", "Stop")
ENDS: Final = ("Completed", "Failed", "Canceled")
DELIVERY_ENDS: Final = ("Delivered", "Failed")
GATE_ENDS: Final = ("Passed", "Failed")
TIMES: Final = ("active", "waiting")
"""Time of a rollout or gate: waiting for a person, or anything else."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, for nobody

_PASS_BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.0035, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025),
    *(0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0),
)
"""Narrow where the time of a pass is to be, so that a p99 of some milliseconds is one."""
_REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_WAIT_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
_CALL_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
_LONG_BUCKETS: Final = (15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 14400, 43200, 86400)


class Metrics:
    """The counters, each with the one place that changes it; `render` is what is scraped."""

    def __init__(self, lease: str = "wavegate") -> None:
        """``lease``: name of the Lease for which this process stands."""
        self.registry = CollectorRegistry()
        self._lease = lease
        each = CONTROLLERS
        self._passes = self._counter(
            "controller_runtime_reconcile",
            "Passes over a job by result; requeue: its job is read live first, requeue_after: it is"
            " looked at again at a time, though nothing may change.",
            controller=each,
            result=RESULTS,
        )
        self._pass_errors = self._counter(
            "controller_runtime_reconcile_errors", "Passes that broke.", controller=each
        )
        self._pass_seconds = self._histogram(
            "controller_runtime_reconcile_time_seconds",
            "Time that a pass took.",
            _PASS_BUCKETS,
            controller=each,
        )
        self._queue_depth = self._gauge(
            "workqueue_depth", "Jobs that are due for a pass; 0 where another leads.", name=each
        )
        self._queue_adds = self._counter(
            "workqueue_adds", "Jobs put into the queue, for at once or for later.", name=each
        )
        self._queue_seconds = self._histogram(
            "workqueue_queue_duration_seconds",
            "Time from when a job was due to its pass.",
            _PASS_BUCKETS,
            name=each,
        )
        self._queue_retries = self._counter(
            "workqueue_retries", "Jobs put into the queue after a pass that broke.", name=each
        )
        self._requests = self._counter(
            "rest_client_requests",
            "Requests to the API server by method and code, watches included; those of kopf, which"
            " watches FleetJobs and FleetDeployments, are not.",
            code=CODES,
            method=METHODS,
        )
        self._request_seconds = self._histogram(
            "rest_client_request_duration_seconds",
            "Time from a request to the head of its answer.",
            _REQUEST_BUCKETS,
            verb=METHODS,
        )
        self._throttled_seconds = self._histogram(
            "rest_client_rate_limiter_duration_seconds",
            "Time for which writes were held back, by --write-rate or after a 429; at most one"
            " second a second.",
            _REQUEST_BUCKETS,
        )
        self._loop_lag = self._histogram(
            "wavegate_event_loop_lag_seconds",
            "How much too late the event loop came to a task that was due, sampled ten times a"
            " second.",
            _PASS_BUCKETS,
        )
        self._leader = self._gauge(
            "leader_election_master_status", "1 while this process leads.", name=(lease,)
        )
        self._steps = self._counter(
            "wavegate_steps",
            "Steps of plans, each a few writes, by outcome.",
            outcome=STEP_OUTCOMES,
        )
        self._writers: list[tuple[Callable[[], int], Callable[[], int]]] = []
        self._gauge("wavegate_steps_pending", "Steps waiting to be written.").set_function(
            lambda: sum(pending() for pending, _ in self._writers)
        )
        self._gauge("wavegate_steps_running", "Steps being written.").set_function(
            lambda: sum(running() for _, running in self._writers)
        )
        self._verdicts = self._counter(
            "wavegate_verdicts",
            "Executions that failed (by their version's fault while they were judged, later by"
            " their own), were withdrawn (somebody else's doing, not counted against the version)"
            " or completed, by reason.",
            outcome=(),
            reason=(),
        )
        for outcome, reasons in VERDICTS.items():
            for reason in (*reasons, OTHER):
                self._verdicts.labels(outcome, reason)
        self._windows = self._counter(
            "wavegate_windows",
            "Health windows of pods that are judged, by verdict.",
            verdict=WINDOWS,
        )
        self._readings = self._counter(
            "wavegate_readings",
            "Readings of the counters of pods that are judged, by kind of source (pod: at its own"
            " address) and outcome.",
            source=SOURCES,
            outcome=("Read", "Unreadable"),
        )
        self._rollouts = self._counter(
            "wavegate_rollouts",
            "Rollouts that ended, by type and outcome.",
            type=ROLLOUTS,
            outcome=ENDS,
        )
        self._rollout_seconds = self._histogram(
            "wavegate_rollout_duration_seconds",
            "Time of rollouts that ended and had begun: waiting for a person, or active.",
            _LONG_BUCKETS,
            type=ROLLOUTS,
            outcome=ENDS,
            time=TIMES,
        )
        self._wave_seconds = self._histogram(
            "wavegate_wave_duration_seconds",
            "Time from the first claim of a wave to its last verdict.",
            _LONG_BUCKETS,
            canary=("true", "false"),
        )
        self._gate_seconds = self._histogram(
            "wavegate_gate_duration_seconds",
            "Time from a rollout's begin to the decision of its canary gate: waiting for a person,"
            " or active.",
            _LONG_BUCKETS,
            outcome=GATE_ENDS,
            time=TIMES,
        )
        self._runs = self._counter(
            "wavegate_runs", "Runs of HTTPJobs that ended, by phase.", phase=sorted(TERMINAL)
        )
        self._run_waits = self._histogram(
            "wavegate_run_wait_seconds",
            "Time from when an attempt of a run could start until it did.",
            _WAIT_BUCKETS,
        )
        self._call_seconds = self._histogram(
            "wavegate_call_seconds",
            "Time from the decision to call until what came of it was known, by outcome.",
            _CALL_BUCKETS,
            outcome=OUTCOMES,
        )
        self._deliveries = self._counter(
            "wavegate_webhook_deliveries",
            "Deliveries of HTTPJobs' webhooks that ended, each of one run: Delivered, or Failed"
            " (given up).",
            phase=DELIVERY_ENDS,
        )
        self._attempt_seconds = self._histogram(
            "wavegate_webhook_attempt_seconds",
            "Time of attempts to tell a webhook of a run, by what came of them; SecretUnreadable:"
            " it was not called.",
            _CALL_BUCKETS,
            result=get_args(Result),
        )
        self._call_backs = self._counter(
            "wavegate_callbacks",
            "Call backs of the endpoints of Async HTTPJobs, heartbeats too, by what was answered.",
            outcome=CALLBACKS,
        )
        self._reflector_errors = self._counter(
            "wavegate_reflector_errors",
            "Lists and watches that failed, by resource.",
            resource=REFLECTED,
        )
        self._watch_silence = self._gauge(
            "wavegate_watch_silence_seconds",
            "Time since a list, an event or a bookmark of the resource came; the API server sends a"
            " bookmark about once a minute, and FleetJobs and FleetDeployments are listed every"
            " five minutes.",
            resource=REFLECTED,
        )
        info = self._gauge(
            "wavegate_build_info",
            "1, with the operator's version.",
            version=(_own_version(),),
            python_version=(platform.python_version(),),
        )
        info.labels(_own_version(), platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def register(self, collector: Collector) -> None:
        """Serve what a collector has, too."""
        self.registry.register(collector)

    def passed(self, result: str, seconds: float, controller: str = FLEET) -> None:
        """A pass ended: one of RESULTS."""
        self._passes.labels(controller, result).inc()
        if result == "error":
            self._pass_errors.labels(controller).inc()
            self._queue_retries.labels(controller).inc()
        self._pass_seconds.labels(controller).observe(seconds)

    def added(self, controller: str = FLEET) -> None:
        """A job was put into the queue."""
        self._queue_adds.labels(controller).inc()

    def waited(self, seconds: float, controller: str = FLEET) -> None:
        """A job was taken from the queue, so long after it was due."""
        self._queue_seconds.labels(controller).observe(seconds)

    def measure_steps(self, pending: Callable[[], int], running: Callable[[], int]) -> None:
        """Ask one more writer for its steps at each scrape."""
        self._writers.append((pending, running))

    def measure_queue(self, depth: Callable[[], int], controller: str = FLEET) -> None:
        """Ask for the depth of the queue at each scrape."""
        self._queue_depth.labels(controller).set_function(depth)

    def leads(self, leads: bool) -> None:
        """Whether this process leads."""
        self._leader.labels(self._lease).set(leads)

    def request(self, method: str, code: str, seconds: float) -> None:
        """A request was answered with that code, or not: <error>."""
        self._requests.labels(code, method).inc()
        self._request_seconds.labels(method).observe(seconds)

    def throttled(self, seconds: float) -> None:
        """A write has had to wait for its turn."""
        self._throttled_seconds.observe(seconds)

    def lagged(self, seconds: float) -> None:
        """The event loop came so late to a task that was due."""
        self._loop_lag.observe(seconds)

    def step(self, outcome: str) -> None:
        """A step ended, by the name of its outcome type."""
        self._steps.labels(outcome).inc()

    def count(self, found: Counted) -> None:
        """A decision is on record."""
        match found:
            case Verdict(outcome, reason):
                known = reason in VERDICTS[outcome]
                self._verdicts.labels(outcome, reason if known else OTHER).inc()
            case WaveEnd(canary, seconds):
                self._wave_seconds.labels(str(canary).lower()).observe(seconds)
            case GateEnd(outcome, active, waiting):
                self._gate_seconds.labels(outcome, "active").observe(active)
                self._gate_seconds.labels(outcome, "waiting").observe(waiting)
            case RolloutEnd(kind, outcome, active, waiting):
                self._rollouts.labels(kind, outcome).inc()
                if active is not None and waiting is not None:
                    self._rollout_seconds.labels(kind, outcome, "active").observe(active)
                    self._rollout_seconds.labels(kind, outcome, "waiting").observe(waiting)
            case RunEnd(phase):
                self._runs.labels(phase).inc()
            case DeliveryEnd(phase):
                self._deliveries.labels(phase).inc()
            case _:
                assert_never(found)

    def run_waited(self, seconds: float) -> None:
        """An attempt has started, so long after it could."""
        self._run_waits.observe(seconds)

    def called(self, outcome: str, seconds: float) -> None:
        """A call has ended: one of `runs.answers.OUTCOMES`."""
        self._call_seconds.labels(outcome).observe(seconds)

    def attempted(self, result: str, seconds: float) -> None:
        """An attempt to tell a webhook has ended: one of `runs.webhooks.Result`."""
        self._attempt_seconds.labels(result).observe(seconds)

    def called_back(self, outcome: str) -> None:
        """An endpoint has called back, and was answered so: one of CALLBACKS."""
        self._call_backs.labels(outcome).inc()

    def window(self, verdict: str) -> None:
        """A window was closed: good, bad or unreadable."""
        self._windows.labels(verdict).inc()

    def reading(self, source: str, read: bool) -> None:
        """A pod's counters were read, or could not be."""
        self._readings.labels(source, "Read" if read else "Unreadable").inc()

    def reflector_error(self, resource: str) -> None:
        """A list or watch of a resource (its plural) failed."""
        self._reflector_errors.labels(resource).inc()

    def measure_watch(self, resource: str, silence: Callable[[], float]) -> None:
        """Ask for the seconds of silence of a resource at each scrape."""
        self._watch_silence.labels(resource).set_function(silence)

    def render(self) -> bytes:
        """Prometheus text."""
        return generate_latest(self.registry)

    def _counter(self, name: str, words: str, /, **labels: Sequence[str]) -> Counter:
        return _at_zero(Counter(name, words, tuple(labels), registry=self.registry), labels)

    def _gauge(self, name: str, words: str, /, **labels: Sequence[str]) -> Gauge:
        return _at_zero(Gauge(name, words, tuple(labels), registry=self.registry), labels)

    def _histogram(
        self, name: str, words: str, buckets: Sequence[float], /, **labels: Sequence[str]
    ) -> Histogram:
        made = Histogram(name, words, tuple(labels), buckets=buckets, registry=self.registry)
        return _at_zero(made, labels)


def _at_zero(metric: M, labels: Mapping[str, Sequence[str]]) -> M:
    """The metric, with a series for each combination of the labels' values."""
    for values in product(*labels.values()) if labels else ():
        metric.labels(*values)
    return metric


def _own_version() -> str:
    try:
        return version_of("wavegate")
    except PackageNotFoundError:
        return "unknown"  # run from its source
