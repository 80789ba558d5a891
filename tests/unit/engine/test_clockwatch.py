"""A wall clock that is put forward or back ends the process."""

from __future__ import annotations

import re

import pytest

from wavegate.engine.clockwatch import LARGEST, ClockJumped, ClockWatch


class Clocks:
    wall = 1_700_000_000.0
    steady = 5.0

    def watch(self) -> ClockWatch:
        return ClockWatch(lambda: self.wall, lambda: self.steady)


def test_time_that_passes_is_no_jump():
    clocks = Clocks()
    watch = clocks.watch()
    for seconds in (0.1, 60, 86400):
        clocks.wall += seconds
        clocks.steady += seconds
        watch.check()


@pytest.mark.parametrize("seconds", [LARGEST + 0.1, -LARGEST - 0.1, 3600, -3600])
def test_a_jump_is_told_with_its_length(seconds: float):
    clocks = Clocks()
    watch = clocks.watch()
    clocks.wall += seconds
    with pytest.raises(ClockJumped, match=re.escape(f"{seconds:+.1f} s")):
        watch.check()


def test_a_clock_that_is_set_right_little_by_little_does_not_jump():
    clocks = Clocks()
    watch = clocks.watch()
    for _ in range(100):
        clocks.wall += 0.5 + LARGEST - 0.1
        clocks.steady += 0.5
        watch.check()
