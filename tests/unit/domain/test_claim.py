"""A node's chain of claims: which one counts, what it replaced, and who occupies the node."""

from __future__ import annotations

import pytest

from unit.domain.builders import chain, execution, pod

pytestmark = pytest.mark.row("Claim")

OLD = execution(1, stable=True)
NEW = execution(2, "Pending", version=2)


def test_an_empty_chain_has_nothing() -> None:
    empty = chain()
    assert (empty.current, empty.live, empty.own_pod, empty.last_stable) == (None,) * 4
    assert (empty.next_attempt, empty.older_open) == (1, ())


def test_the_highest_attempt_counts_and_older_ones_are_to_be_ended() -> None:
    both = chain(OLD, NEW)
    assert both.current is NEW
    assert both.live is NEW
    assert both.older_open == (OLD,)
    assert both.before(NEW) is OLD
    assert both.before(OLD) is None
    assert both.next_attempt == 3


def test_a_claim_that_has_ended_is_current_but_not_live() -> None:
    failed = execution(2, "Failed", version=2)
    assert chain(OLD, failed).current is failed
    assert chain(OLD, failed).live is None


def test_an_older_claim_that_has_ended_is_not_ended_again() -> None:
    assert chain(execution(1, "Stopped"), NEW).older_open == ()


def test_the_last_stable_claim_may_be_any_of_them() -> None:
    assert chain(OLD, NEW).last_stable is OLD
    assert chain(execution(1), NEW).last_stable is None


def test_pods_of_older_claims_and_of_a_former_job_occupy_the_node() -> None:
    of_old, of_new = pod(OLD, uid="p1"), pod(NEW, uid="p2")
    former = pod(execution(7, uid="of another job"), uid="p3")
    here = chain(OLD, NEW, pods=(of_old, of_new, former))
    assert here.own_pod is of_new
    assert here.foreign_pods == (of_old, former)


def test_an_ended_pod_of_an_older_claim_has_to_go_too() -> None:
    done = execution(1, "Completed", stable=True)
    left = pod(done, uid="p1", phase="Succeeded")
    assert chain(done, NEW, pods=(left,)).older_pods == (left,)
    assert chain(done, pods=(left,)).older_pods == ()


def test_a_claim_whose_create_is_in_flight_has_no_pod() -> None:
    assumed = execution(2, uid="", assumed=True)
    stray = pod(owner_uid="")
    here = chain(OLD, assumed, pods=(stray,))
    assert here.own_pod is None
    assert here.foreign_pods == (stray,)


def test_failures_in_a_row_end_at_one_that_was_stable() -> None:
    first, second, third = (execution(n, "Failed") for n in (2, 3, 4))
    assert chain(OLD, first, second).failures_in_a_row == [second, first]
    assert chain(first, execution(3, "Stopped"), third).failures_in_a_row == [third, first]
    fell = execution(3, "Failed", stable=True)
    assert chain(first, fell, third).failures_in_a_row == [third, fell]
    assert chain(OLD, NEW).failures_in_a_row == []
    elsewhere = execution(2, "Failed", node_uid="another")
    assert chain(elsewhere, second).failures_in_a_row == [second]
