"""Ratios held to rangespec.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import rangespec
from bench.check import RATIOS, advice, allowed, measured, told, too_great
from bench.rangespec import Ratio, Ratios


def row(contender: str, act: str, seconds: float, **cpu: float) -> dict[str, Any]:
    return {
        "limits": "raised",
        "contender": contender,
        "act": act,
        "seconds": seconds,
        "seconds_of_judgement": 0,
        "cpu": {"operator": 0.3, "kube-apiserver": 1.0, **cpu},
        "peak_mib": {"operator": 100.0},
        "mib_at_begin": {"operator": 80.0},
    }


RECORD = {
    "rows": [
        row("fleetjob", "create", 6.0),
        row("fleetjob", "roll", 9.0, operator=0.5),
        row("fleetjob", "rollback", 9.0, operator=0.7),
        row("daemonset", "create", 3.0),
        row("daemonset", "roll", 4.5),
        row("bare", "create", 2.0, bench=0.2),
    ]
}
VALUES = {
    "time to create, to a DaemonSet's": 2.0,
    "time to roll, to a DaemonSet's": 2.0,
    "time to create, to bare requests'": 3.0,
    "processor to create, to the client's of bare requests": 1.5,
    "processor to create, to the API server's": 0.3,
    "processor to roll, to the API server's": 0.5,
    "processor to roll back, to the API server's": 0.7,
    "peak of memory to create, to what it began with": 1.25,
}


def limits(**more: float) -> Ratios:
    """All as great as they are in RECORD, with no margin."""
    found = {
        name: Ratio(value, value, value, most=more.get(name, value))
        for name, value in VALUES.items()
    }
    return Ratios(nodes=300, runs=5, command="make", commit="abc", limits=found)


def test_each_ratio_is_formed_within_a_run():
    found = measured([RECORD])
    assert found == {name: [pytest.approx(value)] for name, value in VALUES.items()}
    assert set(VALUES) == set(RATIOS)


@pytest.mark.parametrize(
    ("values", "ratio"),
    [
        pytest.param([2.0, 2.1, 2.4], Ratio(2.1, 2.0, 2.4, most=2.8), id="the spread"),
        pytest.param([2.0, 2.0, 2.0], Ratio(2.0, 2.0, 2.0, most=2.2), id="a tenth at least"),
    ],
)
def test_a_ratio_may_be_as_much_above_the_worst_run_as_the_runs_were_apart(
    values: list[float], ratio: Ratio
):
    assert allowed(values) == ratio


def test_what_keeps_to_its_limit_is_well():
    assert too_great(RECORD, limits()) == []
    assert "time to roll, to a DaemonSet's: 2.00 (at most 2.00)" in told(RECORD, limits())


def test_what_does_not_is_told_with_what_it_was():
    (line,) = too_great(RECORD, limits(**{"time to roll, to a DaemonSet's": 1.9}))
    assert line == (
        "time to roll, to a DaemonSet's: 2.00, and at most 1.90; it was 2.00 to 2.00, median 2.00,"
        " in 5 runs of abc"
    )


def test_a_ratio_without_a_limit_or_without_a_value_is_not_well():
    without = Ratios(300, 5, "make", "abc", {})
    assert len(too_great(RECORD, without)) == len(RATIOS)
    rolled = [row for row in RECORD["rows"] if row["act"] != "roll"]
    assert too_great({"rows": rolled}, limits()) == [
        "processor to roll, to the API server's: was not measured",
        "time to roll, to a DaemonSet's: was not measured",
    ]


def test_a_person_hears_of_the_machine_that_was_busy():
    assert "had up to 43 % of the machine" in advice(0.43, "run-01.json")
    assert "of the machine" not in advice(0.02, "run-01.json")
    assert "run-01.json" in advice(0.02, "run-01.json")


def test_limits_are_written_at_the_file_s_end_and_all_else_stays(tmp_path: Path):
    file = tmp_path / "rangespec.yaml"
    file.write_text(rangespec.FILE.read_text())
    before = rangespec.load(file)
    rangespec.write_ratios(limits(), file)
    after = rangespec.load(file)
    assert (after.nodes, after.acts, after.ratios) == (before.nodes, before.acts, limits())
    kept = rangespec.FILE.read_text().partition("\nratios:\n")[0]
    assert file.read_text().startswith(kept)


def test_the_file_has_a_limit_for_every_ratio_from_runs_enough():
    ratios = rangespec.load().ratios
    assert set(ratios.limits) == set(RATIOS)
    assert ratios.runs >= 5
    assert all(each.most > each.greatest for each in ratios.limits.values())
