"""What is counted."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wavegate.telemetry.metrics import (
    OTHER,
    OUTCOMES,
    REFLECTED,
    SOURCES,
    VERDICTS,
    WRITES,
    Metrics,
)


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.values()))] = sample.value
    return found


def test_everything_is_there_with_0_from_the_start():
    found = samples(Metrics())
    for verb, resource in WRITES:
        for outcome in OUTCOMES:
            key = ("wavegate_writes_total", tuple(sorted((verb, resource, outcome))))
            assert found[key] == 0
    for resource in REFLECTED:
        assert found["wavegate_reflector_errors_total", (resource,)] == 0
    for source in SOURCES:
        for outcome in ("Read", "Unreadable"):
            assert found["wavegate_readings_total", tuple(sorted((source, outcome)))] == 0
    for outcome, reasons in VERDICTS.items():
        for reason in (*reasons, OTHER):
            assert found["wavegate_verdicts_total", tuple(sorted((outcome, reason)))] == 0
    assert found["wavegate_passes_total", ("failed",)] == 0
    assert found["wavegate_leader", ()] == 0


def test_every_name_begins_with_the_products():
    assert all(name.startswith("wavegate_") for name, _ in samples(Metrics()))


def test_what_happens_is_counted():
    metrics = Metrics()
    metrics.write("POST", "pods", "Success")
    metrics.write("POST", "pods", "Success")
    metrics.passed("planned", 0.002)
    metrics.step("Refused")
    metrics.reflector_error("pods")
    metrics.reading("prometheus", read=True)
    metrics.reading("pod", read=False)
    found = samples(metrics)
    assert found["wavegate_writes_total", ("POST", "Success", "pods")] == 2
    assert found["wavegate_passes_total", ("planned",)] == 1
    assert found["wavegate_pass_seconds_count", ()] == 1
    assert found["wavegate_steps_total", ("Refused",)] == 1
    assert found["wavegate_reflector_errors_total", ("pods",)] == 1
    assert found["wavegate_readings_total", ("Read", "prometheus")] == 1
    assert found["wavegate_readings_total", ("Unreadable", "pod")] == 1
    assert found["wavegate_readings_total", ("Unreadable", "prometheus")] == 0


@pytest.mark.row("Blame")
def test_verdicts_are_counted_apart_and_an_unknown_reason_makes_no_new_series():
    metrics = Metrics()
    series = len(samples(metrics))
    metrics.verdict("failed", "ErrorRateExceeded")
    metrics.verdict("withdrawn", "Cordoned")
    metrics.verdict("failed", "something that a later release says")
    found = samples(metrics)
    assert found["wavegate_verdicts_total", ("ErrorRateExceeded", "failed")] == 1
    assert found["wavegate_verdicts_total", ("Cordoned", "withdrawn")] == 1
    assert found["wavegate_verdicts_total", ("Other", "failed")] == 1
    assert len(found) == series


def test_two_processes_in_one_have_nothing_in_common():
    one, two = Metrics(), Metrics()
    one.write("POST", "pods", "Success")
    assert samples(two)["wavegate_writes_total", ("POST", "Success", "pods")] == 0
