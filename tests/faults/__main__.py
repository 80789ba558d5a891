"""``python -m faults``: run fault plans, on all processors.

Without arguments all of them, with ``--shard 3/8`` a part, with a plan's text that one.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections import Counter
from collections.abc import Iterator

from faults.campaign import all_plans
from faults.plans import parse_plan
from faults.run import run
from support.campaign import Campaign, Outcome


def plans() -> Iterator[str]:
    return map(str, all_plans())


def do(text: str) -> Outcome:
    plan = parse_plan(text)
    result = run(plan)
    met = len(result.happened) == len(plan.faults)
    counts = {"states": result.states, "hours": result.hours, "unmet": int(not met)}
    return Outcome(text, result.wrong, counts)


def repeat(text: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    result = run(parse_plan(text))
    print(f"{text}: {result.wrong or 'as it should be'}")
    if result.wrong:
        print(result.story)
    print(f"happened: {result.happened}; settled after {result.seconds:g} virtual seconds")
    return 1 if result.wrong else 0


def told(number: int, counts: Counter[str]) -> str:
    return (
        f"{number} fault plans, {counts['states']} states, in {counts['unmet']} a second fault did"
        " not happen, since the first changed the course"
    )


CAMPAIGN = Campaign(
    name="faults",
    doc=__doc__,
    command="make faults PLAN=",
    runs=plans,
    do=do,
    repeat=repeat,
    quiet=functools.partial(logging.disable, logging.CRITICAL),
    told=told,
)

if __name__ == "__main__":
    try:
        sys.exit(CAMPAIGN.main())
    except KeyboardInterrupt:
        sys.exit(130)
