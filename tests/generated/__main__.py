"""``python -m generated``: operations that are generated from the CRDs, on all processors.

Without arguments all of them, with ``--shard 3/8`` a part, with a run's text that one.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter

from generated.runs import all_runs, run
from generated.sequences import LENGTH
from support.campaign import Campaign, Outcome


def do(text: str) -> Outcome:
    outcome = run(text)
    operations = LENGTH if text.startswith("sequence") else 1
    counts = {"operations": operations, "refused": int(outcome.refused), "hours": outcome.hours}
    return Outcome(text, outcome.wrong, counts)


def repeat(text: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    outcome = run(text)
    ends = "refused, as it should be" if outcome.refused else "as it should be"
    print(f"{text}: {outcome.wrong or ends}")
    if outcome.wrong:
        print(outcome.story)
    return 1 if outcome.wrong else 0


def quiet() -> None:
    # What is wrong with a log is told by the oracles, which therefore have to hear it.
    logging.getLogger().addHandler(logging.NullHandler())


def told(number: int, counts: Counter[str]) -> str:
    return f"{counts['operations']} operations in {number} runs, {counts['refused']} refused"


CAMPAIGN = Campaign(
    name="generated",
    doc=__doc__,
    command="make generated OP=",
    runs=all_runs,
    do=do,
    repeat=repeat,
    quiet=quiet,
    told=told,
)

if __name__ == "__main__":
    try:
        sys.exit(CAMPAIGN.main())
    except KeyboardInterrupt:
        sys.exit(130)
