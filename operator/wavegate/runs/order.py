"""Order: which of a job's waiting runs go first.

1. The higher *effective priority*: spec.priority, and one more for each whole hour since the run
   could start, which is when it was asked for, its notBefore or its next retry, the latest of them.
2. Among equals the concurrency keys take turns: a key has its second run only after each has had
   its first. In each round the keys with the fewest runs that execute come first, then those whose
   last start is longest ago, then those whose run of that round was asked for first. Runs without a
   key are of one key, the empty one.
3. Within a key the run that was asked for first, then the one whose name comes first.

What has a higher effective priority counts as executing, and as started just now, for those below.
Six runs of two keys, of which b has one that executes, and has started last a minute ago:

| run | a1 | a2 | a3 | b1 | b2 | a4 |
| --- | --- | --- | --- | --- | --- | --- |
| priority | 0 | 0 | 0 | 0 | 0 | 5 |
| waits | 50 min | 40 min | 30 min | 20 min | 10 min | 0 |
| place | 3 | 5 | 6 | 2 | 4 | 1 |

A run of b comes second, since by then each key has one and b's last start is longer ago. Had a1
waited an hour, it would come second, with an effective priority of 1.

Ageing has no end, so none is passed over for ever: a run comes before every one of its job that
could start an hour later, and another hour later for each point of priority that it has less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, groupby
from typing import Final

from wavegate.runs.observed import RunView

AGES_BY_ONE_IN: Final = 3600.0
"""Seconds."""


def in_turn(
    able: list[RunView], executing: Iterable[RunView], finished: Iterable[RunView], now: float
) -> list[RunView]:
    """The runs that could start now in that order; the others are those of their job."""
    if len(able) < 2:
        return able
    executing, last = list(executing), dict[str, float]()
    if len({run.concurrency_key for run in able}) > 1:
        for run in chain(executing, finished):
            key, started = run.concurrency_key, run.started or 0.0
            last[key] = max(last.get(key, 0.0), started)
    return ordered(able, now, Counter(run.concurrency_key for run in executing), last)


def ordered(
    runs: Iterable[RunView],
    now: float,
    executing: Mapping[str, int],
    last_start: Mapping[str, float],
) -> list[RunView]:
    """The runs, all of which wait, in the order in which they should start.

    By concurrency key, ``executing``: how many of the job's runs execute; ``last_start``: when one
    started last, epoch seconds. A key that is in neither has none. n log n in the runs.
    """
    occupied = Counter(executing)
    started = dict(last_start)

    def by_age(run: RunView) -> tuple[float, float, str]:
        return -effective_priority(run, now), run.created, run.name

    placed: list[RunView] = []
    for _, group in groupby(sorted(runs, key=by_age), lambda run: effective_priority(run, now)):
        taken: Counter[str] = Counter()
        turns = []
        for run in group:
            key = run.concurrency_key
            turn = taken[key], occupied[key], started.get(key, float("-inf"))
            turns.append((*turn, run.created, run.name, run))
            taken[key] += 1
        turns.sort(key=lambda turn: turn[:-1])
        placed.extend(turn[-1] for turn in turns)
        occupied.update(taken)
        started.update(dict.fromkeys(taken, now))
    return placed


def effective_priority(run: RunView, now: float) -> int:
    """Its priority, and one more for each whole hour since it could start."""
    since = max(run.created, run.not_before or 0.0, run.next_retry or 0.0)
    return run.priority + max(0, int((now - since) // AGES_BY_ONE_IN))
