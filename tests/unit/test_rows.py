"""Every field and every rule has a test that names it, and no test names anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rows import RULES, fields, rows_of

ROOT = Path(__file__).parents[2]


def test_every_row_has_a_test() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "hack" / "rows.py")],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    told = done.stdout.splitlines() or [done.stderr]
    summary = next((n for n, line in enumerate(told) if " rows, " in line), 0)
    assert done.returncode == 0, "\n".join(told[summary:])


def test_fields_are_the_leaves_of_the_models() -> None:
    found = fields()
    assert "FleetJob.spec.selector.matchIds" in found
    assert "FleetJob.spec.rollout.healthCheck.interval" in found
    assert "FleetDeployment.status.failures[].window.rate" in found
    assert "FleetJob.spec.rollout" not in found
    assert len(found) == len(set(found))


def test_what_a_name_means() -> None:
    found = ["FleetJob.spec.a", "FleetDeployment.spec.a", "FleetDeployment.spec.b.c"]
    assert rows_of("spec.a", found) == ["FleetJob.spec.a"], "the main kind's, where it has it"
    assert rows_of("FleetDeployment.spec.a", found) == ["FleetDeployment.spec.a"]
    assert rows_of("spec.b.c", found) == ["FleetDeployment.spec.b.c"]
    assert rows_of("spec.b", found) == ["FleetDeployment.spec.b.c"], "all below it"
    assert rows_of("status.d", ["FleetJob.status.d[].e"]) == ["FleetJob.status.d[].e"]
    assert rows_of("spec.a.x", found) == ["FleetJob.spec.a"], "within a document"
    assert rows_of("spec.ab", found) == []
    assert rows_of(RULES[0], found) == [RULES[0]]
    assert rows_of("No such rule", found) == []
