"""What is profiled, and what is said of it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bench.profile import workload
from bench.profile.flames import LOOP, OPERATOR, SIMULATED, START, Profile
from bench.profile.report import quantile, simulation
from wavegate.simulation.loop import VirtualLoop

VERSIONS = {"commit": "abc", "code": "def", "python": "3.11"}


def test_the_fleet_is_made_and_then_rolled_in_waves():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        create, roll = runner.run(workload.play(nodes=20, seed=1))
    assert (create["act"], create["executions"]) == ("create", 20)
    assert (roll["act"], roll["executions"]) == ("roll", 20)
    # Ten waves, each with a window of a second.
    assert roll["virtual_seconds"] > create["virtual_seconds"] + 10
    for act in (create, roll):
        assert len(act["passes"]) > 3
        assert act["passes"] == sorted(act["passes"])
        assert min(act["passes"]) > 0


@pytest.mark.parametrize(
    ("share", "value"),
    [(0.5, 50), (0.99, 99), (1.0, 100)],
)
def test_a_quantile_is_the_value_that_so_many_do_not_exceed(share: float, value: int):
    assert quantile(range(1, 101), share) == value


def test_a_quantile_of_one_value_is_that():
    assert quantile([7.0], 0.5) == quantile([7.0], 1.0) == 7.0


def test_the_report_says_what_a_pass_and_an_execution_cost_and_where_the_time_went():
    acts = [
        {"act": "create", "executions": 100, "cpu_seconds": 1.0, "passes": [0.001, 0.002, 0.004]},
        {"act": "roll", "executions": 100, "cpu_seconds": 3.0, "passes": [0.003]},
    ]
    samples = Counter({OPERATOR: 50, SIMULATED: 40, LOOP: 10, START: 900})
    own, inclusive = Counter({"f (a.py:1)": 30, "g (a.py:9)": 20}), Counter({"f (a.py:1)": 50})
    profile = Profile(samples, own, inclusive, Counter({"wavegate/domain": 45, "wavegate/api": 5}))
    said = simulation("200 nodes", VERSIONS, acts, profile)
    assert "| create | 100 | 3 | 2.0 | 4.0 | 4.0 | 1.00 |" in said
    # Half of four seconds, for 200 executions.
    assert "2.00 s of a processor, 10.00 ms per execution" in said
    assert "| wavegate/domain | 90.0% |" in said
    assert "| f (a.py:1) | 60.0% | 100.0% |" in said
