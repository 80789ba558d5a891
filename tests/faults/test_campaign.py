"""A part of the campaign, chosen by a seed: one plan of thirty, in ``make test`` one of twenty.

``make faults`` runs all of it.
"""

from __future__ import annotations

import os

import pytest

from faults.campaign import CRASHES, plans_of
from faults.rollouts import ROLLOUTS, SCRIPTS
from faults.run import reference, run
from support.campaign import sample

SHARE = int(os.environ.get("FAULTS_SHARE", "30"))
SEED = 1
PARTS = 4


BACK = {"app-v1": "Completed", "app-v2": "Failed", "app-v2-rollback": "Completed"}
ENDS = {
    "R1": {"app-v1": "Completed", "app-v2": "Completed"},
    "R2": BACK,
    "R3": BACK,
    "R4": {"app-v1": "Completed", "app-v2": "Canceled", "app-v3": "Completed"},
    "R5": {"app-v1": "Completed", "app-v2": "Canceled", "again": "Completed"},
    "R6": {"app-v1": "Completed", "app-v2": "Completed"},
    "R7": {"app-v1": "Completed"},
    "R4-late": {"app-v1": "Completed", "app-v2": "Completed", "app-v3": "Completed"},
    "R5-late": {"app-v1": "Completed", "app-v2": "Completed", "again": "Completed"},
    "NaN": BACK,
    "Empty": BACK,
    "Many": BACK,
}


@pytest.mark.parametrize("rollout", SCRIPTS)
def test_without_a_fault_all_is_well(rollout: str):
    normal = reference(rollout)
    assert normal.writes
    assert normal.events
    assert normal.end["state"] == "Running"
    ends = {name: how.split()[0] for name, how in normal.end["deployments"].items()}
    assert ends == ENDS[rollout]


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_lost_events_and_compactions_come_everywhere(rollout: str):
    normal, plans = reference(rollout), {str(plan) for plan in plans_of(rollout)}
    assert {f"{rollout} + W2 {at}" for at in normal.events} <= plans
    crashes = {f"{rollout} + {fault} {at}" for fault in CRASHES for at in normal.writes}
    assert crashes <= plans
    last = {uid: at for at, uid in normal.events.items()}.values()
    assert {f"{rollout} + W1 {at}" for at in normal.events if at not in last} >= {
        plan for plan in plans if " + W1 " in plan
    }, "after the last one of an object nothing would ever tell"


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_the_same_plan_is_the_same_run(rollout: str):
    plan = next(plans_of(rollout))
    first, second = run(plan), run(plan)
    assert (first.writes, first.events, first.end) == (second.writes, second.events, second.end)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_faults_do_no_harm(rollout: str, part: int):
    plans = [
        plan
        for index, plan in enumerate(sample(plans_of(rollout), SHARE, SEED))
        if index % PARTS == part
    ]
    assert plans
    wrong = {str(plan): result.wrong for plan in plans if (result := run(plan)).wrong}
    told = "\n".join(f"make faults PLAN='{plan}'\n{why}" for plan, why in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(plans)}:\n{told}"
