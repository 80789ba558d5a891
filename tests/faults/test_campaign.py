"""A part of the campaign, chosen by a seed: one plan of thirty, in ``make test`` one of ten.

``make faults`` runs all of it.
"""

from __future__ import annotations

import os

import pytest

from faults.campaign import plans_of, sample
from faults.rollouts import ROLLOUTS
from faults.run import reference, run

SHARE = int(os.environ.get("FAULTS_SHARE", "30"))
SEED = 1
PARTS = 4


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_without_a_fault_all_is_well(rollout: str):
    normal = reference(rollout)
    assert normal.writes
    assert normal.events
    assert normal.end["state"] == "Running"


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
