"""``make test``: the layers in order of their cost, their times, and one closing line.

A layer that fails does not keep the later ones from running: one run tells everything. With names
of layers as arguments (``unit``, ``chart``, ``docs``, ``server``, ``real``, ``nodes``,
``install``), these alone; the last runs only when it is named.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from wavelab.binaries import CLUSTER, REGISTRY

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("helm", "helm3", "kstatus")
REAL_NODES = ("nodes", "install")
"""Layers that need root."""
ON_THEIR_OWN = ("install",)
"""Layers that take longer than there is time for with each change: ``make test-install``."""
PROCESSORS = ("-n", "auto", "--dist", "worksteal")
SIDE_BY_SIDE = ("-n", "6", "--dist", "worksteal")
"""Tests on the API server mostly wait, so that there may be more of them than processors."""
FEW_PROCESSES = ("-n", "3", "--dist", "worksteal")
"""Each has one or two operators of its own."""

UNIT = "not cluster and not nodes and not chart and not docs"

FAULTS_SHARE = "20"
"""Of so many fault plans one is run."""


ALONE = "real API server, one by one"


@dataclass(frozen=True)
class Layer:
    """Tests of one kind; ``options`` are pytest's."""

    key: str
    name: str
    marker: str
    options: tuple[str, ...] = ()
    beside: str = ""
    """The layer before it, if both run at the same time: they mostly wait, each on its cluster."""


LAYERS = (
    Layer("unit", "unit and simulation", UNIT, PROCESSORS),
    Layer("chart", "chart", "chart and not cluster and not nodes", PROCESSORS),
    Layer("docs", "documentation site", "docs"),
    Layer("server", "real API server", "cluster and not alone and not real", SIDE_BY_SIDE),
    Layer("real", "real processes with faults", "real", FEW_PROCESSES),
    Layer("server", ALONE, "cluster and alone"),
    Layer("nodes", "real nodes", "nodes and not install", beside=ALONE),
    Layer("install", "installed by the chart", "install"),
)


@dataclass(frozen=True)
class Run:
    """A layer that runs. ``output``: where its words go until it has ended, None where shown."""

    layer: Layer
    process: subprocess.Popen[bytes]
    report: Path
    output: Path | None
    begun: float


def begin(layer: Layer, directory: Path, *, shown: bool) -> Run:
    """Start a layer's tests."""
    print(f"== {layer.name}" + ("" if shown else ", told once they have ended"), flush=True)
    name = re.sub("[^a-z]", "-", layer.name.lower())
    report, output = directory / f"{name}.xml", None if shown else directory / f"{name}.log"
    command = [sys.executable, "-m", "pytest", "-q", "-m", layer.marker, f"--junitxml={report}"]
    environment = {**os.environ, "FAULTS_SHARE": FAULTS_SHARE}
    with nullcontext() if output is None else output.open("wb") as file:
        process = subprocess.Popen(
            [*command, *layer.options], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    return Run(layer, process, report, output, time.monotonic())


def wait(run: Run) -> float:
    """Until it has ended; the seconds that it took."""
    run.process.wait()
    return time.monotonic() - run.begun


def result(run: Run) -> tuple[int, int, int]:
    """Passed, failed and skipped of one that has ended. A layer that ran nothing has failed."""
    if run.output is not None:
        print(f"== {run.layer.name}: what it said", flush=True)
        sys.stdout.buffer.write(run.output.read_bytes())
        sys.stdout.flush()
    if not run.report.exists():
        return 0, 1, 0
    suite = ET.parse(run.report).getroot().find("testsuite")
    assert suite is not None
    number = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    if run.process.returncode != 0:
        failed = max(failed, 1)
    passed = number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return passed, failed, number["skipped"]


def side_by_side(layers: Sequence[Layer]) -> list[list[Layer]]:
    """The layers in their order, those together that run at the same time."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if groups and layer.beside == groups[-1][0].name:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups


def build(layers: Sequence[Layer]) -> float:
    """Build what the tests need, so that no test's time-out pays for it; seconds."""
    begun = time.monotonic()
    keys = {layer.key for layer in layers}
    names = {*(CLUSTER if keys & {"server", *REAL_NODES} else ())}
    names |= {*(REGISTRY if "nodes" in keys else ())}
    names |= {*(TOOLS if keys & {"chart", "server", "install"} else ())}
    if names:
        command = [sys.executable, "-m", "wavelab", "binaries", *sorted(names)]
        subprocess.run(command, cwd=ROOT, check=True)
    return time.monotonic() - begun


def main() -> int:
    keys = sys.argv[1:] or [layer.key for layer in LAYERS if layer.key not in ON_THEIR_OWN]
    chosen = [layer for layer in LAYERS if layer.key in keys]
    if any(layer.key in REAL_NODES for layer in chosen) and os.geteuid() != 0:
        print("the tests on real nodes need root; `make unit` and `make integration` do not")
        return 2
    times = [("building programs", build(chosen))]
    total = [0, 0, 0]
    with TemporaryDirectory() as directory, ThreadPoolExecutor() as waiting:
        for group in side_by_side(chosen):
            runs = [begin(each, Path(directory), shown=each is group[0]) for each in group]
            for run, seconds in zip(runs, waiting.map(wait, runs), strict=True):
                total = [have + more for have, more in zip(total, result(run), strict=True)]
                times.append((run.layer.name, seconds))
    print("== times")
    for name, seconds in times:
        print(f"  {name:32} {seconds:6.1f} s")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
