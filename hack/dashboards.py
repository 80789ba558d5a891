"""The chart's dashboards, as short as they can be said: titles and queries, three in a row.

`hack/chart.py` writes them as Grafana reads them. Queries that are not by job leave out what other
controllers count under the same names, as the alerts do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

OURS: Final = "and on (job, instance) wavegate_build_info"
JOB: Final = 'job_namespace="$job_namespace",job_name="$job_name"'
BY_JOB: Final = "by (job_namespace, job_name)"
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3


@dataclass(frozen=True)
class Panel:
    """``queries``: PromQL by legend; ``unit``: as Grafana names it."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    type: str = "timeseries"


@dataclass(frozen=True)
class Dashboard:
    """``of_job``: whether it is of one job, which is chosen by two variables."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    of_job: bool = False


def quantiles(metric: str, labels: str = "", by: str = "") -> dict[str, str]:
    """Median and 99th percentile of a histogram, over the dashboard's interval."""
    legend, group = (f"{{{{{by}}}}} ", f"le, {by}") if by else ("", "le")
    rate = f"sum by ({group}) (rate({metric}_bucket{labels}[$__rate_interval]))"
    return {f"{legend}p{share}": f"histogram_quantile(0.{share}, {rate})" for share in ("50", "99")}


def of_range(metric: str, labels: str = "", by: str = "") -> dict[str, str]:
    """The same over the whole range that is shown: for what happens a few times a day."""
    made = quantiles(metric, labels, by)
    return {legend: query.replace("$__rate_interval", "$__range") for legend, query in made.items()}


def rate(metric: str, by: str, labels: str = "", ours: bool = False) -> dict[str, str]:
    each = f"rate({metric}{labels}[$__rate_interval])"
    return {f"{{{{{by}}}}}": f"sum by ({by}) ({each}{f' {OURS}' if ours else ''})"}


_CONTROLLER: Final = '{controller="fleetjob"}'
_QUEUE: Final = '{name="fleetjob"}'

OPERATOR: Final = Dashboard(
    "operator",
    "Wavegate / Operator",
    (
        Panel("Replicas", {"{{version}}": "count by (version) (wavegate_build_info)"}, type="stat"),
        Panel("Leaders", {"leaders": f"sum(leader_election_master_status {OURS})"}, type="stat"),
        Panel("Jobs due", {"jobs": f"sum(workqueue_depth{_QUEUE})"}),
        Panel("Passes", rate("controller_runtime_reconcile_total", "result", _CONTROLLER), "ops"),
        Panel("Time of a pass", quantiles("controller_runtime_reconcile_time_seconds"), "s"),
        Panel("Time to a pass", quantiles("workqueue_queue_duration_seconds", _QUEUE), "s"),
        Panel("Steps", rate("wavegate_steps_total", "outcome"), "ops"),
        Panel(
            "Steps waiting and running",
            {"waiting": "sum(wavegate_steps_pending)", "running": "sum(wavegate_steps_running)"},
        ),
        Panel(
            "Writes held back",
            {
                "share of time": "sum(rate(rest_client_rate_limiter_duration_seconds_sum"
                f"[$__rate_interval]) {OURS})"
            },
            "percentunit",
        ),
        Panel("Requests", rate("rest_client_requests_total", "code", ours=True), "reqps"),
        Panel(
            "Time of a request",
            quantiles("rest_client_request_duration_seconds", by="verb"),
            "s",
        ),
        Panel("Failed lists and watches", rate("wavegate_reflector_errors_total", "resource")),
        Panel(
            "Silence of watches",
            {"{{resource}}": "max by (resource) (wavegate_watch_silence_seconds)"},
            "s",
        ),
        Panel("Memory", {"{{instance}}": f"process_resident_memory_bytes {OURS}"}, "bytes"),
        Panel(
            "Processor",
            {"{{instance}}": f"rate(process_cpu_seconds_total[$__rate_interval]) {OURS}"},
        ),
    ),
)

FLEET: Final = Dashboard(
    "fleet",
    "Wavegate / Fleet",
    (
        Panel("Jobs by state", {"{{state}}": "count by (state) (wavegate_fleetjob_info)"}),
        Panel("Nodes by state", {"{{state}}": "sum by (state) (wavegate_fleetjob_nodes)"}),
        Panel(
            "Jobs that are not ready",
            {
                "{{job_namespace}}/{{job_name}}": f"max {BY_JOB} (wavegate_fleetjob_condition"
                '{type="Ready",status="false"})'
            },
            type="state-timeline",
        ),
        Panel(
            "Rollouts that ended",
            {
                "{{type}} {{outcome}}": "sum by (type, outcome)"
                " (increase(wavegate_rollouts_total[$__range]))"
            },
            type="bargauge",
        ),
        Panel(
            "Rollouts that wait for a person",
            {
                "{{job_namespace}}/{{job_name}}": f"max {BY_JOB}"
                " (wavegate_rollout_waiting_since_timestamp_seconds > bool 0)"
            },
            type="state-timeline",
        ),
        Panel(
            "Failed and withdrawn executions",
            {
                "{{outcome}} {{reason}}": "sum by (outcome, reason) (increase("
                'wavegate_verdicts_total{outcome!="completed"}[$__range]))'
            },
            type="bargauge",
        ),
        Panel(
            "Time of a rollout, without a person's",
            of_range("wavegate_rollout_duration_seconds", '{time="active"}'),
            "s",
        ),
        Panel("Time of a wave", of_range("wavegate_wave_duration_seconds", by="canary"), "s"),
        Panel("Time of a gate", of_range("wavegate_gate_duration_seconds", by="time"), "s"),
        Panel("Health windows", rate("wavegate_windows_total", "verdict")),
        Panel("Readings of counters", rate("wavegate_readings_total", "outcome")),
    ),
)


def _of_one(metric: str, by: str, more: str = "") -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"max by ({by}) ({metric}{{{JOB}{more}}})"}


_WAITING: Final = f"max(wavegate_rollout_waiting_since_timestamp_seconds{{{JOB}}})"
_PROGRESS: Final = f"max(wavegate_rollout_progress_timestamp_seconds{{{JOB}}})"

ROLLOUT: Final = Dashboard(
    "rollout",
    "Wavegate / One rollout",
    (
        Panel(
            "Where it is",
            {
                "{{state}}: {{reason}}, v{{version}}, stable v{{stable_version}}": "max by (state,"
                f" reason, version, stable_version) (wavegate_fleetjob_info{{{JOB}}})"
            },
            type="stat",
        ),
        Panel("Wave", _of_one("wavegate_rollout_wave", "which"), type="stat"),
        Panel("Nodes of the rollout", _of_one("wavegate_rollout_nodes", "state")),
        Panel("Nodes of the job", _of_one("wavegate_fleetjob_nodes", "state")),
        Panel(
            "Conditions",
            _of_one("wavegate_fleetjob_condition", "type", ',status="true"'),
            type="state-timeline",
        ),
        Panel(
            "Since its last progress, or waiting for a person",
            {
                "no progress": f"(time() - {_PROGRESS}) * ({_PROGRESS} > bool 0)",
                "a person": f"(time() - {_WAITING}) * ({_WAITING} > bool 0)",
            },
            "s",
        ),
    ),
    of_job=True,
)

DASHBOARDS: Final = (OPERATOR, FLEET, ROLLOUT)


def rendered(dashboard: Dashboard) -> str:
    """The dashboard's JSON, as it is imported into Grafana."""
    made = {
        "uid": f"wavegate-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["wavegate"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_variables(dashboard))},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(made, indent=1) + "\n"


def _variables(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    if dashboard.of_job:
        yield _variable("job_namespace", "label_values(wavegate_fleetjob_info, job_namespace)")
        names = 'label_values(wavegate_fleetjob_info{job_namespace="$job_namespace"}, job_name)'
        yield _variable("job_name", names)


def _variable(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": _SOURCE, "query": query, "refresh": 2}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    column, row = number % _COLUMNS, number // _COLUMNS
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.type,
        "datasource": _SOURCE,
        "gridPos": {
            "x": column * _WIDTH,
            "y": row * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": _targets(list(panel.queries.items())),
    }


def _targets(queries: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"refId": chr(ord("A") + number), "expr": query, "legendFormat": legend}
        for number, (legend, query) in enumerate(queries)
    ]
