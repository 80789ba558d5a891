"""``make profile``: see `bench.profile`.

The figures are of a run that nobody samples; the flame graph is of a second run of the same. With
--pid, the flame graph is of a process that runs already, such as the operator of ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import machine, store
from bench.profile import flames, report

RATE: Final = 250
"""Samples a second."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    made.add_argument("--nodes", type=int, default=1000, help="simulated nodes (default: 1000)")
    made.add_argument("--seed", type=int, default=1, help="of the simulation (default: 1)")
    made.add_argument("--pid", type=int, help="of a running operator, instead of a simulation")
    made.add_argument("--seconds", type=int, default=30, help="with --pid (default: 30)")
    made.add_argument("--spy", default="py-spy", help="py-spy's program")
    made.add_argument("--out", type=Path, default=Path("build/profile"), help="directory")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        text, place = of_process(options) if options.pid else of_simulation(options)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"profile: {error}", file=sys.stderr)
        return 1
    (place / "report.md").write_text(text)
    print(f"{text}\n{place}/flames.svg is the flame graph; a click in it enlarges a part")
    return 0


def of_simulation(options: argparse.Namespace) -> tuple[str, Path]:
    """Profile the simulated fleet; the report and where it belongs."""
    place = store.directory(options.out, options.nodes, machine.code())
    work = [sys.executable, "-m", "bench.profile.workload", f"--nodes={options.nodes}"]
    work += [f"--seed={options.seed}", str((place / "figures.json").absolute())]
    with (place / "operator.log").open("wb") as log:
        subprocess.run(work, cwd=machine.ROOT, stderr=log, check=True)
        acts: list[dict[str, Any]] = json.loads((place / "figures.json").read_text())
        _record(options.spy, place / "flames.svg", ["--", *work], log)
    top = flames.read(place / "flames.svg")
    about = f"{options.nodes} nodes, simulated, seed {options.seed}"
    return report.simulation(about, machine.versions(), acts, flames.digest(top)), place


def of_process(options: argparse.Namespace) -> tuple[str, Path]:
    """Profile a running process; the report and where it belongs."""
    place = options.out / "process"
    place.mkdir(parents=True, exist_ok=True)
    before = machine.cpu_seconds(options.pid)
    what = [f"--pid={options.pid}", f"--duration={options.seconds}"]
    with (place / "py-spy.log").open("wb") as log:
        _record(options.spy, place / "flames.svg", what, log)
    used = machine.cpu_seconds(options.pid) - before
    about = f"process {options.pid}, {options.seconds} s"
    profile = flames.digest(flames.read(place / "flames.svg"))
    return report.process(about, machine.versions(), used, profile), place


def _record(spy: str, svg: Path, what: Sequence[str], log: Any) -> None:
    command = [spy, "record", "--function", f"--rate={RATE}", f"--output={svg.absolute()}", *what]
    subprocess.run(command, cwd=machine.ROOT, stdout=log, stderr=log, check=True)


if __name__ == "__main__":
    sys.exit(main())
