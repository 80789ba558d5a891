"""The table of wavegate.runs.circuit: when an endpoint is left alone, and when no longer."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.answers import Outcome
from wavegate.runs.circuit import FAILURES, MOST_ENDPOINTS, OPEN_FOR, Circuits

SHOP = "https://shop.example:443"
NOW = 1000.0
HALF_OPEN = NOW + OPEN_FOR

NOT_WELL: list[Outcome] = ["Unavailable", "TimedOut", "ConnectFailed", "DnsFailed", "TlsFailed"]
NOT_WELL += ["Reset"]
ANSWERS: list[Outcome] = ["Completed", "Accepted", "Rejected", "BadAnswer", "AnswerTooLarge"]
NOTHING: list[Outcome] = ["Crashed", "AddressRefused", "SourceUnreadable", "CallbacksOff", "Fault"]


def call(circuits: Circuits, outcome: Outcome, now: float, endpoint: str = SHOP) -> None:
    """A call that ends as soon as it has begun."""
    circuits.begun(endpoint, now)
    circuits.ended(endpoint, outcome, now, now)


def opened(at: float = NOW) -> Circuits:
    circuits = Circuits()
    for _ in range(5):
        call(circuits, "ConnectFailed", at)
    return circuits


def test_every_outcome_says_something_nothing_or_the_opposite() -> None:
    assert {*NOT_WELL, *ANSWERS, *NOTHING} == set(get_args(Outcome))


@pytest.mark.parametrize("outcome", NOT_WELL)
def test_five_failures_in_a_row_open_it_for_60_seconds(outcome: Outcome) -> None:
    circuits = Circuits()
    for _ in range(4):
        call(circuits, outcome, NOW)
    assert circuits.held_until(SHOP, NOW) is None
    assert not circuits.next_is_probe(SHOP)
    call(circuits, outcome, NOW)
    assert circuits.held_until(SHOP, NOW) is not None
    assert circuits.held_until(SHOP, NOW) == NOW + 60
    assert circuits.held_until(SHOP, NOW + 59.9) is not None
    assert circuits.held_until(SHOP, NOW + 60) is None
    assert circuits.held_until(SHOP, NOW + 60) is None


@pytest.mark.parametrize("outcome", ANSWERS)
def test_an_answer_ends_the_row(outcome: Outcome) -> None:
    circuits = Circuits()
    row: list[Outcome] = ["Reset", "Reset", "Reset", "Reset"]
    for each in (*row, outcome, *row):
        call(circuits, each, NOW)
    assert circuits.held_until(SHOP, NOW) is None


@pytest.mark.parametrize("outcome", NOTHING)
def test_what_says_nothing_neither_counts_nor_ends_the_row(outcome: Outcome) -> None:
    circuits = Circuits()
    row: list[Outcome] = ["Reset", "Reset", "Reset", "Reset"]
    for each in (*row, *[outcome] * 5):
        call(circuits, each, NOW)
    assert circuits.held_until(SHOP, NOW) is None
    call(circuits, "Reset", NOW)
    assert circuits.held_until(SHOP, NOW) is not None


def test_endpoints_have_nothing_to_do_with_each_other() -> None:
    circuits = opened()
    for port in range(5):
        call(circuits, "Reset", NOW, f"https://shop.example:{port}")
    assert all(
        circuits.held_until(f"https://shop.example:{port}", NOW) is None for port in range(5)
    )


def test_while_the_probe_is_under_way_nobody_else_calls() -> None:
    circuits = opened()
    assert circuits.held_until(SHOP, HALF_OPEN) is None
    assert circuits.next_is_probe(SHOP)
    circuits.begun(SHOP, HALF_OPEN)
    assert circuits.held_until(SHOP, HALF_OPEN) is not None
    assert circuits.held_until(SHOP, HALF_OPEN + 1) == HALF_OPEN + 60


@pytest.mark.parametrize("outcome", ANSWERS)
def test_a_probe_that_is_answered_closes_it(outcome: Outcome) -> None:
    circuits = opened()
    circuits.begun(SHOP, HALF_OPEN)
    circuits.ended(SHOP, outcome, HALF_OPEN, HALF_OPEN + 2)
    assert circuits.held_until(SHOP, HALF_OPEN + 2) is None
    assert not circuits.next_is_probe(SHOP)
    for _ in range(4):
        call(circuits, "Reset", HALF_OPEN + 3)
    assert circuits.held_until(SHOP, HALF_OPEN + 3) is None, "five in a row are needed again"


@pytest.mark.parametrize("outcome", NOT_WELL)
def test_a_probe_that_fails_opens_it_for_another_60_seconds(outcome: Outcome) -> None:
    circuits = opened()
    for _ in range(3):
        now = circuits.held_until(SHOP, NOW) or 0.0
        circuits.begun(SHOP, now)
        circuits.ended(SHOP, outcome, now, now + 2)
        assert circuits.held_until(SHOP, now + 2) == now + 62


@pytest.mark.parametrize("outcome", NOTHING)
def test_a_probe_that_says_nothing_lets_the_next_one_go(outcome: Outcome) -> None:
    circuits = opened()
    circuits.begun(SHOP, HALF_OPEN)
    circuits.ended(SHOP, outcome, HALF_OPEN, HALF_OPEN + 2)
    assert circuits.held_until(SHOP, HALF_OPEN + 2) is None
    assert circuits.next_is_probe(SHOP)


def test_a_probe_that_never_reports_holds_for_60_seconds() -> None:
    circuits = opened()
    circuits.begun(SHOP, HALF_OPEN)
    assert circuits.held_until(SHOP, HALF_OPEN + 59.9) is not None
    assert circuits.held_until(SHOP, HALF_OPEN + 60) is None
    circuits.begun(SHOP, HALF_OPEN + 60)
    assert circuits.held_until(SHOP, HALF_OPEN + 60) is not None


def test_a_probe_that_takes_long_still_decides() -> None:
    circuits = opened()
    circuits.begun(SHOP, HALF_OPEN)
    circuits.begun(SHOP, HALF_OPEN + 60)
    circuits.ended(SHOP, "Completed", HALF_OPEN, HALF_OPEN + 90)
    assert circuits.held_until(SHOP, HALF_OPEN + 90) is None
    circuits.ended(SHOP, "TimedOut", HALF_OPEN + 60, HALF_OPEN + 120)
    assert circuits.held_until(SHOP, HALF_OPEN + 120) is None


def test_a_probe_that_takes_long_does_not_count_once_another_has_failed() -> None:
    circuits = opened()
    circuits.begun(SHOP, HALF_OPEN)
    circuits.begun(SHOP, HALF_OPEN + 60)
    circuits.ended(SHOP, "TimedOut", HALF_OPEN + 60, HALF_OPEN + 70)
    circuits.ended(SHOP, "TimedOut", HALF_OPEN, HALF_OPEN + 75)
    assert circuits.held_until(SHOP, HALF_OPEN + 75) == HALF_OPEN + 130


@pytest.mark.parametrize("outcome", get_args(Outcome))
@pytest.mark.parametrize(
    "began",
    [
        pytest.param(NOW - 30, id="before it opened"),
        pytest.param(NOW + 1, id="just after, decided on before"),
    ],
)
def test_calls_that_are_not_the_probe_change_nothing(began: float, outcome: Outcome) -> None:
    circuits = opened()
    circuits.ended(SHOP, outcome, began, NOW + 5)
    assert circuits.held_until(SHOP, NOW + 5) == NOW + 60
    circuits.begun(SHOP, HALF_OPEN)
    circuits.ended(SHOP, outcome, began, HALF_OPEN + 1)
    assert circuits.held_until(SHOP, HALF_OPEN + 1) == HALF_OPEN + 60, "the probe is under way"


def test_endpoints_that_failed_longest_ago_are_forgotten() -> None:
    circuits = Circuits()
    for _ in range(FAILURES):
        call(circuits, "Reset", NOW, "http://first:80")
        call(circuits, "Reset", NOW, "http://second:80")
    circuits.begun("http://first:80", HALF_OPEN)
    circuits.ended("http://first:80", "Reset", HALF_OPEN, HALF_OPEN)
    for number in range(MOST_ENDPOINTS - 2):
        call(circuits, "Reset", NOW, f"http://h{number}:80")
    assert circuits.next_is_probe("http://second:80")
    call(circuits, "Reset", NOW, "http://one-more:80")
    assert not circuits.next_is_probe("http://second:80")
    assert circuits.next_is_probe("http://first:80"), "it failed once more since"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from(get_args(Outcome)) | st.none(), st.integers(0, 90)
        ),
        max_size=80,
    )
)
def test_nobody_is_held_for_longer_than_60_seconds_and_probes_are_apart(
    steps: list[tuple[int, Outcome | None, int]],
) -> None:
    """Calls begin where they may, and end after a while, or never report (None)."""
    circuits, now = Circuits(), NOW
    under_way: list[tuple[float, float, Outcome]] = []
    probe: float | None = None
    for pause, outcome, takes in steps:
        now += pause
        for ends, began, how in sorted(each for each in under_way if each[0] <= now):
            circuits.ended(SHOP, how, began, ends)
            if how not in NOT_WELL:
                probe = None
        under_way = [each for each in under_way if each[0] > now]
        held = circuits.held_until(SHOP, now)
        assert (circuits.held_until(SHOP, now) is None) is (held is None)
        assert held is None or now < held <= now + OPEN_FOR
        if held is not None:
            continue
        if circuits.next_is_probe(SHOP):
            assert probe is None or now - probe >= OPEN_FOR
            probe = now
        circuits.begun(SHOP, now)
        if outcome is not None:
            under_way.append((now + takes, now, outcome))


def test_what_is_held_and_what_may_be_tried_once_is_told_of_all() -> None:
    circuits = Circuits()
    other = "https://other.example:443"
    for endpoint, begin in ((SHOP, NOW), (other, NOW + 30)):
        for _ in range(FAILURES):
            circuits.ended(endpoint, "TimedOut", begin, begin)
    assert circuits.held(NOW + 59) == ({SHOP: NOW + 60, other: NOW + 90}, frozenset())
    assert circuits.held(NOW + 60) == ({other: NOW + 90}, frozenset({SHOP}))
    circuits.begun(SHOP, NOW + 60)
    assert circuits.held(NOW + 61) == ({SHOP: NOW + 120, other: NOW + 90}, frozenset())
