"""A part of the campaign with real processes: of each kind of fault one plan or two.

``make faults-real`` runs all of it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import wavelab
from faults.plans import Plan
from real.campaign import AT_EVENTS, BY_KOPF, KILLS, all_plans
from real.run import run
from support.campaign import digest

pytestmark = [pytest.mark.cluster, pytest.mark.real]

SEED = 1
PLANS = list(all_plans())


def one(*faults: str, of: tuple[str, ...] = ()) -> Plan:
    """One of the plans with such a fault, at an event of such a resource if any is given."""
    found = [
        plan
        for plan in PLANS
        for at, fault in plan.faults
        if fault.startswith(faults) and (not of or at.resource in of)
    ]
    return min(found, key=lambda plan: digest(f"{SEED} {plan}"))


SAMPLE = [
    *(one(kill) for kill in KILLS),
    one("E"),
    one("W", of=BY_KOPF),
    one("W", of=tuple(AT_EVENTS.keys() - set(BY_KOPF))),
]


@pytest.mark.parametrize("plan", SAMPLE, ids=str)
def test_faults_do_no_harm(cluster: wavelab.Cluster, plan: Plan) -> None:
    result = run(plan, cluster)
    assert not result.wrong, f"make faults-real PLAN='{plan}'\n{result.wrong}\n{result.story}"
    assert result.happened, "the fault met nothing"


STOPPED = [
    next(plan for plan in PLANS if plan.faults and plan.faults[0][1] == fault)
    for fault in ("L1", "L1-held")
]


@pytest.mark.parametrize("plan", STOPPED, ids=str)
def test_a_leader_that_stood_still_writes_nothing_that_counts(
    cluster: wavelab.Cluster, plan: Plan, measured: Callable[[str], None]
) -> None:
    result = run(plan, cluster)
    assert not result.wrong, f"make faults-real PLAN='{plan}'\n{result.wrong}\n{result.story}"
    assert result.take_over is not None
    measured(
        f"take-over {result.take_over:.1f} s after the leader was stopped, {result.in_flight}"
        f" writes in flight; late: {', '.join(map(str, result.late)) or 'nothing'}"
    )


def test_there_are_as_many_plans_as_there_are_to_be() -> None:
    texts = [str(plan) for plan in PLANS]
    faults = [fault for plan in PLANS for _, fault in plan.faults]
    assert len(set(texts)) == len(texts)
    assert sum(fault.startswith(KILLS) for fault in faults) >= 50
    # Twenty leaders are to be stopped, and a plan may miss its write.
    assert sum(fault.startswith("L1") for fault in faults) == 24
    assert len(texts) >= 120
