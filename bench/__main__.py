"""``make bench``: measure, store each run, and print the tables of all runs of this code.

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
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, runs, store
from bench.contenders import DaemonSet
from bench.errors import BenchError
from bench.lab import LIMITS, SHIPPED, Lab, Progress
from bench.report import report

MOST_SHIPPED_DAEMONS = 1000
"""With more nodes a DaemonSet as shipped is left out: it takes minutes, and tells nothing new."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    made.add_argument("--nodes", type=int, default=1000, help="simulated nodes (default: 1000)")
    made.add_argument("--runs", type=int, default=1, help="runs to make now (default: 1)")
    made.add_argument("--seed", type=int, default=1, help="of the order within runs (default: 1)")
    made.add_argument("--limits", choices=LIMITS, help="measure with these limits only")
    made.add_argument("--plots", type=Path, help="environment with matplotlib, to draw with")
    made.add_argument("--out", type=Path, default=Path("build/bench"), help="directory of results")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = parser().parse_args(arguments)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

    about = machine.versions()
    place = store.directory(options.out, options.nodes, about["code"])
    done = len(store.load(place))
    try:
        for run in range(done + 1, done + options.runs + 1):
            record = asyncio.run(one_run(options, run, place, say))
            say(f"stored {store.save(place, {**record, 'versions': about})}")
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        say("ended before its time; the cluster is gone")
        return 130
    text = report(store.load(place))
    (place / "report.md").write_text(text)
    print(text)
    if options.plots:
        python = options.plots.absolute() / "bin" / "python"
        command = [python, "-m", "bench.plots", place.absolute()]
        return subprocess.run(command, cwd=machine.ROOT, check=False).returncode
    return 0


async def one_run(
    options: argparse.Namespace, run: int, place: Path, say: Progress
) -> dict[str, Any]:
    """One run on a cluster of its own, as it is stored but for the versions."""
    playing = asyncio.current_task()
    assert playing
    # Ended from outside, it still takes its cluster down.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    blocks = [
        (limits, kind)
        for limits, kind in runs.order(options.seed, run)
        if options.limits in (None, limits)
        and not (limits == SHIPPED and kind is DaemonSet and options.nodes > MOST_SHIPPED_DAEMONS)
    ]
    rows: list[runs.Row] = []
    async with Lab.open(options.nodes, place, say) as lab:
        for limits, kind in blocks:
            rows += await runs.play(lab, options.nodes, limits, kind, f"run {run}")
    return {"run": run, "seed": options.seed, "nodes": options.nodes, "began": began, "rows": rows}


if __name__ == "__main__":
    sys.exit(main())
