"""What is counted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench import exposition
from wavegate.domain.actions import GateEnd, RolloutEnd, Verdict, WaveEnd
from wavegate.runner.callbacks import STATUSES
from wavegate.telemetry.metrics import (
    CALLBACKS,
    CODES,
    ENDS,
    METHODS,
    OTHER,
    REFLECTED,
    RESULTS,
    ROLLOUTS,
    SOURCES,
    STEP_OUTCOMES,
    TIMES,
    VERDICTS,
    WINDOWS,
    Metrics,
)

Key = tuple[str, tuple[str, ...]]


def samples(metrics: Metrics) -> dict[Key, float]:
    """By name and the values of the labels, in the order of their names."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            values = tuple(value for _, value in sorted(sample.labels.items()))
            found[sample.name, values] = sample.value
    return found


def changed(metrics: Metrics, before: dict[Key, float]) -> dict[Key, float]:
    """What has another value than before, buckets and the process left out."""
    ours = samples(metrics)
    return {
        key: value
        for key, value in ours.items()
        if value != before.get(key)
        and not key[0].startswith("process_")
        and not key[0].endswith("_bucket")
    }


ONE = ("fleetjob",)
KNOWN: dict[str, tuple[tuple[str, ...], ...]] = {
    "controller_runtime_reconcile_total": (ONE, RESULTS),
    "controller_runtime_reconcile_errors_total": (ONE,),
    "controller_runtime_reconcile_time_seconds_count": (ONE,),
    "workqueue_depth": (ONE,),
    "workqueue_adds_total": (ONE,),
    "workqueue_retries_total": (ONE,),
    "workqueue_queue_duration_seconds_count": (ONE,),
    "rest_client_requests_total": (CODES, METHODS),
    "rest_client_request_duration_seconds_count": (METHODS,),
    "rest_client_rate_limiter_duration_seconds_sum": (),
    "leader_election_master_status": (("wavegate",),),
    "wavegate_event_loop_lag_seconds_count": (),
    "wavegate_steps_total": (STEP_OUTCOMES,),
    "wavegate_steps_pending": (),
    "wavegate_steps_running": (),
    "wavegate_reflector_errors_total": (REFLECTED,),
    "wavegate_watch_silence_seconds": (REFLECTED,),
    "wavegate_readings_total": (("Read", "Unreadable"), SOURCES),
    "wavegate_windows_total": (WINDOWS,),
    "wavegate_callbacks_total": (CALLBACKS,),
    "wavegate_wave_duration_seconds_count": (("true", "false"),),
    "wavegate_gate_duration_seconds_count": (("Passed", "Failed"), TIMES),
    "wavegate_rollouts_total": (ENDS, ROLLOUTS),
    "wavegate_rollout_duration_seconds_count": (ENDS, TIMES, ROLLOUTS),
}
"""Series by name: the values of the labels, in the order of the labels' names."""


def known() -> Iterable[Key]:
    for name, labels in KNOWN.items():
        for values in product(*labels):
            yield name, values
    for outcome, reasons in VERDICTS.items():
        for reason in (*reasons, OTHER):
            yield "wavegate_verdicts_total", (outcome, reason)


def test_everything_that_can_be_known_is_there_with_0_from_the_start():
    found = samples(Metrics())
    assert {key: found.get(key) for key in known()} == dict.fromkeys(known(), 0)


def test_each_answer_to_a_call_back_is_counted():
    assert set(CALLBACKS) == set(STATUSES)
    metrics = Metrics()
    before = samples(metrics)
    metrics.called_back("Over")
    assert changed(metrics, before) == {("wavegate_callbacks_total", ("Over",)): 1}


def test_the_build_is_told():
    metrics = Metrics()
    (info,) = (value for (name, _), value in samples(metrics).items() if name.endswith("_info"))
    assert info == 1


def test_no_name_begins_otherwise():
    standard = ("controller_runtime_", "workqueue_", "rest_client_", "leader_election_", "process_")
    names = {name for name, _ in samples(Metrics())}
    assert {name for name in names if not name.startswith(("wavegate_", *standard))} == set()


def test_what_happens_is_counted():
    metrics = Metrics("another")
    before = samples(metrics)
    metrics.request("POST", "201", 0.25)
    metrics.request("GET", "<error>", 8.0)
    metrics.passed("requeue_after", 0.5)
    metrics.passed("error", 0.25)
    metrics.added()
    metrics.waited(2.0)
    metrics.measure_queue(lambda: 3)
    metrics.throttled(1.5)
    metrics.lagged(0.5)
    metrics.step("Refused")
    metrics.reflector_error("pods")
    metrics.measure_watch("nodes", lambda: 61.0)
    metrics.reading("prometheus", read=True)
    metrics.reading("pod", read=False)
    metrics.window("bad")
    metrics.leads(True)
    assert changed(metrics, before) == {
        ("rest_client_requests_total", ("201", "POST")): 1,
        ("rest_client_requests_total", ("<error>", "GET")): 1,
        ("rest_client_request_duration_seconds_count", ("POST",)): 1,
        ("rest_client_request_duration_seconds_sum", ("POST",)): 0.25,
        ("rest_client_request_duration_seconds_count", ("GET",)): 1,
        ("rest_client_request_duration_seconds_sum", ("GET",)): 8,
        ("controller_runtime_reconcile_total", ("fleetjob", "requeue_after")): 1,
        ("controller_runtime_reconcile_total", ("fleetjob", "error")): 1,
        ("controller_runtime_reconcile_errors_total", ("fleetjob",)): 1,
        ("controller_runtime_reconcile_time_seconds_count", ("fleetjob",)): 2,
        ("controller_runtime_reconcile_time_seconds_sum", ("fleetjob",)): 0.75,
        ("workqueue_retries_total", ("fleetjob",)): 1,
        ("workqueue_adds_total", ("fleetjob",)): 1,
        ("workqueue_queue_duration_seconds_count", ("fleetjob",)): 1,
        ("workqueue_queue_duration_seconds_sum", ("fleetjob",)): 2,
        ("workqueue_depth", ("fleetjob",)): 3,
        ("rest_client_rate_limiter_duration_seconds_count", ()): 1,
        ("rest_client_rate_limiter_duration_seconds_sum", ()): 1.5,
        ("wavegate_event_loop_lag_seconds_count", ()): 1,
        ("wavegate_event_loop_lag_seconds_sum", ()): 0.5,
        ("wavegate_steps_total", ("Refused",)): 1,
        ("wavegate_reflector_errors_total", ("pods",)): 1,
        ("wavegate_watch_silence_seconds", ("nodes",)): 61,
        ("wavegate_readings_total", ("Read", "prometheus")): 1,
        ("wavegate_readings_total", ("Unreadable", "pod")): 1,
        ("wavegate_windows_total", ("bad",)): 1,
        ("leader_election_master_status", ("another",)): 1,
    }


def test_how_long_things_took_is_counted_apart_from_the_time_of_a_person():
    metrics = Metrics()
    before = samples(metrics)
    metrics.count(WaveEnd(canary=True, seconds=12))
    metrics.count(GateEnd("Passed", active=20, waiting=3600))
    metrics.count(RolloutEnd("Update", "Completed", active=100, waiting=3600))
    metrics.count(RolloutEnd("Stop", "Canceled", None, None))
    told = {key: n for key, n in changed(metrics, before).items() if not key[0].endswith("_count")}
    assert told == {
        ("wavegate_wave_duration_seconds_sum", ("true",)): 12,
        ("wavegate_gate_duration_seconds_sum", ("Passed", "active")): 20,
        ("wavegate_gate_duration_seconds_sum", ("Passed", "waiting")): 3600,
        ("wavegate_rollout_duration_seconds_sum", ("Completed", "active", "Update")): 100,
        ("wavegate_rollout_duration_seconds_sum", ("Completed", "waiting", "Update")): 3600,
        ("wavegate_rollouts_total", ("Completed", "Update")): 1,
        ("wavegate_rollouts_total", ("Canceled", "Stop")): 1,
    }
    assert (
        samples(metrics)["wavegate_rollout_duration_seconds_count", ("Canceled", "active", "Stop")]
        == 0
    )


@pytest.mark.row("Blame")
def test_verdicts_are_counted_apart_and_an_unknown_reason_makes_no_new_series():
    metrics = Metrics()
    series = len(samples(metrics))
    metrics.count(Verdict("failed", "ErrorRateExceeded"))
    metrics.count(Verdict("withdrawn", "Cordoned"))
    metrics.count(Verdict("failed", "something that a later release says"))
    found = samples(metrics)
    assert found["wavegate_verdicts_total", ("failed", "ErrorRateExceeded")] == 1
    assert found["wavegate_verdicts_total", ("withdrawn", "Cordoned")] == 1
    assert found["wavegate_verdicts_total", ("failed", "Other")] == 1
    assert len(found) == series


@pytest.mark.parametrize("seconds", [0.0034, 0.0049, 0.0149, 0.0199, 0.0348, 0.0748])
def test_a_p99_of_passes_that_all_took_as_long_is_not_told_half_as_long_again(seconds: float):
    metrics = Metrics()
    for _ in range(100):
        metrics.passed("success", seconds)
    page = exposition.read(metrics.render().decode(), ["controller_runtime_reconcile_time_seconds"])
    told = exposition.quantile(page, "controller_runtime_reconcile_time_seconds", 0.99)
    assert told == pytest.approx(seconds, rel=0.05)


def test_two_processes_in_one_have_nothing_in_common():
    one, two = Metrics(), Metrics()
    one.request("POST", "201", 0.1)
    assert samples(two)["rest_client_requests_total", ("201", "POST")] == 0
