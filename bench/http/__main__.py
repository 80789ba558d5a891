"""``make bench-runs``: dispatches a second, waiting, lateness, writes and memory of runs."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench import machine
from bench.errors import BenchError
from bench.http.scenarios import Figures, Stage, batches, pool, schedules, sustained, waits
from bench.lab import SHIPPED, Lab

ADDRESS = "127.0.0.2"
"""Not 127.0.0.1: that is the API server's here, which is never called."""


async def measure(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """All scenarios that were asked for, on one cluster."""
    begun = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - begun:7.1f} s  {words}", file=sys.stderr, flush=True)

    found: dict[str, Figures] = {}
    async with Lab.open(0, directory, say) as lab:
        operator = lab.operator(SHIPPED, "--call-network=127.0.0.0/8")
        async with operator as running, _echo() as url, aiohttp.ClientSession() as session:
            stage = Stage(lab, running, session, url, itertools.count(1))
            wanted: dict[str, Callable[[], Awaitable[Figures]]] = {
                "waits": lambda: waits(stage, options.seconds / 2, options.rate),
                "sustained": lambda: sustained(stage, options.seconds, options.kept),
                "pool": lambda: pool(stage, options.jobs, options.granted, 10),
                "batches": lambda: batches(stage, options.batches, options.items),
                "schedules": lambda: schedules(stage, options.jobs, options.ticks),
            }
            for name in options.scenarios:
                say(name)
                found[name] = await wanted[name]()
                running.check()
    return {"versions": dict(machine.versions()), "scenarios": found}


@asynccontextmanager
async def _echo() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.http.echo", ADDRESS),
        cwd=machine.ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield f"http://{ADDRESS}:{port}"
    finally:
        process.terminate()
        await process.wait()


def table(found: Mapping[str, Figures]) -> str:
    """The figures for people."""
    lines = []
    for scenario, figures in found.items():
        runs = figures.get("runs")
        for name, value in figures.items():
            if isinstance(value, int | float):
                shown = f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"
                lines.append(f"| {scenario} | {name} | {shown} |")
        if "writes" in figures and runs:
            for name, count in figures["writes"].items():
                lines.append(f"| {scenario} | {name}, a run | {count / runs:.2f} |")
            cpu = figures["cpu"]["operator"]
            lines.append(
                f"| {scenario} | operator's processor a run, ms | {1000 * cpu / runs:.2f} |"
            )
            lag = figures["operator"]["lag_p99"]
            lines.append(f"| {scenario} | lag of the loop p99, ms | {1000 * (lag or 0):.1f} |")
    return "\n".join(["| scenario | what | measured |", "| --- | --- | --- |", *lines])


def main() -> int:
    """Entry point; 1 where something did not do what it was to do."""
    parser = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--seconds", type=float, default=120.0, help="of sustained load")
    parser.add_argument("--rate", type=float, default=10.0, help="runs a second, for waiting")
    parser.add_argument("--kept", type=int, default=10_000, help="finished runs that are kept")
    parser.add_argument(
        "--jobs", type=int, default=20, help="schedules, CronJobs, and jobs of a pool"
    )
    parser.add_argument("--granted", type=int, default=200, help="calls of a pool in ten seconds")
    parser.add_argument("--batches", type=int, default=10, help="batches that are made at once")
    parser.add_argument("--items", type=int, default=500, help="runs of each of them")
    parser.add_argument("--ticks", type=int, default=5, help="ticks of each schedule")
    parser.add_argument(
        "--scenarios",
        type=lambda text: text.split(","),
        default=["waits", "sustained", "pool", "batches", "schedules"],
    )
    options = parser.parse_args()
    directory = options.out / f"runs-{machine.code()}"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        found = asyncio.run(measure(options, directory))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    (directory / f"{time.time():.0f}.json").write_text(json.dumps(found, indent=1))
    print(table(found["scenarios"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
