"""Each reason that the operator gives has a way out, which names the job's own commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wavegate.api.conditions import Reasons
from wavegate.cli.main import COMMANDS
from wavegate.cli.ways_out import WAYS_OUT
from wavegate.domain import conditions

OF_EXECUTIONS = {
    Reasons.DEADLINE_EXCEEDED,
    Reasons.ERROR_RATE_EXCEEDED,
    Reasons.UNHEALTHY,
    Reasons.EXITED,
    Reasons.EXECUTION_TIMEOUT,
    Reasons.NOT_RUNNING,
    Reasons.WITHDRAWN,
}
"""Told with the execution's state, which has its own way out."""

REASONS = {value for key, value in vars(Reasons).items() if key.isupper()} - OF_EXECUTIONS

_GIVEN = re.compile(
    r'\b(?:State|Outlook|Answer)\("[A-Za-z]*", "([A-Z][A-Za-z]+)"|_refused\(\s*"(\w+)"'
)


def given() -> set[str]:
    """Reasons that the rules spell out where they give them."""
    folder = Path(conditions.__file__).parent
    texts = [path.read_text() for path in folder.glob("*.py")]
    return {one or two for text in texts for one, two in _GIVEN.findall(text)}


def test_the_rules_give_reasons_where_they_are_looked_for() -> None:
    assert {"CanaryFailed", "AwaitingPromotion", "RolloutOpen", "Stranger"} <= given()


@pytest.mark.parametrize("reason", sorted(REASONS | given()))
def test_each_reason_has_a_way_out(reason: str) -> None:
    way = WAYS_OUT[reason]
    assert way.who
    assert way.then


def test_each_command_that_is_named_exists() -> None:
    named = {
        command
        for way in WAYS_OUT.values()
        for text in way.how
        for command in re.findall(r"wavegate ([a-z]+) ", text)
    }
    assert {"promote", "restart"} <= named
    assert named <= COMMANDS.keys()
