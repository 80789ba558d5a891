"""``python -m faults``: run fault plans, on all processors.

Without arguments all of them, with ``--shard 3/8`` a part, with a plan's text that one. What fails
is printed with the command that repeats it. A run that was broken off goes on where it was, if it
is given the file in which it keeps what it has done (``--done FILE``).
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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faults.campaign import Shard, all_plans
from faults.plans import Plan, parse_plan
from faults.run import collect_rarely, run

COMMAND = "make faults PLAN="
TOLD_EACH = 250
"""Plans after which progress is told."""

SHOWN = 6
"""Lines of what is wrong with a plan."""


@dataclass(frozen=True)
class Outcome:
    """What the campaign keeps of a run."""

    plan: str
    wrong: str
    states: int
    hours: float
    met: bool
    """Whether what was planned has happened."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("plan", nargs="?", help="text of one plan")
    parser.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="N/OF")
    parser.add_argument("--only", default="", metavar="TEXT", help="plans that have this in them")
    parser.add_argument("--list", action="store_true", help="print the plans, run none")
    parser.add_argument("--done", type=Path, metavar="FILE", help="plans that were run before")
    parser.add_argument("--most", type=int, metavar="N", help="no more than so many plans")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: processors)")
    given = parser.parse_args(arguments)
    if given.plan:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        return _repeat(parse_plan(given.plan))
    logging.disable(logging.CRITICAL)
    plans = (each for each in all_plans() if given.shard.has(each) and given.only in str(each))
    plans = itertools.islice(plans, given.most)
    if given.list:
        for each in plans:
            print(each)
        return 0
    with multiprocessing.Pool(given.jobs, _begin_worker) as pool:
        return _campaign(pool, plans, given.done)


def _begin_worker() -> None:
    logging.disable(logging.CRITICAL)
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began them ends them


def _repeat(plan: Plan) -> int:
    result = run(plan)
    print(f"{plan}: {result.wrong or 'as it should be'}")
    if result.wrong:
        print(result.story)
    print(f"happened: {result.happened}; settled after {result.seconds:g} virtual seconds")
    return 1 if result.wrong else 0


def _outcome(plan: Plan) -> Outcome:
    result = run(plan)
    met = len(result.happened) == len(plan.faults)
    return Outcome(str(plan), result.wrong, result.states, result.hours, met)


def _campaign(
    pool: multiprocessing.pool.Pool, plans: Iterable[Plan], done_file: Path | None
) -> int:
    done = set(done_file.read_text().splitlines()) if done_file and done_file.exists() else set()
    left = [plan for plan in plans if str(plan) not in done]
    print(f"{len(left)} fault plans to run, {len(done)} were done before", flush=True)
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    broken_off = False
    try:
        for outcome in pool.imap_unordered(_outcome, left, chunksize=4):
            outcomes.append(outcome)
            _keep(outcome, done_file)
            if len(outcomes) % TOLD_EACH == 0:
                _tell_progress(outcomes, len(left), time.monotonic() - begun)
    except KeyboardInterrupt:
        broken_off = True
        goes_on = f"DONE={done_file} goes on there" if done_file else "DONE=FILE would keep it"
        print(f"broken off after {len(outcomes)} of {len(left)}: {goes_on}")
    failed = sum(bool(each.wrong) for each in outcomes)
    unmet = sum(not each.met for each in outcomes)
    print(
        f"{len(outcomes)} fault plans ({len(done)} more were done before), {failed} failed;"
        f" {sum(each.states for each in outcomes)} states,"
        f" {sum(each.hours for each in outcomes):.0f} simulated hours,"
        f" {time.monotonic() - begun:.0f} s; in {unmet} a second fault did not happen, since the"
        " first changed the course"
    )
    return 130 if broken_off else 1 if failed or not (outcomes or done) else 0


def _keep(outcome: Outcome, done_file: Path | None) -> None:
    if outcome.wrong:
        why = "\n       ".join(outcome.wrong.splitlines()[:SHOWN])
        print(f"FAILED {COMMAND}'{outcome.plan}'\n       {why}", flush=True)
    elif done_file is not None:
        with done_file.open("a") as file:
            file.write(f"{outcome.plan}\n")


def _tell_progress(outcomes: list[Outcome], total: int, seconds: float) -> None:
    left = (total - len(outcomes)) * seconds / len(outcomes) / 60
    failed = sum(bool(each.wrong) for each in outcomes)
    print(f"{len(outcomes)} of {total}, {failed} failed, {left:.0f} min left", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
