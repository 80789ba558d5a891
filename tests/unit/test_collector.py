"""The process's garbage collector."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wavegate.collector import THRESHOLDS

OPERATOR = Path(__file__).parents[2] / "operator"

SCRIPT = """
import asyncio, gc, sys
from wavegate import __main__
def run(running):
    running.close()
    print(gc.get_freeze_count() > 10_000, gc.get_threshold())
    return 0
asyncio.run = run
sys.argv = ["wavegate", "--metrics-bind=127.0.0.1:0"]
sys.exit(__main__.main())
"""


def test_the_operator_runs_with_what_was_imported_out_of_the_collectors_sight():
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": str(OPERATOR), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == f"True {THRESHOLDS}\n"
