"""Which fault plans there are: each kind of fault at each address of each reference rollout.

Of faults that are dear (they take long, or meet the same code at every address) a share is chosen,
by the plan's own text, so that the choice is the same in each run and no shard depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faults.plans import Address, Plan
from faults.rollouts import ROLLOUTS
from faults.run import reference
from support.campaign import digest

CRASHES = ("C1", "C2", "C3")
AT_WRITES = {
    "C1-long": 16,
    "E1": 20,
    "E1-stranger": 20,
    "E2": 30,
    "E2-retry-after": 30,
    "E3-500-before": 30,
    "E3-503-before": 30,
    "E3-504-before": 30,
    "E3-reset-before": 30,
    "E3-500-after": 30,
    "E3-504-after": 30,
    "E3-timeout-after": 30,
    "E3-reset-after": 30,
    "E4-401": 30,
    "E4-403": 30,
    "L1": 16,
    "L1-short": 32,
    "T1-nodes+30": 80,
    "T1-nodes-30": 80,
    "T1-nodes+300": 80,
    "T1-nodes-300": 80,
    "T1-nodes+3600": 80,
    "T1-nodes-3600": 80,
    "T1+30": 80,
    "T1-30": 80,
    "T1+300": 80,
    "T1-300": 80,
    "T1+3600": 80,
    "T1-3600": 80,
}
"""Faults at writes, and of how many addresses one is taken."""

AT_STATUSES = {"E5-413": 20, "E5-422": 20}
AT_NODES = {
    "N1-gone": 8,
    "N1-replaced": 8,
    "N1-notready": 8,
    "N1-cordoned": 8,
    "N1-relabelled": 8,
}
"""Faults at writes that are about a node."""

AT_CHILDREN = {"X1-deleted": 8, "X1-labelled": 16, "X1-unlabelled": 12, "X1-held": 12}
"""Faults at writes after which the object is there."""

OUTSIDE = ("R1", "R2", "R3", "R4", "R7")
"""Rollouts of which the oracle can tell where they may end after such a fault."""

AT_EVENTS = {
    "W1": 1,
    "W2": 1,
    "W3-1": 30,
    "W3-4": 30,
    "W3-6": 30,
    "W3-30": 40,
    "W3-120": 40,
    "W4-80": 40,
    "W4-600": 40,
    "W6-1": 40,
    "W6-10": 40,
    "W6-100": 40,
    "W5-event": 30,
    "W5-401": 30,
    "W5-403": 30,
    "W5-404": 30,
    "W5-500": 30,
    "W5-503": 30,
}
CHILDREN = ("jobversions", "fleetdeployments", "executions", "pods", "configmaps")
HAS_STRANGERS = ("jobversions", "executions", "pods", "configmaps")
"""Kinds that nobody else makes: a stranger's FleetDeployment is a user's."""

TWICE = 4
"""Of so many writes one is followed by a second crash."""


def all_plans() -> Iterator[Plan]:
    """Every plan of the campaign, the cheapest kinds of each rollout first."""
    for name in ROLLOUTS:
        yield from plans_of(name)


def plans_of(name: str) -> Iterator[Plan]:
    """The plans of one reference rollout."""
    normal = reference(name)
    for address in normal.writes:
        for fault in CRASHES:
            yield Plan(name, ((address, fault),))
    for address in normal.writes:
        yield from _some(name, address, AT_WRITES)
        if address.resource.endswith("/status"):
            yield from _some(name, address, AT_STATUSES)
        if name in OUTSIDE:
            yield from _outside(name, address)
        if address.resource != "events" and digest(f"twice {name} {address}") % TWICE == 0:
            yield _twice(name, address, normal.writes)
    followed = set(_followed(normal.events))
    for address in normal.events:
        faults = AT_EVENTS if address in followed else {**AT_EVENTS, "W1": 0}
        yield from _some(name, address, faults)


def _some(name: str, address: Address, faults: dict[str, int]) -> Iterator[Plan]:
    for fault, share in faults.items():
        plan = Plan(name, ((address, fault),))
        if fault == "E1-stranger" and address.resource not in HAS_STRANGERS:
            continue
        if share and digest(f"share {plan}") % share == 0:
            yield plan


def _outside(name: str, address: Address) -> Iterator[Plan]:
    resource = address.resource.partition("/")[0]
    if resource in ("executions", "pods"):
        yield from _some(name, address, AT_NODES)
    if resource in CHILDREN and address.verb != "DELETE":
        yield from _some(name, address, AT_CHILDREN)


def _twice(name: str, address: Address, writes: list[Address]) -> Plan:
    """A crash, and another one at one of the ten writes that come next in the reference."""
    index = writes.index(address)
    ahead = digest(f"ahead {name} {address}") % 10
    second = writes[min(index + 1 + ahead, len(writes) - 1)]
    return Plan(name, ((address, "C2"), (second, "C1")))


def _followed(events: Mapping[Address, str]) -> list[Address]:
    """Those after which another event of the same object, by its uid, comes."""
    return [
        each
        for each, uid in events.items()
        if events.get(Address(each.verb, each.resource, each.name, each.number + 1)) == uid
    ]
