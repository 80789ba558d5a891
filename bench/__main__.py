"""``make bench``, ``bench-growth``, ``bench-check``: measure, store each run, tell what came out.

Runs of the same code with as many nodes add up: what was interrupted goes on, and five runs may be
made one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import check, growth, machine, rangespec, runs, store
from bench.errors import BenchError
from bench.lab import LIMITS, Progress
from bench.report import disturbance, report
from bench.scenarios import SCENARIOS


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    made.add_argument("--out", type=Path, default=Path("build/bench"), help="directory of results")
    commands = made.add_subparsers(required=True)
    _add_run(commands.add_parser("run", help="beside a DaemonSet and bare requests; scenarios"))
    _add_growth(commands.add_parser("growth", help="how cost grows with nodes and jobs"))
    _add_check(commands.add_parser("check", help="whether it has become slower"))
    return made


def _add_run(made: argparse.ArgumentParser) -> None:
    made.add_argument("--nodes", type=int, default=1000, help="simulated nodes (default: 1000)")
    made.add_argument("--runs", type=int, default=1, help="runs to make now (default: 1)")
    made.add_argument("--seed", type=int, default=1, help="of the order within runs (default: 1)")
    made.add_argument("--limits", choices=LIMITS, help="compare with these limits only")
    made.add_argument(
        "--scenarios",
        type=_names,
        default=(runs.COMPARISON, *SCENARIOS),
        help="what a run has of: %(default)s (default: all)",
    )
    made.add_argument("--plots", type=Path, help="environment with matplotlib, to draw with")
    made.set_defaults(command=run)


def _add_growth(made: argparse.ArgumentParser) -> None:
    made.add_argument("--nodes", type=_sizes, default=growth.NODES, help="such as 100,500")
    made.add_argument("--jobs", type=_sizes, default=growth.JOBS, help="such as 1,10; 0: none")
    made.set_defaults(command=grow)


def _add_check(made: argparse.ArgumentParser) -> None:
    made.add_argument("--nodes", type=int, help="simulated nodes (default: rangespec.yaml's)")
    made.add_argument(
        "--measure",
        type=int,
        metavar="RUNS",
        help="complete so many runs of this code, and write their ratios into rangespec.yaml",
    )
    made.set_defaults(command=hold)


def _names(text: str) -> tuple[str, ...]:
    known = (runs.COMPARISON, *SCENARIOS)
    names = tuple(text.split(","))
    if unknown := set(names) - set(known):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
    return names


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(size for part in text.split(",") if (size := int(part)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = parser().parse_args(arguments)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

    try:
        return int(options.command(options, say))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        say("ended before its time; the cluster is gone")
        return 130


def run(options: argparse.Namespace, say: Progress) -> int:
    """Make the runs, and print the tables of all runs of this code."""
    place = store.directory(options.out, options.nodes, machine.code())
    for _ in range(options.runs):
        made = runs.Run(options.nodes, options.seed, place, say)
        _play(made.play(options.scenarios, options.limits))
    text = report(store.load(place))
    (place / "report.md").write_text(text)
    print(text)
    if options.plots:
        python = options.plots.absolute() / "bin" / "python"
        command = [python, "-m", "bench.plots", place.absolute()]
        return subprocess.run(command, cwd=machine.ROOT, check=False).returncode
    return 0


def grow(options: argparse.Namespace, say: Progress) -> int:
    """Measure the sizes that are missing, and print how cost grows over all that there are."""
    place = options.out / "growth" / machine.code()
    place.mkdir(parents=True, exist_ok=True)
    done = [(record.get("nodes"), record.get("jobs")) for record in store.load(place)]
    for nodes in options.nodes:
        if (nodes, None) not in done:
            store.add(place, _play(growth.measure_nodes(nodes, place, say)), say)
    for jobs in options.jobs:
        if (None, jobs) not in done:
            store.add(place, _play(growth.measure_jobs(jobs, place, say)), say)
    text = growth.report(store.load(place))
    (place / "growth.md").write_text(text)
    print(text)
    return 0


def hold(options: argparse.Namespace, say: Progress) -> int:
    """Make a run and compare its ratios with rangespec.yaml; or write them into it."""
    ratios = rangespec.load().ratios
    nodes = options.nodes or ratios.nodes
    place = store.directory(options.out / "check", nodes, machine.code())

    def once() -> Mapping[str, Any]:
        made = runs.Run(nodes, seed=1, place=place, say=say)
        return _play(made.compare(check.BLOCKS))

    if options.measure:
        return _measure(options.measure, nodes, place, once)
    record = once()
    print(check.told(record, ratios))
    if not (found := check.too_great(record, ratios)):
        return 0
    file = store.path(place, record)
    print("\n".join(["bench-check: it costs more than rangespec.yaml allows:", *found]))
    print(check.advice(disturbance(record), str(file)))
    return 1


def _measure(count: int, nodes: int, place: Path, once: Callable[[], Mapping[str, Any]]) -> int:
    if count < check.LEAST_RUNS:
        raise BenchError(f"{count} runs say too little of the spread: {check.LEAST_RUNS} at least")
    while len(store.load(place)) < count:
        once()
    records = store.load(place)
    limits = {name: check.allowed(values) for name, values in check.measured(records).items()}
    command = f"make bench-check MEASURE={count} NODES={nodes}"
    commit = str(records[-1]["versions"]["commit"])
    made = rangespec.Ratios(nodes, len(records), command, commit, limits)
    rangespec.write_ratios(made)
    print(check.told(records[-1], made))
    return 0


def _play(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run it to its end; ended from outside, it still takes its cluster down."""

    async def play() -> dict[str, Any]:
        playing = asyncio.current_task()
        assert playing
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
        return await work

    return asyncio.run(play())


if __name__ == "__main__":
    sys.exit(main())
