"""The measured part of the page on sizing."""

from __future__ import annotations

from typing import Any

import pytest

from bench.envelope import PAGE, measured, with_measured
from bench.errors import BenchError


def row(nodes: int, act: str, seconds: float, **changes: Any) -> dict[str, Any]:
    return {
        "limits": "shipped",
        "contender": "fleetjob",
        "act": act,
        "nodes": nodes,
        "seconds": seconds,
        "cpu": {"operator": 2.0, "etcd": 9.0},
        "peak_mib": {"operator": 90.0, "etcd": 900.0},
        "operator": {"requests": {"GET": 100, "POST": 2000, "PUT": 900}},
        "status_bytes": {"FleetJob": 1024, "FleetDeployment": 2048},
        **changes,
    }


def records(nodes: int, *seconds: float, **changes: Any) -> list[dict[str, Any]]:
    versions = {"processors": 2}
    return [
        {
            "nodes": nodes,
            "versions": versions,
            "rows": [row(nodes, "create", each, **changes), row(nodes, "roll", 10 * each)],
        }
        for each in seconds
    ]


def cells(part: str) -> list[list[str]]:
    lines = [line for line in part.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_line_has_the_median_of_times_and_the_worst_of_peaks():
    runs = records(1000, 20.0, 10.0, 60.0)
    runs[2]["rows"][1]["peak_mib"] = {"operator": 120.4}
    runs[1]["rows"][0]["cpu"] = {"operator": 2.5}
    (line,) = cells(measured([runs]))
    assert line == ["1,000", "100", "20", "150", "200", "15", "120", "2.5", "2.0"]


def test_lines_are_in_the_order_of_nodes_and_the_runs_are_counted():
    part = measured([records(5000, 1.0), records(100, 1.0, 2.0)])
    assert [line[0] for line in cells(part)] == ["100", "5,000"]
    assert "on 2 processors" in part
    assert "2 of 100, 1 of 5,000" in part


def test_rows_of_others_and_with_other_limits_do_not_count():
    runs = records(100, 10.0)
    runs[0]["rows"] += [
        row(100, "create", 99.0, contender="daemonset"),
        row(100, "create", 99.0, limits="raised"),
    ]
    assert cells(measured([runs])) == cells(measured([records(100, 10.0)]))


def test_what_was_not_measured_is_no_line():
    runs = records(100, 10.0)
    del runs[0]["rows"][1]
    with pytest.raises(BenchError, match="no run has roll"):
        measured([runs])


def test_the_page_takes_the_part_and_gives_it_back():
    page = PAGE.read_text()
    filled = with_measured(page, measured([records(100, 10.0)]))
    assert "\n## Measured\n" in filled
    assert with_measured(filled, measured([records(100, 10.0)])) == filled
    empty = with_measured(page, "")
    assert "## Measured" not in empty
    assert with_measured(filled, "") == empty
