"""Where an execution's error rate comes from."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import job_spec
from wavegate.domain.actions import CounterSource, PrometheusSource
from wavegate.domain.observed import PlanSettings
from wavegate.domain.sources import not_configured, settling, source_of

CHECK = {"interval": "5s", "deadline": "1m"}
PIPELINE: dict[str, Any] = {"type": "pipeline", "template": None, "config": {"input": {}}}


def test_a_container_has_no_counters_of_its_own() -> None:
    assert source_of(job_spec(rollout={"healthCheck": CHECK})) is None


def test_a_pipeline_s_own_counters_are_the_default() -> None:
    source = source_of(job_spec(**PIPELINE, rollout={"healthCheck": CHECK}))
    assert isinstance(source, CounterSource)
    assert source.errors == ("processor_error", "output_error")


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.podMetrics.port",
    "spec.rollout.healthCheck.errorRate.podMetrics.path",
    "spec.rollout.healthCheck.errorRate.podMetrics.format",
    "spec.rollout.healthCheck.errorRate.podMetrics.errors",
    "spec.rollout.healthCheck.errorRate.podMetrics.total",
)
def test_those_that_the_job_names_win() -> None:
    metrics = {"port": 9000, "path": "/m", "format": "JSON", "errors": ["bad"], "total": ["all"]}
    named = {**CHECK, "errorRate": {"podMetrics": metrics}}
    source = source_of(job_spec(**PIPELINE, rollout={"healthCheck": named}))
    assert isinstance(source, CounterSource)
    assert (source.port, source.path, source.format) == (9000, "/m", "JSON")
    assert (source.errors, source.total) == (("bad",), ("all",))


def test_without_a_health_check_the_driver_s_own_are_known_but_not_asked_for() -> None:
    immediate = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
    assert source_of(job_spec(rollout=immediate)) is None


ERRORS = (
    "sum by (node) (last_over_time(e[$window])) or 0 * sum by (node) (last_over_time(t[$window]))"
)
QUERIES = {"source": "main", "errorQuery": ERRORS, "totalQuery": "last_over_time(t[$window])"}
ASKED = {**CHECK, "errorRate": {"prometheus": QUERIES}}
KNOWN = PlanSettings(prometheus_sources=frozenset({"main", "other"}))


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.prometheus.source",
    "spec.rollout.healthCheck.errorRate.prometheus.errorQuery",
    "spec.rollout.healthCheck.errorRate.prometheus.totalQuery",
)
def test_queries_are_of_the_source_named_and_look_back_one_window() -> None:
    source = source_of(job_spec(rollout={"healthCheck": {**ASKED, "interval": "1.5s"}}))
    assert source == PrometheusSource(
        name="main",
        error_query="sum by (node) (last_over_time(e[1500ms])) or"
        " 0 * sum by (node) (last_over_time(t[1500ms]))",
        total_query="last_over_time(t[1500ms])",
        window=1.5,
    )


def test_a_prometheus_is_asked_for_a_pod_once_nothing_older_is_in_its_window() -> None:
    source = source_of(job_spec(rollout={"healthCheck": ASKED}))
    assert settling(source) == pytest.approx(5.5)
    assert settling(source_of(job_spec(**PIPELINE, rollout={"healthCheck": CHECK}))) == 0
    assert settling(None) == 0


def test_a_source_that_is_configured_is_fine() -> None:
    assert not_configured(job_spec(rollout={"healthCheck": ASKED}), KNOWN) == ""
    assert not_configured(job_spec(), PlanSettings()) == ""


@pytest.mark.parametrize(
    ("settings", "others"),
    [
        (PlanSettings(), " and no other;"),
        (KNOWN, " (configured: main, other); name one of these, or"),
    ],
    ids=["none", "two"],
)
def test_one_that_is_not_is_named_with_the_field_and_the_ways_out(
    settings: PlanSettings, others: str
) -> None:
    asked = {**CHECK, "errorRate": {"prometheus": {**QUERIES, "source": "mian"}}}
    message = not_configured(job_spec(rollout={"healthCheck": asked}), settings)
    assert message == (
        'spec.rollout.healthCheck.errorRate.prometheus.source: the operator has no source "mian"'
        f"{others} have the administrator start the operator"
        " with --prometheus-source mian=URL"
    )


def test_immediate_judges_nobody_and_so_needs_no_source() -> None:
    rollout = {"strategy": "Immediate", "autoPromote": None, "healthCheck": ASKED}
    assert not_configured(job_spec(rollout=rollout), PlanSettings()) == ""
