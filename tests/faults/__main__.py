"""``python -m faults``: run fault plans.

Without arguments all of them, with ``--shard 3/8`` a part, with a plan's text that one. What fails
is printed with the command that repeats it. A shard that was broken off goes on where it was, if it
is given the file in which it keeps what it has done (``--done FILE``).
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import time
from collections import Counter
from pathlib import Path

from faults.campaign import Shard, all_plans
from faults.plans import Plan, parse_plan
from faults.run import run

COMMAND = "make faults PLAN="


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("plan", nargs="?", help="text of one plan")
    parser.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="N/OF")
    parser.add_argument("--only", default="", metavar="TEXT", help="plans that have this in them")
    parser.add_argument("--list", action="store_true", help="print the plans, run none")
    parser.add_argument("--done", type=Path, metavar="FILE")
    parser.add_argument("--most", type=int, metavar="N", help="stop after so many plans")
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
    return _campaign(plans, given.done)


def _repeat(plan: Plan) -> int:
    result = run(plan)
    print(f"{plan}: {result.wrong or 'as it should be'}")
    if result.wrong:
        print(result.story)
    print(f"happened: {result.happened}; settled after {result.seconds:g} virtual seconds")
    return 1 if result.wrong else 0


def _campaign(plans: itertools.islice[Plan], done_file: Path | None) -> int:
    done = set(done_file.read_text().splitlines()) if done_file and done_file.exists() else set()
    begun = time.monotonic()
    number = failed = idle = states = 0
    hours = 0.0
    kinds: Counter[str] = Counter()
    for plan in plans:
        if str(plan) in done:
            continue
        result = run(plan)
        number += 1
        states += result.states
        hours += result.hours
        idle += not result.happened
        if result.wrong:
            failed += 1
            kinds[f"{plan.rollout} {plan.faults[0][1]}"] += 1
            first = result.wrong.splitlines()
            print(f"FAILED {COMMAND}'{plan}'\n       " + "\n       ".join(first[:6]), flush=True)
        elif done_file is not None:
            with done_file.open("a") as file:
                file.write(f"{plan}\n")
    seconds = time.monotonic() - begun
    print(
        f"{number} fault plans ({len(done)} more were done before, {idle} met nothing),"
        f" {failed} failed, {states} states, {hours:.0f} simulated hours, {seconds:.0f} s"
    )
    for kind, count in sorted(kinds.items()):
        print(f"  {count} of {kind}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
