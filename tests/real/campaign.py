"""Which fault plans real processes are asked, and how they are told.

The n-th write or read is chosen by the seed, so that the plans are the same in each run. How many
writes a rollout takes is in `WRITES`; its plan without a fault holds that.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

import wavelab
from faults.plans import Address, Plan, parse_plan
from real import lab
from real.run import Result, run
from support.campaign import Campaign, Outcome, digest

SEED: Final = 1
STORIES: Final = lab.ROOT / "build" / "faults-real"
"""Where what became of a run that went wrong is kept: it may not come again."""

WRITES: Final[Mapping[str, int]] = {"R2": 120, "R3": 125, "R7": 70}
MET: Final = 0.9
"""Of the plans at writes so many at least meet one: slow machines need a few writes more."""

READS: Final = 25
KILLS: Final = ("C1", "C2", "C3")
KILLS_EACH: Final = 6
"""Plans of each kind of kill and each rollout."""

LEADERS_STOPPED: Final = 12
"""Of each of two kinds: what was under way arrives at once, or when the process goes on."""

AT_WRITES: Final = (
    "C1-long",
    "C2-long",
    "C3-long",
    "E1",
    "E2",
    "E2-retry-after",
    "E3-500-before",
    "E3-503-before",
    "E3-504-before",
    "E3-reset-before",
    "E3-500-after",
    "E3-504-after",
    "E3-timeout-after",
    "E3-reset-after",
    "E3-late",
    "E3-slow-answer",
    "E3-half-an-answer",
    "E4-401",
    "E4-403",
)
AT_READS: Final = (
    "C1",
    "C3",
    "E2-retry-after",
    "E3-500-before",
    "E3-503-before",
    "E3-reset-before",
    "E3-timeout-after",
    "E3-slow-answer",
    "E3-half-an-answer",
    "E4-401",
    "E4-403",
)
AT_EVENTS: Final[Mapping[str, int]] = {
    "fleetjobs": 4,
    "fleetdeployments": 6,
    "executions": 16,
    "pods": 20,
}
"""Of how many events of each resource one is taken."""

WATCHES: Final = (
    "W2",
    "W2-event",
    "W2-cut",
    "W3-1",
    "W3-4",
    "W3-30",
    "W5-event",
    "W5-401",
    "W5-403",
    "W5-404",
    "W5-500",
    "W5-503",
)
BY_KOPF: Final = ("fleetjobs", "fleetdeployments")


def all_plans() -> Iterator[Plan]:
    """Those without a fault first, then the kills."""
    for rollout in WRITES:
        yield Plan(rollout)
    for rollout in WRITES:
        for fault in KILLS:
            for number in range(KILLS_EACH):
                yield _at(rollout, fault, "WRITE", WRITES[rollout], number, KILLS_EACH)
        yield _twice(rollout)
    for fault in AT_WRITES:
        rollout = _any(fault)
        yield _at(rollout, fault, "WRITE", WRITES[rollout])
    for fault in AT_READS:
        yield _at(_any(f"read {fault}"), fault, "READ", READS)
    for fault in WATCHES:
        for kopfs in (True, False):
            yield _at_event(fault, kopfs=kopfs)
    for fault in ("E5-413", "E5-422"):
        yield Plan("R2", ((Address("PUT", "executions/status", "*", 5), fault),))
    for fault in ("L1", "L1-held"):
        for number in range(LEADERS_STOPPED):
            yield _at("R2", fault, "WRITE", WRITES["R2"], number, LEADERS_STOPPED)


def _any(text: str) -> str:
    names = list(WRITES)
    return names[digest(f"{SEED} {text}") % len(names)]


def _at(rollout: str, fault: str, verb: str, most: int, number: int = 0, of: int = 1) -> Plan:
    """At a place in the ``number``-th of ``of`` parts of a rollout, so that no two are the same."""
    ahead = digest(f"{SEED} {rollout} {fault} {verb} {number}") % most
    return Plan(rollout, ((Address(verb, "*", "*", 1 + (number * most + ahead) // of), fault),))


def _twice(rollout: str) -> Plan:
    """C4. Killed unanswered, and once more before one of the next writes."""
    first = 1 + digest(f"{SEED} {rollout} twice") % (WRITES[rollout] - 10)
    second = first + 1 + digest(f"{SEED} {rollout} again") % 9
    places = ((first, "C2"), (second, "C1"))
    return Plan(rollout, tuple((Address("WRITE", "*", "*", n), fault) for n, fault in places))


def _at_event(fault: str, *, kopfs: bool) -> Plan:
    choice = [each for each in AT_EVENTS if (each in BY_KOPF) is kopfs]
    resource = choice[digest(f"{SEED} {fault} {kopfs}") % len(choice)]
    number = 1 + digest(f"{SEED} {fault} {resource}") % AT_EVENTS[resource]
    return Plan(_any(f"{fault} {kopfs}"), ((Address("WATCH", resource, "*", number), fault),))


def plans() -> Iterator[str]:
    return map(str, all_plans())


def do(text: str) -> Outcome:
    plan = parse_plan(text)
    result = run(plan, wavelab.Cluster(lab.CLUSTER))
    if not plan.faults and result.writes < MET * WRITES[plan.rollout]:
        result.wrong = f"{result.writes} writes are less than what the plans count on"
    if result.wrong:
        STORIES.mkdir(parents=True, exist_ok=True)
        story = STORIES / f"{text.replace(' ', '_').replace('*', 'any').replace('/', '-')}.txt"
        story.write_text(f"{text}: {result.wrong}\n{result.happened}\n{result.story}\n")
        result.wrong = f"{story}:\n{result.wrong}"
    return outcome(result)


def outcome(result: Result) -> Outcome:
    counts: Counter[str] = Counter(
        states=result.states, writes=result.writes, restarts=result.restarts
    )
    plan = result.plan
    counts["kills"] = sum(each.startswith("C") for each in result.happened)
    counts["unmet"] = int(len(result.happened) < len(plan.faults))
    if result.take_over is not None:
        counts["stopped"] = 1
        counts[f"take-over within {ceil(result.take_over)} s"] = 1
        counts["in flight"] = result.in_flight
        counts["late, refused"] = sum(not each.accepted for each in result.late)
        for each in result.late:
            if each.accepted:
                counts["late, created" if each.method == "POST" else "late, copied"] += 1
    return Outcome(str(plan), result.wrong, counts)


def repeat(text: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    result = run(parse_plan(text), wavelab.Cluster(lab.CLUSTER))
    print(f"{text}: {result.wrong or 'as it should be'}")
    if result.wrong:
        print(result.story)
    print(f"happened: {result.happened}; {result.restarts} restarts; {result.seconds:.0f} s")
    for late in result.late:
        print(f"late: {late}")
    return 1 if result.wrong else 0


def told(number: int, counts: Counter[str]) -> str:
    words = [
        f"{number} fault plans with real processes, {counts['kills']} kills",
        f"{counts['restarts']} restarts, {counts['writes']} writes, {counts['states']} states",
        f"in {counts['unmet']} plans a fault did not happen",
    ]
    if counts["stopped"]:
        times = ", ".join(
            f"{name.removeprefix('take-over ')}: {times}"
            for name, times in sorted(counts.items())
            if name.startswith("take-over")
        )
        words.append(
            f"{counts['stopped']} leaders stopped, take-over {times}; {counts['in flight']} writes"
            f" in flight, {counts['late, refused']} late ones refused, {counts['late, created']}"
            f" late creates, {counts['late, copied']} late copies of a job's status"
        )
    return "; ".join(words)


CAMPAIGN = Campaign(
    name="real",
    doc=__doc__ or "",
    command="make faults-real PLAN=",
    runs=plans,
    do=do,
    repeat=repeat,
    quiet=lambda: None,
    told=told,
    long=True,
)
