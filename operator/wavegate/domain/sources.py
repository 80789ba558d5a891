"""Sources: where an execution's error rate comes from.

``healthCheck.errorRate`` absent: the driver's own counters, where it has some; ``podMetrics``:
those that the job names. Always at the pod's own address.
"""

from __future__ import annotations

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.drivers.driver import driver_for


def source_of(spec: FleetJobSpec) -> CounterSource | None:
    """The counters of the job's pods; None: health is readiness and restarts alone."""
    check = spec.rollout.health_check
    if check is None or check.error_rate is None or check.error_rate.pod_metrics is None:
        return driver_for(spec.type).counters(spec)
    metrics = check.error_rate.pod_metrics
    return CounterSource(
        port=metrics.port,
        path=metrics.path,
        format=metrics.format,
        errors=tuple(metrics.errors),
        total=tuple(metrics.total),
    )
