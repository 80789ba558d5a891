"""The tables of how cost grows."""

from __future__ import annotations

from typing import Any

from bench.growth import report


def row(act: str, seconds: float, pass_mean: float | None) -> dict[str, Any]:
    return {
        "act": act,
        "seconds": seconds + 10,
        "seconds_of_judgement": 10,
        "convergence_p99": seconds,
        "cpu": {"operator": 2 * seconds, "kube-apiserver": 3 * seconds},
        "peak_mib": {"operator": 90.0},
        "writes": {"POST pods": 7, "POST executions": 8},
        "operator": {"passes": 4, "pass_p50": 0.001, "pass_mean": pass_mean},
    }


def test_what_grows_faster_than_the_nodes_is_marked():
    told = report(
        [
            {"nodes": 1000, "rows": [row("create", 400.0, 0.05), row("roll", 40.0, 0.05)]},
            {"nodes": 100, "rows": [row("create", 4.0, 0.005), row("roll", 4.0, 0.005)]},
        ]
    )
    assert "| act | what | 100 | 1,000 | exponent | of the last step |  |" in told
    line = "| create | time without judgement, s | 4.0 | 400.0 | 2.00 | 2.00 | worse than linear |"
    assert line in told
    assert "| roll | time without judgement, s | 4.0 | 40.0 | 1.00 | 1.00 |  |" in told
    assert "| roll | operator's processor, s | 8.00 | 80.00 | 1.00 | 1.00 |  |" in told
    assert "| roll | pass, mean, ms | 5.00 | 50.00 | 1.00 | 1.00 |  |" in told
    assert "| roll | writes | 15 | 15 | 0.00 | 0.00 |  |" in told
    assert "## With jobs" not in told


def test_jobs_have_a_table_of_their_own_and_what_was_not_observed_is_left_empty():
    told = report(
        [
            {"jobs": 1, "rows": [row("change", 1.0, None)]},
            {"jobs": 10, "rows": [row("change", 2.0, 0.002)]},
        ]
    )
    assert "| change | convergence p99, s | 1.0 | 2.0 | 0.30 | 0.30 |  |" in told
    assert "| change | pass, mean, ms |  | 2.00 |  |  |  |" in told
    assert "## With nodes" not in told
