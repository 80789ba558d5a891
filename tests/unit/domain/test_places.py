"""The table of wavegate.domain.places, row by row."""

from __future__ import annotations

import pytest

from unit.domain.builders import chain, execution
from wavegate.domain.claim import Chain
from wavegate.domain.places import holds_place, needs_place

pytestmark = pytest.mark.row("Places")

A_TAKEN = execution(1, "Stopped", stable=True, details={"reason": "Replaced"})
A_OPEN = execution(1, "Running", stable=True)
B_FAILED = execution(2, "Failed", version=2)


@pytest.mark.parametrize(
    ("claims", "holds"),
    [
        pytest.param(chain(A_OPEN), False, id="A stable and live"),
        pytest.param(chain(A_TAKEN, execution(2, version=2)), True, id="B live, not yet stable"),
        pytest.param(chain(A_OPEN, execution(2, version=2)), True, id="A is about to be stopped"),
        pytest.param(chain(A_TAKEN, B_FAILED), True, id="B failed"),
        pytest.param(chain(A_TAKEN, B_FAILED, execution(3)), True, id="C, the fallback, is live"),
        pytest.param(chain(A_TAKEN, B_FAILED, execution(3, "Failed")), False, id="C failed too"),
        pytest.param(
            chain(A_TAKEN, execution(2, version=2, stable=True)), False, id="B stable and live"
        ),
        pytest.param(
            chain(execution(1, "Failed"), execution(2, version=2)), False, id="A never stable"
        ),
        pytest.param(
            chain(
                execution(1, "Stopped", stable=True, details={"reason": "Suspended"}),
                execution(2, version=2),
            ),
            False,
            id="A ended by suspension",
        ),
        pytest.param(
            chain(execution(1, "Failed", stable=True), execution(2)), False, id="A failed by itself"
        ),
        pytest.param(chain(), False, id="no claim at all"),
    ],
)
def test_which_nodes_hold_a_place(claims: Chain, holds: bool) -> None:
    assert holds_place(claims) is holds


@pytest.mark.parametrize(
    ("claims", "needs"),
    [
        pytest.param(None, False, id="an empty node"),
        pytest.param(chain(A_OPEN), True, id="a stable claim that runs"),
        pytest.param(chain(execution(1)), False, id="a claim that was never stable"),
        pytest.param(chain(A_TAKEN), False, id="a stable claim that has ended"),
        pytest.param(chain(A_TAKEN, B_FAILED), False, id="a failed claim"),
    ],
)
def test_only_what_is_stable_and_runs_needs_a_place(claims: Chain | None, needs: bool) -> None:
    assert needs_place(claims) is needs
