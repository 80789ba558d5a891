"""Which layers of ``make test`` run side by side, and what one that broke off counts for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from run_tests import ALONE, LAYERS, Run, result, side_by_side, wait

NAMES = {layer.name: layer for layer in LAYERS}
REPORT = '<testsuites><testsuite tests="5" failures="{}" errors="1" skipped="1"/></testsuites>'


def names(*chosen: str) -> list[list[str]]:
    return [[each.name for each in group] for group in side_by_side([NAMES[n] for n in chosen])]


def test_real_nodes_run_beside_the_tests_that_run_one_by_one_and_beside_no_other() -> None:
    assert names("real API server", ALONE, "real nodes") == [
        ["real API server"],
        [ALONE, "real nodes"],
    ]
    assert names("unit and simulation", "real nodes") == [["unit and simulation"], ["real nodes"]]
    assert names("real nodes") == [["real nodes"]]


@pytest.mark.parametrize(
    ("report", "code", "counts"),
    [
        ("", 0, (0, 1, 0)),
        (REPORT.format(2), 1, (1, 3, 1)),
        (REPORT.format(0).replace('errors="1"', 'errors="0"'), 2, (4, 1, 1)),
    ],
    ids=["it ran nothing", "some failed", "it broke off with none failed"],
)
def test_what_a_layer_counts_for(
    report: str,
    code: int,
    counts: tuple[int, int, int],
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    (tmp_path / "said").write_text("its words\n")
    if report:
        (tmp_path / "report").write_text(report)
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    run = Run(NAMES[ALONE], process, tmp_path / "report", tmp_path / "said", 0.0)
    assert wait(run) > 0
    assert result(run) == counts
    assert b"its words\n" in capfdbinary.readouterr().out
