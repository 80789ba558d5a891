"""Windows: what makes one good, bad or unreadable, and what a row of them says of a pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wavegate.domain.health import (
    Criteria,
    HealthRecord,
    PodState,
    Reading,
    Unreadable,
    Window,
    begin,
    close_window,
    rate,
)

pytestmark = pytest.mark.row("Windows")

CRITERIA = Criteria(
    interval=10.0,
    max_error_rate=0.10,
    success_threshold=2,
    failure_threshold=3,
    min_healthy_time=None,
    reads_counters=True,
)
WELL = PodState(ready=True, ready_changed=0.0, restarts=0)
NOBODY = Unreadable("http://10.0.0.1:80/metrics", "timed out")
GOOD, BAD, UNREAD = 0.0, 0.5, None


def record_after(
    *shares: float | None, criteria: Criteria = CRITERIA, pod: PodState = WELL
) -> HealthRecord:
    """The record after windows of 100 events with these error shares; None: not readable."""
    record = begin("uid", pod, Reading(0, 0), 100.0)
    errors = total = 0.0
    now = 100.0
    for share in shares:
        now += criteria.interval
        total += 100
        errors += 100 * (share or 0.0)
        reading = NOBODY if share is None else Reading(errors, total)
        record = close_window(record, criteria, pod, reading, now)
    return record


@pytest.mark.parametrize(
    ("base", "end", "expected"),
    [
        pytest.param((5, 100), (5, 200), (0, 100), id="no new errors"),
        pytest.param((90, 900), (3, 10), (3, 10), id="a restarted process counts from 0"),
        pytest.param((5, 10), (4, 500), (4, 500), id="errors alone went backwards"),
        pytest.param((5, 10), (6, 9), (6, 9), id="the total alone went backwards"),
        pytest.param((5, 10), (5, 10), (0, 0), id="no traffic"),
        pytest.param((0.5, 1.0), (1.0, 2.5), (0.5, 1.5), id="fractions"),
    ],
)
def test_the_rate_within_a_window(
    base: tuple[float, float], end: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert rate(Reading(*base), Reading(*end)) == expected


@pytest.mark.parametrize(
    ("pod", "base", "end", "verdict", "says"),
    [
        pytest.param(
            WELL, Reading(0, 0), Reading(10, 100), Window.GOOD, "10.0%", id="at the limit"
        ),
        pytest.param(
            WELL, Reading(0, 0), Reading(11, 100), Window.BAD, "11.0%", id="above the limit"
        ),
        pytest.param(WELL, Reading(7, 9), Reading(7, 9), Window.GOOD, "no traffic", id="idle"),
        pytest.param(
            replace(WELL, restarts=1), Reading(0, 0), Reading(0, 9), Window.BAD, "1 time", id="died"
        ),
        pytest.param(
            replace(WELL, ready=False),
            Reading(0, 0),
            Reading(0, 9),
            Window.BAD,
            "ready",
            id="unready",
        ),
        pytest.param(
            replace(WELL, ready_changed=105.0),
            Reading(0, 0),
            Reading(0, 9),
            Window.BAD,
            "ready",
            id="unready for a moment within it",
        ),
        pytest.param(WELL, NOBODY, Reading(0, 9), Window.UNREADABLE, "timed out", id="its begin"),
        pytest.param(WELL, Reading(0, 9), NOBODY, Window.UNREADABLE, "timed out", id="its end"),
        pytest.param(WELL, None, Reading(0, 9), Window.UNREADABLE, "no reading", id="none made"),
        pytest.param(
            replace(WELL, restarts=2), NOBODY, NOBODY, Window.BAD, "restarted", id="pod comes first"
        ),
    ],
)
def test_the_verdict_on_one_window(
    pod: PodState,
    base: Reading | Unreadable | None,
    end: Reading | Unreadable | None,
    verdict: Window,
    says: str,
) -> None:
    record = begin("uid", WELL, base, 100.0)
    closed = close_window(record, CRITERIA, pod, end, 110.0)
    assert closed.last is not None
    assert closed.last.verdict is verdict
    assert says in closed.last.why


def test_a_node_whose_clock_is_wrong_is_judged_alike() -> None:
    ahead = replace(WELL, ready_changed=9_999.0)
    record = begin("uid", ahead, Reading(0, 0), 100.0)
    assert close_window(record, CRITERIA, ahead, Reading(0, 9), 110.0).good == 1
    blinked = replace(ahead, ready_changed=9_000.0)
    assert close_window(record, CRITERIA, blinked, Reading(0, 9), 110.0).bad == 1


def test_a_restart_counts_in_the_window_in_which_it_happened_only() -> None:
    died = replace(WELL, restarts=1)
    first = close_window(
        begin("uid", WELL, Reading(0, 0), 100.0), CRITERIA, died, Reading(0, 9), 110.0
    )
    second = close_window(first, CRITERIA, died, Reading(0, 19), 120.0)
    assert second.last is not None
    assert (first.bad, second.last.verdict) == (1, Window.GOOD)


@pytest.mark.parametrize(
    ("shares", "healthy", "unhealthy"),
    [
        pytest.param([], False, False, id="nothing is decided on nothing"),
        pytest.param([GOOD], False, False, id="one good window is too few"),
        pytest.param([GOOD, GOOD], True, False, id="two in a row are enough"),
        pytest.param([GOOD, BAD, GOOD], False, False, id="a bad one breaks the row"),
        pytest.param([BAD, BAD], False, False, id="two bad ones are too few"),
        pytest.param([BAD, BAD, BAD], False, True, id="three bad ones in a row fail it"),
        pytest.param([BAD, BAD, GOOD, BAD], False, False, id="a good one breaks the row of bad"),
        pytest.param([BAD, BAD, UNREAD, UNREAD, BAD], False, True, id="unreadable resets no bad"),
        pytest.param([GOOD, UNREAD, UNREAD, GOOD], True, False, id="unreadable resets no good"),
        pytest.param([UNREAD] * 9, False, False, id="unreadable alone is neither"),
    ],
)
def test_a_row_of_windows_decides(
    shares: list[float | None], healthy: bool, unhealthy: bool
) -> None:
    record = record_after(*shares)
    if shares and shares[-2:] == [UNREAD, GOOD]:
        # the window after an unreadable reading has no begin either; one more shows the row
        record = record_after(*shares, GOOD)
    if shares and shares[-2:] == [UNREAD, BAD]:
        record = record_after(*shares, BAD)
    assert (record.healthy, record.unhealthy) == (healthy, unhealthy)


LASTING = replace(CRITERIA, success_threshold=None, min_healthy_time=25.0)


@pytest.mark.parametrize(
    ("shares", "healthy"),
    [
        pytest.param([GOOD, GOOD], False, id="20 s are too few"),
        pytest.param([GOOD, GOOD, GOOD], True, id="30 s are enough"),
        pytest.param([GOOD, GOOD, BAD, GOOD, GOOD], False, id="it must be unbroken"),
        pytest.param([BAD, GOOD, GOOD, GOOD], True, id="it counts from the last bad one"),
    ],
)
def test_min_healthy_time_asks_for_unbroken_good_time(
    shares: list[float | None], healthy: bool
) -> None:
    assert record_after(*shares, criteria=LASTING).healthy is healthy


@pytest.mark.parametrize(
    ("criteria", "seconds"),
    [(CRITERIA, 20.0), (LASTING, 25.0), (replace(LASTING, min_healthy_time=3.0), 10.0)],
)
def test_the_shortest_way_to_a_healthy_verdict(criteria: Criteria, seconds: float) -> None:
    assert criteria.shortest == seconds


def test_without_counters_readiness_and_restarts_decide() -> None:
    plain = replace(CRITERIA, reads_counters=False)
    record = close_window(begin("uid", WELL, None, 100.0), plain, WELL, None, 110.0)
    assert record.good == 1
    ill = close_window(record, plain, replace(WELL, ready=False), None, 120.0)
    assert (ill.good, ill.bad) == (0, 1)


def test_since_when_it_can_be_read_is_remembered() -> None:
    assert record_after(GOOD).readable_since == 100.0
    assert record_after(GOOD, UNREAD).readable_since is None
    assert record_after(UNREAD, GOOD, GOOD).readable_since == 120.0


def test_the_numbers_of_a_window_are_kept() -> None:
    last: Any = record_after(0.5).last
    assert (last.errors, last.total, last.rate) == (50, 100, 0.5)
    idle = record_after().last
    assert idle is None
