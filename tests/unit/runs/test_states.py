"""Phases: which may follow which, and which end a run."""

from __future__ import annotations

from wavegate.api.jobrun import UNENDED
from wavegate.runs.states import TERMINAL, TRANSITIONS, may_follow


def test_each_phase_ends_a_run_or_is_one_in_which_it_can_be_canceled() -> None:
    assert set(UNENDED) == TRANSITIONS.keys() - TERMINAL
    assert all(may_follow(phase, "Canceled") for phase in UNENDED)


def test_what_has_ended_stays_as_it_is() -> None:
    for phase in TERMINAL:
        assert [each for each in TRANSITIONS if may_follow(phase, each)] == [phase]
