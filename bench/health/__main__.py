"""``make bench-health``: see `bench.health`. With nothing else running."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvloop

from bench import machine
from bench.health.bare import CONTENDERS
from bench.health.sampling import Figures, Load, measure, quantile
from wavegate.garbage import collect_the_young_only

HEAD = (
    "| pods that hang | stretch | of a core | begins and ends of windows | missed"
    " | failed readings | late p50 ms | p99 | max | loop lag p99 ms |\n" + "| --- " * 10 + "|"
)


@asynccontextmanager
async def pods_of(options: argparse.Namespace) -> AsyncIterator[Load]:
    """The load, with a server of its own."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.health.endpoints", str(options.hanging_every)),
        cwd=machine.ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin
    assert server.stdout
    try:
        port = int(await server.stdout.readline())
        yield Load(
            *(options.pods, options.interval, port, options.hanging_every),
            lambda: server.send_signal(signal.SIGUSR1),
        )
    finally:
        server.stdin.close()
        await server.wait()


async def run(options: argparse.Namespace, *, at_once: bool) -> list[str]:
    """The rows of one run; pods hang ``at_once`` or only at its end."""
    async with pods_of(options) as load:
        hang = sum(not load.counts(str(n)) for n in range(options.pods))
        stretches = await measure(load, options.seconds, at_once=at_once)
    return [
        row(hang if at_once or name == "some hang" else 0, name, found)
        for name, found in stretches.items()
    ]


async def run_bare(options: argparse.Namespace) -> list[str]:
    """What the same pages cost who only gets them, one way after the other."""
    async with pods_of(options) as load:
        return [
            f"{name}: {await share(load, options.seconds):.1%} of a core"
            for name, share in CONTENDERS.items()
        ]


def row(hang: int, name: str, found: Figures) -> str:
    """Of a stretch in which so many pods hang."""
    late = (f"{1000 * quantile(found.late, share):.0f}" for share in (0.5, 0.99, 1.0))
    cells = [hang, name, f"{found.share:.1%}", found.ends, found.missed, found.unread, *late]
    return f"| {' | '.join(map(str, cells))} | {1000 * quantile(found.lag, 0.99):.0f} |"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench.health", description=__doc__)
    made.add_argument("--pods", type=int, default=5000, help="that are judged (default: 5000)")
    made.add_argument("--interval", type=float, default=10, help="of windows, s (default: 10)")
    made.add_argument("--seconds", type=float, default=60, help="to measure (default: 60)")
    made.add_argument(
        "--hanging-every", type=int, default=20, help="one pod in so many hangs (default: 20)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = parser().parse_args(arguments)
    collect_the_young_only()  # as the operator's process does
    about = machine.versions()
    print(
        f"{options.pods} pods, sampled each {options.interval:g} s; commit {about['commit']}, code"
        f" {about['code']}, Python {about['python']}\n\n{HEAD}",
        flush=True,
    )
    for at_once in (False, True):
        print("\n".join(uvloop.run(run(options, at_once=at_once))), flush=True)
    print("\nThe same pages at the same pace, and nothing made of them:\n", flush=True)
    print("\n".join(uvloop.run(run_bare(options))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
