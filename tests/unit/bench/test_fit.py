"""Exponents of growth; the first rows are those of the module."""

from __future__ import annotations

import pytest

from bench.fit import fit


@pytest.mark.parametrize(
    ("costs", "overall", "last", "worse"),
    [
        pytest.param({1: 2, 10: 20, 100: 200}, 1, 1, False, id="linear"),
        pytest.param({1: 3, 10: 300, 100: 30_000}, 2, 2, True, id="quadratic"),
        pytest.param({1: 5, 10: 5, 100: 5}, 0, 0, False, id="constant"),
        pytest.param(
            {1: 9, 10: 9, 100: 10, 1000: 500}, 0.53, 1.70, True, id="hidden by a constant cost"
        ),
        pytest.param({1000: 200, 1: 2, 100: 20}, 0.64, 1, False, id="in any order"),
        pytest.param({1: 1, 10: 11}, 1.04, 1.04, False, id="a little above linear is noise"),
        pytest.param({1: 1, 10: 13}, 1.11, 1.11, True, id="more is not"),
    ],
)
def test_a_cost_grows_by_an_exponent(
    costs: dict[int, float], overall: float, last: float, worse: bool
):
    found = fit(costs)
    assert found
    assert found.overall == pytest.approx(overall, abs=0.01)
    assert found.last == pytest.approx(last, abs=0.01)
    assert found.worse_than_linear == worse


@pytest.mark.parametrize(
    "costs",
    [
        pytest.param({10: 1.0}, id="one size"),
        pytest.param({10: 1.0, 100: 0.0}, id="nothing spent"),
        pytest.param({10: 1.0, 100: -0.1}, id="less than judgement takes"),
    ],
)
def test_some_costs_have_no_exponent(costs: dict[int, float]):
    assert fit(costs) is None
