"""The table of back-offs in wavegate.domain.attempts, and which failures count."""

from __future__ import annotations

import pytest

from unit.domain.builders import NOW, chain, execution
from wavegate.domain.attempts import delay, not_before

pytestmark = pytest.mark.row("Attempts")


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (100, 300), (10**9, 300), (-1, 0)],
)
def test_the_wait_doubles_from_ten_seconds_up_to_five_minutes(failures: int, seconds: int) -> None:
    assert delay(failures) == seconds


def test_a_node_without_claims_starts_at_once() -> None:
    assert not_before(None, "w1") == 0.0
    assert not_before(chain(execution(stable=True)), "w1") == 0.0


def test_it_counts_from_the_last_failure_of_that_workload() -> None:
    claims = chain(
        execution(1, "Failed", updated=NOW - 100), execution(2, "Failed", updated=NOW - 5)
    )
    assert not_before(claims, "w1") == NOW - 5 + 20


def test_another_workload_does_not_wait() -> None:
    assert not_before(chain(execution(1, "Failed", version=2)), "w1") == 0.0


def test_a_stable_claim_resets_the_count() -> None:
    claims = chain(
        execution(1, "Failed"),
        execution(2, "Failed"),
        execution(3, "Stopped", stable=True),
        execution(4, "Failed", updated=NOW),
    )
    assert not_before(claims, "w1") == NOW + 10


def test_the_failure_of_a_stable_claim_is_the_first_in_a_row() -> None:
    claims = chain(execution(1, "Failed"), execution(2, "Failed", stable=True, updated=NOW))
    assert not_before(claims, "w1") == NOW + 10
