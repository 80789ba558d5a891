"""Sources: where an execution's error rate comes from.

| healthCheck.errorRate | counters |
| --- | --- |
| absent | the driver's own, where it has some, at the pod's own address |
| podMetrics | those that the job names, at the pod's own address |
| prometheus | what the source of that name answers, the address of which the administrator gave |

Invariants: no address comes from an object. A reading of a pod is of that pod alone: a Prometheus
knows what a node's former pod counted, so a pod is first asked for when that is older than the
window that queries look back on. Readings of a pod are an interval apart, so none is made twice of
the same sample.

A source that is not configured is the administrator's to mend: no rollout of a version that names
it begins or goes on, and nobody is judged by it. Rollbacks, and what an empty node gets, begin all
the same.
"""

from __future__ import annotations

from wavegate.api.defaults import effective_rollout
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.rollout import WINDOW, PrometheusQueries
from wavegate.domain.actions import CounterSource, PrometheusSource, Source
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.driver import driver_for

ANSWERS_A_WINDOW = 10
"""A Prometheus is asked at most this often in a window, however many pods there are."""

NOT_CONFIGURED = "SourceNotConfigured"

_FIELD = "spec.rollout.healthCheck.errorRate.prometheus.source"


def source_of(spec: FleetJobSpec) -> Source | None:
    """The counters of the job's pods; None: health is readiness and restarts alone."""
    check = spec.rollout.health_check
    rate = check.error_rate if check is not None else None
    if check is None or rate is None:
        return driver_for(spec.type).counters(spec)
    if rate.prometheus is not None:
        return _prometheus(rate.prometheus, check.interval)
    assert rate.pod_metrics is not None
    return CounterSource(
        port=rate.pod_metrics.port,
        path=rate.pod_metrics.path,
        format=rate.pod_metrics.format,
        errors=tuple(rate.pod_metrics.errors),
        total=tuple(rate.pod_metrics.total),
    )


def _prometheus(queries: PrometheusQueries, interval: float) -> PrometheusSource:
    window = f"{round(interval * 1000)}ms"
    return PrometheusSource(
        name=queries.source,
        error_query=queries.error_query.replace(WINDOW, window),
        total_query=queries.total_query.replace(WINDOW, window),
        window=interval,
    )


def settling(source: Source | None) -> float:
    """Seconds from a pod's readiness to its first reading.

    The answer that a reading shares may be a tenth of a window old.
    """
    if isinstance(source, PrometheusSource):
        return source.window * (1 + 1 / ANSWERS_A_WINDOW)
    return 0.0


def not_configured(spec: FleetJobSpec, settings: PlanSettings) -> str:
    """That the spec names a source which the operator does not know, and the way out; else empty.

    Immediate judges nobody, so there the name is not looked at.
    """
    source = source_of(spec)
    if not isinstance(source, PrometheusSource) or source.name in settings.prometheus_sources:
        return ""
    if effective_rollout(spec).strategy == "Immediate":
        return ""
    known = ", ".join(sorted(settings.prometheus_sources))
    others = f" (configured: {known}); name one of these, or" if known else " and no other;"
    return (
        f'{_FIELD}: the operator has no source "{source.name}"{others} have the administrator start'
        f" the operator with --prometheus-source {source.name}=URL"
    )
