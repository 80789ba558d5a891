"""Slow start: how many creates of a group may be under way."""

from __future__ import annotations

from wavegate.engine.slowstart import FORGET_AFTER, SlowStart


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def fill(start: SlowStart, group: str = "edge/1") -> int:
    """Start as many as may; their number."""
    count = 0
    while start.free(group):
        start.start(group)
        count += 1
    return count


def test_the_number_doubles_with_each_round_that_succeeds():
    start = SlowStart(Clock())
    rounds = []
    for _ in range(5):
        rounds.append(fill(start))
        for _ in range(rounds[-1]):
            start.succeeded("edge/1")
    assert rounds == [1, 2, 4, 8, 16]


def test_a_failure_begins_again_with_one():
    start = SlowStart(Clock())
    for _ in range(3):
        for _ in range(fill(start)):
            start.succeeded("edge/1")
    count = fill(start)
    assert count == 8
    for _ in range(count):
        start.failed("edge/1")
    assert fill(start) == 1


def test_one_that_was_not_decided_changes_nothing():
    start = SlowStart(Clock())
    fill(start)
    start.succeeded("edge/1")
    for _ in range(fill(start)):
        start.dropped("edge/1")
    assert fill(start) == 2


def test_groups_do_not_know_of_each_other():
    start = SlowStart(Clock())
    fill(start)
    assert not start.free("edge/1")
    assert start.free("edge/2")


def test_a_group_that_was_quiet_for_long_begins_again_with_one():
    clock = Clock()
    start = SlowStart(clock)
    fill(start)
    start.succeeded("edge/1")
    clock.time = FORGET_AFTER + 1
    assert fill(start) == 1


def test_a_group_with_something_under_way_is_not_forgotten():
    clock = Clock()
    start = SlowStart(clock)
    fill(start)
    clock.time = FORGET_AFTER + 1
    assert not start.free("edge/1")
