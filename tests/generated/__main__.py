"""``python -m generated``: operations that are generated from the CRDs, on all processors.

Without arguments all of them, with ``--shard 3/8`` a part, with a run's text that one. What fails
is printed with the command that repeats it. A campaign that was broken off goes on where it was, if
it is given the file in which it keeps what it has done (``--done FILE``).
"""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import multiprocessing.pool
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from faults.campaign import Shard
from generated.runs import Outcome, all_runs, run
from generated.sampling import digest
from generated.sequences import LENGTH

COMMAND = "make generated OP="
TOLD_EACH = 500
"""Runs after which progress is told."""

SHOWN = 6
"""Lines of what is wrong with a run."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m generated", description=__doc__)
    parser.add_argument("run", nargs="?", help="text of one run")
    parser.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="N/OF")
    parser.add_argument("--only", default="", metavar="TEXT", help="runs that have this in them")
    parser.add_argument("--list", action="store_true", help="print the runs, do none")
    parser.add_argument("--done", type=Path, metavar="FILE", help="runs that were done before")
    parser.add_argument("--most", type=int, metavar="N", help="no more than so many runs")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: processors)")
    given = parser.parse_args(arguments)
    if given.run:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        return _repeat(given.run)
    shard = given.shard
    chosen = (each for each in all_runs() if digest(each) % shard.total == shard.number - 1)
    runs = list(itertools.islice((each for each in chosen if given.only in each), given.most))
    if given.list:
        print("\n".join(runs))
        return 0
    with multiprocessing.Pool(given.jobs, _begin_worker) as pool:
        return _campaign(pool, runs, given.done)


def _begin_worker() -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # what is wrong is told by the oracles
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began them ends them


def _repeat(text: str) -> int:
    outcome = run(text)
    ends = "refused, as it should be" if outcome.refused else "as it should be"
    print(f"{text}: {outcome.wrong or ends}")
    if outcome.wrong:
        print(outcome.story)
    return 1 if outcome.wrong else 0


def _outcome(text: str) -> Outcome:
    try:
        return replace(run(text), story="")
    except Exception:  # of the campaign itself: one run that breaks is not to end the others
        return Outcome(text, traceback.format_exc())


def _campaign(pool: multiprocessing.pool.Pool, runs: Iterable[str], done_file: Path | None) -> int:
    done = set(done_file.read_text().splitlines()) if done_file and done_file.exists() else set()
    left = [each for each in runs if each not in done]
    print(f"{len(left)} runs to do, {len(done)} were done before", flush=True)
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    broken_off = False
    try:
        for outcome in pool.imap_unordered(_outcome, left, chunksize=8):
            outcomes.append(outcome)
            _keep(outcome, done_file)
            if len(outcomes) % TOLD_EACH == 0:
                _tell_progress(outcomes, len(left), time.monotonic() - begun)
    except KeyboardInterrupt:
        broken_off = True
        goes_on = f"DONE={done_file} goes on there" if done_file else "DONE=FILE would keep it"
        print(f"broken off after {len(outcomes)} of {len(left)}: {goes_on}")
    failed = sum(bool(each.wrong) for each in outcomes)
    sequences = sum(each.run.startswith("sequence") for each in outcomes)
    print(
        f"{len(outcomes) + (LENGTH - 1) * sequences} operations ({len(outcomes) - sequences} single"
        f" ones and {sequences} sequences; {len(done)} runs more were done before),"
        f" {sum(each.refused for each in outcomes)} refused, {failed} failed;"
        f" {sum(each.hours for each in outcomes):.0f} simulated hours,"
        f" {time.monotonic() - begun:.0f} s"
    )
    return 130 if broken_off else 1 if failed or not (outcomes or done) else 0


def _keep(outcome: Outcome, done_file: Path | None) -> None:
    if outcome.wrong:
        why = "\n       ".join(outcome.wrong.splitlines()[:SHOWN])
        print(f"FAILED {COMMAND}'{outcome.run}'\n       {why}", flush=True)
    elif done_file is not None:
        with done_file.open("a") as file:
            file.write(f"{outcome.run}\n")


def _tell_progress(outcomes: list[Outcome], total: int, seconds: float) -> None:
    left = (total - len(outcomes)) * seconds / len(outcomes) / 60
    failed = sum(bool(each.wrong) for each in outcomes)
    print(f"{len(outcomes)} of {total}, {failed} failed, {left:.0f} min left", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
