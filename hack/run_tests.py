"""``make test``: the layers in order of their cost, their times, and one closing line.

A layer that fails does not keep the later ones from running: one run tells everything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
LAYERS = (
    ("unit and simulation", "not cluster and not nodes"),
    ("real API server", "cluster"),
    ("real nodes", "nodes"),
)


def run_layer(name: str, marker: str, report: Path) -> tuple[int, int, int, float]:
    """Run one layer: passed, failed, skipped, seconds. A layer that ran nothing has failed."""
    print(f"== {name}", flush=True)
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-m", marker, f"--junitxml={report}"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    seconds = time.monotonic() - begun
    if not report.exists():
        return 0, 1, 0, seconds
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    number = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    if code != 0:
        failed = max(failed, 1)
    passed = number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return passed, failed, number["skipped"], seconds


def build() -> float:
    """Build what the cluster needs, so that no test's time-out pays for it; seconds."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "wavelab", "binaries"], cwd=ROOT, check=True)
    return time.monotonic() - begun


def main() -> int:
    if os.geteuid() != 0:
        print("the tests on real nodes need root; `make unit` and `make integration` do not")
        return 2
    times = [("building the cluster's binaries", build())]
    total = [0, 0, 0]
    with TemporaryDirectory() as directory:
        for name, marker in LAYERS:
            report = Path(directory) / f"{re.sub('[^a-z]', '-', name.lower())}.xml"
            *counts, seconds = run_layer(name, marker, report)
            total = [have + more for have, more in zip(total, counts, strict=True)]
            times.append((name, seconds))
    print("== times")
    for name, seconds in times:
        print(f"  {name:32} {seconds:6.1f} s")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
