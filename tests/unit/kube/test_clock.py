"""The API server's time, whatever this machine's clock says."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from wavegate.kube.clock import LARGEST, ServerClock

SERVER = 1_700_000_000.0


class Machine:
    def __init__(self, ahead: float) -> None:
        self.ahead = ahead
        self.steady = 100.0
        self.clock = ServerClock(lambda: self.server + self.ahead, lambda: self.steady)

    @property
    def server(self) -> float:
        return SERVER + self.steady - 100.0

    def hear(self, late: float = 0.0) -> None:
        self.clock.heard(formatdate(self.server - late, usegmt=True))


@pytest.mark.parametrize("ahead", [0.0, 300.0, -3600.0])
def test_the_machine_s_own_clock_counts_only_until_the_server_was_heard(ahead: float):
    machine = Machine(ahead)
    assert machine.clock.now() == SERVER + ahead
    machine.hear()
    machine.steady += 42.5
    assert machine.clock.now() == SERVER + 42.5
    machine.ahead += 1000
    assert machine.clock.now() == SERVER + 42.5


def test_whole_seconds_and_late_answers_do_not_put_it_back():
    machine = Machine(0.0)
    for _ in range(40):
        machine.steady += 0.3
        machine.hear(late=0.2)
    assert machine.server - 0.7 <= machine.clock.now() <= machine.server
    before = machine.clock.now()
    machine.hear(late=LARGEST - 1)
    assert machine.clock.now() == before


def test_a_server_whose_clock_was_set_is_followed():
    for jump in (3600.0, -3600.0):
        machine = Machine(0.0)
        machine.hear()
        machine.clock.heard(formatdate(SERVER + jump, usegmt=True))
        assert machine.clock.now() == SERVER + jump


@pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Nov 2023 22:13:20 GMT"])
def test_what_is_no_date_says_nothing(date: str | None):
    machine = Machine(7.0)
    machine.clock.heard(date)
    assert machine.clock.now() == SERVER + 7
