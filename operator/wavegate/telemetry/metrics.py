"""What the operator counts, on a registry of its own.

Every series that can be known beforehand is there from the start with 0, so that an alert on it
works before the first event.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from wavegate.domain.blame import WITHDRAWALS

OUTCOMES: Final = (
    "Success",
    "AlreadyExists",
    "Conflict",
    "NotFound",
    "Invalid",
    "Forbidden",
    "TooManyRequests",
    "ServerError",
    "Uncertain",
)
"""Outcomes of a write: Success, or the name of an error type of `kube.errors`."""

WRITES: Final = (
    ("POST", "jobversions"),
    ("POST", "fleetdeployments"),
    ("POST", "executions"),
    ("POST", "pods"),
    ("POST", "configmaps"),
    ("POST", "events"),
    ("PUT", "fleetjobs"),
    ("PUT", "fleetdeployments"),
    ("PUT", "jobversions"),
    ("PUT", "executions"),
    ("PATCH", "nodes"),
    ("DELETE", "pods"),
    ("DELETE", "executions"),
)
"""The writes that the operator makes, as HTTP verb and resource."""

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
    "jobversions",
    "nodes",
    "pods",
)
"""What is listed and watched."""

SOURCES: Final = ("pod", "prometheus")
"""Where counters of judged pods are read."""

_PASS_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """The counters, each with the one place that changes it; `render` is what is scraped."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._writes = Counter(
            "wavegate_writes",
            "Requests that change something, by HTTP verb, resource and outcome.",
            ("verb", "resource", "outcome"),
            registry=self.registry,
        )
        self._passes = Counter(
            "wavegate_passes",
            "Planning passes by outcome: planned, reading (its job is read live first), failed.",
            ("outcome",),
            registry=self.registry,
        )
        self._pass_seconds = Histogram(
            "wavegate_pass_seconds",
            "Time that a planning pass took.",
            buckets=_PASS_BUCKETS,
            registry=self.registry,
        )
        self._steps = Counter(
            "wavegate_steps",
            "Steps of plans by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self._verdicts = Counter(
            "wavegate_verdicts",
            "Executions that failed (by their version's fault while they were judged, later by"
            " their own), were withdrawn (somebody else's doing, not counted against the version)"
            " or completed, by reason.",
            ("outcome", "reason"),
            registry=self.registry,
        )
        self._reflector_errors = Counter(
            "wavegate_reflector_errors",
            "Lists and watches that failed, by resource.",
            ("resource",),
            registry=self.registry,
        )
        self._readings = Counter(
            "wavegate_readings",
            "Readings of the counters of pods that are judged, by kind of source (pod: at its own"
            " address) and outcome: Read or Unreadable.",
            ("source", "outcome"),
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "wavegate_queue_depth", "Jobs waiting for a pass.", registry=self.registry
        )
        self.steps_pending = Gauge(
            "wavegate_steps_pending", "Steps waiting to be written.", registry=self.registry
        )
        self.steps_running = Gauge(
            "wavegate_steps_running", "Steps being written.", registry=self.registry
        )
        self.leader = Gauge(
            "wavegate_leader", "1 while this process leads.", registry=self.registry
        )
        self.ready_seconds = Gauge(
            "wavegate_ready_seconds",
            "Seconds from the process's start to complete caches; 0 before.",
            registry=self.registry,
        )
        self._start_at_zero()

    def write(self, verb: str, resource: str, outcome: str) -> None:
        """A write was answered (or not: Uncertain)."""
        self._writes.labels(verb, resource, outcome).inc()

    def passed(self, outcome: str, seconds: float) -> None:
        """A pass ended: planned, reading or failed."""
        self._passes.labels(outcome).inc()
        self._pass_seconds.observe(seconds)

    def step(self, outcome: str) -> None:
        """A step ended, by the name of its outcome type."""
        self._steps.labels(outcome).inc()

    def verdict(self, outcome: str, reason: str) -> None:
        """A verdict on an execution is on record."""
        known = reason in VERDICTS[outcome]
        self._verdicts.labels(outcome, reason if known else OTHER).inc()

    def reflector_error(self, resource: str) -> None:
        """A list or watch of a resource (its plural) failed."""
        self._reflector_errors.labels(resource).inc()

    def reading(self, source: str, read: bool) -> None:
        """A pod's counters were read, or could not be."""
        self._readings.labels(source, "Read" if read else "Unreadable").inc()

    def render(self) -> bytes:
        """Prometheus text."""
        return generate_latest(self.registry)

    def _start_at_zero(self) -> None:
        for verb, resource in WRITES:
            for outcome in OUTCOMES:
                self._writes.labels(verb, resource, outcome)
        for outcome in ("planned", "reading", "failed"):
            self._passes.labels(outcome)
        for outcome in ("Done", "LookAgain", "Refused", "Failed", "TooSoon", "NotLeading"):
            self._steps.labels(outcome)
        for outcome, reasons in VERDICTS.items():
            for reason in (*reasons, OTHER):
                self._verdicts.labels(outcome, reason)
        for resource in REFLECTED:
            self._reflector_errors.labels(resource)
        for source in SOURCES:
            for outcome in ("Read", "Unreadable"):
                self._readings.labels(source, outcome)
