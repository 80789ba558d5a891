"""``make demo``, as a user runs it: the four acts on real nodes, and nothing left of it after."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wavelab

pytestmark = pytest.mark.nodes

ROOT = Path(__file__).parents[3]


def test_the_demonstration_plays_its_four_acts_and_leaves_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'hack'}:{ROOT / 'operator'}"}
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--plain"],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("as expected") == 4
    assert "v3 failed (the canary gate refused it: " in done.stdout
    assert "above 5.0%" in done.stdout
    assert "no settings for node" in done.stdout
    assert not wavelab.Cluster("demo").kubeconfig.exists()
