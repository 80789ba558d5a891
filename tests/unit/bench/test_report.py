"""What the benchmark's tables say of runs."""

from __future__ import annotations

from typing import Any

import pytest

from bench.blocks import BLOCKS, order
from bench.report import disturbance, report, spread
from bench.targets import TARGETS, by_act, operator_writes, ratio

NODES = 100


def row(limits: str, contender: str, act: str, seconds: float, **more: Any) -> dict[str, Any]:
    """A row as it is stored, of cheap requests."""
    return {
        "limits": limits,
        "contender": contender,
        "act": act,
        "nodes": NODES,
        "seconds": seconds,
        "seconds_until_quiet": seconds + 3,
        "seconds_of_judgement": 0,
        "cpu": {"operator": 0.1},
        "cpu_of_others": 0.0,
        "peak_mib": {"operator": 90.0},
        "writes": {"POST pods": NODES},
        "reads": {},
        "refused": {},
        **more,
    }


def operator(**requests: int) -> dict[str, Any]:
    """What the operator tells of itself."""
    latencies = {"pass_p50": 0.002, "pass_p99": 0.004, "queue_p99": None, "lag_p99": 0.03}
    told = {"passes": 9, "seconds_held_back": 0.0, **latencies}
    return {**told, "requests": {"DELETE": 0, **requests}}


CREATED = row(
    "raised",
    "fleetjob",
    "create",
    30.0,
    seconds_of_judgement=10,
    writes={"POST pods": NODES, "POST executions": NODES, "PUT executions/status": NODES},
    operator=operator(),
    status_bytes={"FleetJob": 2048, "FleetDeployment": 1024},
)
ROLLED = row(
    "raised",
    "fleetjob",
    "roll",
    40.0,
    seconds_of_judgement=10,
    writes={
        "POST pods": NODES,
        "DELETE pods": 2 * NODES,
        "POST executions": NODES,
        "DELETE executions": 40,
        "PUT executions/status": 3 * NODES,
        "POST events": 7,
    },
    operator=operator(DELETE=NODES + 40),
    status_bytes={"FleetJob": 2048, "FleetDeployment": 1024},
)


def record(
    *rows: dict[str, Any], run: int = 1, scenarios: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    return {
        "run": run,
        "seed": 1,
        "nodes": NODES,
        "versions": {"commit": "abc", "code": "def", "processors": 2},
        "rows": list(rows),
        "scenarios": list(scenarios),
    }


def test_judgement_is_left_out_of_a_ratio():
    run = by_act(record(CREATED, row("raised", "daemonset", "create", 10.0)))
    assert ratio("raised", "create")(run) == pytest.approx(2.0)


def test_a_ratio_needs_both_of_the_same_limits_in_the_same_run():
    run = by_act(record(CREATED, row("shipped", "daemonset", "create", 10.0)))
    assert ratio("raised", "create")(run) is None


def test_the_operator_s_writes_are_without_those_of_kwok_and_of_the_clean_up():
    assert operator_writes(CREATED) == 3 * NODES
    assert operator_writes(ROLLED) == 6 * NODES


def test_the_report_names_times_and_targets_with_their_spread():
    records = [
        record(CREATED, ROLLED, row("raised", "daemonset", "create", seconds), run=run)
        for run, seconds in ((1, 10.0), (2, 8.0), (3, 4.0))
    ]
    told = report(records)
    assert "| raised | fleetjob | create | 3 | 30.0 (30.0 to 30.0) | 10 |" in told
    assert "| raised | daemonset | create | 3 | 8.0 (4.0 to 10.0) |  |" in told
    line = (
        "| create against DaemonSet, raised | ≤ 2.5 times | ≤ 1.7 times | 2.50 (2.00 to 5.00) times"
    )
    assert line in told
    assert "2 runs" not in told


def test_what_is_asked_and_was_not_measured_is_in_the_table_as_well():
    told = report([record(CREATED)])
    line = "| roll against DaemonSet, raised | ≤ 2.5 times | ≤ 1.5 times |  | not measured |"
    assert line in told, "no DaemonSet was rolled"


def test_what_was_never_observed_is_left_empty():
    told = report([record(CREATED)])
    assert "| raised | fleetjob | create | 9 | 2.00 | 4.00 |  | 30.0 | 0.0 | 2,048 |" in told


MANY_JOBS = {
    "jobs": 300,
    "nodes": 3000,
    "cpu": {"operator": 3.0},
    "cpu_of_others": 0.0,
    "seconds_until_quiet": 75.0,
    "peak_mib": {"operator": 130.0},
    "operator": {**operator(), "lag_p99": 0.04, "pass_p99": 0.5},
    "convergence_p50": 40.0,
    "convergence_p99": 70.0,
    "convergence_most": 71.0,
}
SCENARIOS = (
    {
        "scenario": "idle",
        "cpu": {"operator": 60.0},
        "cpu_of_others": 0.0,
        "seconds_until_quiet": 60.0,
        "peak_mib": {"operator": 100.0},
        "operator": {**operator(), "passes": 0},
        "writes_of_operator": 3,
        "share_of_a_processor": 0.04,
        "heartbeats_a_second": 33.3,
    },
    {
        "scenario": "bad-canary",
        "repeated": 30,
        "starts": 90,
        "late_starts": 0,
        "to_rollback": {"p50": 0.2, "p99": 0.7, "most": 0.7},
    },
    {
        "scenario": "cold-start",
        "executions": 210,
        "seconds_to_lead": {"killed": 14.0, "ended": 2.0},
        "seconds": {"killed": 15.0, "ended": 3.0},
        "peak_mib": {"operator": 160.0},
    },
    {"scenario": "many-jobs", **MANY_JOBS},
    {"scenario": "many-jobs-in-waves", **MANY_JOBS, "convergence_p99": 130.0},
)
WITH_OTHERS = record(
    {**CREATED, "peak_mib": {"operator": 120.0, "etcd": 500.0}},
    {
        **ROLLED,
        "cpu": {"operator": 0.2, "etcd": 9.0},
        "operator": {**operator(DELETE=NODES + 40), "pass_p99": 0.012, "lag_p99": None},
        "status_bytes": {"FleetJob": 1024, "FleetDeployment": 4096},
    },
    {
        **CREATED,
        "contender": "validated",
        "writes": {**CREATED["writes"], "PUT executions/status": 2 * NODES},
    },
    row("raised", "daemonset", "create", 8.0, peak_mib={"etcd": 900.0}),
    row("raised", "daemonset", "roll", 15.0),
    {**CREATED, "limits": "shipped", "seconds": 50.0},
    {**ROLLED, "limits": "shipped", "seconds": 90.0},
    row("shipped", "daemonset", "create", 80.0),
    row("shipped", "daemonset", "roll", 160.0),
    row("raised", "bare", "create", 5.0),
    scenarios=SCENARIOS,
)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("create against DaemonSet, raised", "≤ 2.5 times | ≤ 1.7 times | 2.50 times | met"),
        ("roll against DaemonSet, raised", "≤ 2.5 times | ≤ 1.5 times | 2.00 times | met"),
        ("create against DaemonSet, as shipped", "≤ 0.6 times | ≤ 0.4 times | 0.50 times | met"),
        ("roll against DaemonSet, as shipped", "≤ 0.7 times | ≤ 0.45 times | 0.50 times | met"),
        ("writes per node, create Immediate", "≤ 3 | ≤ 3 | 3.00 | aim met"),
        ("writes per node, create validated", "≤ 4 | ≤ 4 | 4.00 | aim met"),
        ("writes per node, replace validated", "≤ 6 | ≤ 6 | 6.00 | aim met"),
        ("executions created a second, as shipped", "≥ 42 /s | ≥ 80 /s | 2.50 /s | missed"),
        ("memory peak of the operator", "≤ 300 MiB | ≤ 150 MiB | 160.00 MiB | met"),
        ("operator CPU per execution created", "≤ 3 ms | ≤ 1.5 ms | 2.00 ms | met"),
        ("planning pass, p99", "≤ 20 ms | ≤ 5 ms | 12.00 ms | met"),
        ("event-loop lag, p99", "≤ 100 ms | ≤ 50 ms | 40.00 ms | aim met"),
        (
            "starts of bad versions after their verdict, requests already sent left out",
            "≤ 0 | ≤ 0 | 0.00 | aim met",
        ),
        (
            "bad canary verdict to first rollback write, p99",
            "≤ 2 s | ≤ 0.5 s | 0.70 s | met",
        ),
        (
            "killed in mid-rollout, start to first right action",
            "≤ 20 s | ≤ 8 s | 15.00 s | met",
        ),
        (
            "ended in mid-rollout, start to first right action",
            "≤ 20 s | ≤ 8 s | 3.00 s | aim met",
        ),
        (
            "300 jobs of 10 nodes changed at once, p99",
            "≤ 120 s | ≤ 75 s | 70.00 s | aim met",
        ),
        (
            "300 jobs of 10 nodes changed at once, node by node and judged, p99",
            "≤ 120 s | ≤ 75 s | 130.00 s | missed",
        ),
        ("idle: writes but for the Lease", "≤ 0 | ≤ 0 | 3.00 | missed"),
        ("idle: of a processor", "≤ 5 % | ≤ 2 % | 4.00 % | met"),
        ("status of job or deployment", "≤ 16 KiB | ≤ 8 KiB | 4.00 KiB | aim met"),
        ("create against bare requests, raised", " |  | 4.00 times | "),
    ],
)
def test_each_target_has_its_value_from_the_rows_that_it_is_about(words: str, told: str):
    assert f"| {words} | {told} |" in report([WITH_OTHERS])


@pytest.mark.parametrize(
    ("words", "value", "verdict"),
    [
        ("create against DaemonSet, raised", 1.7, "aim met"),
        ("create against DaemonSet, raised", 2.5, "met"),
        ("create against DaemonSet, raised", 2.6, "missed"),
        ("executions created a second, as shipped", 80, "aim met"),
        ("executions created a second, as shipped", 42, "met"),
        ("executions created a second, as shipped", 41, "missed"),
    ],
)
def test_a_value_is_compared_with_its_target(words: str, value: float, verdict: str):
    (target,) = (each for each in TARGETS if each.words == words)
    assert target.verdict([value]) == verdict


def test_of_several_runs_the_median_counts_but_where_nothing_is_aimed_at_the_worst():
    ratios, writes = (
        next(each for each in TARGETS if each.words == words)
        for words in ("create against DaemonSet, raised", "idle: writes but for the Lease")
    )
    assert ratios.verdict([1.0, 1.6, 9.0]) == "aim met"
    assert writes.verdict([0, 0, 1]) == "missed"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("idle", "heartbeats a second | 33"),
        ("bad-canary", "starts of them in all | 90"),
        ("bad-canary", "the longest of all, s | 0.700"),
        ("cold-start", "executions on record | 210"),
        ("cold-start", "killed: start to leading, s | 14.00"),
        ("many-jobs-in-waves", "convergence, the longest, s | 71.0"),
    ],
)
def test_a_scenario_has_figures_beside_those_that_are_asked(name: str, told: str):
    assert f"| {name} | {told} |" in report([WITH_OTHERS])


def test_a_run_may_have_scenarios_alone():
    told = report([record(scenarios=SCENARIOS[:1])])
    assert "| idle: of a processor | ≤ 5 % | ≤ 2 % | 4.00 % | met |" in told


def test_a_machine_that_did_other_things_meanwhile_is_named():
    busy = {**CREATED, "cpu_of_others": 0.25 * 2 * CREATED["seconds_until_quiet"]}
    assert "at most 25 % of the machine" in report([record(busy)])
    in_scenario = {**SCENARIOS[0], "cpu_of_others": 0.5 * 2 * 60.0}
    assert disturbance(record(scenarios=(in_scenario,))) == pytest.approx(0.5)


def test_one_value_has_no_spread():
    assert spread([1.234], 2) == "1.23"
    assert spread([3, 1, 2], 0) == "2 (1 to 3)"


def test_the_order_is_the_seed_s_and_another_in_other_runs():
    assert order(BLOCKS, 1, 1) == order(BLOCKS, 1, 1)
    assert len({tuple(order(BLOCKS, 1, run)) for run in range(1, 9)}) > 1
    assert sorted(order(BLOCKS, 1, 5), key=repr) == sorted(BLOCKS, key=repr)
