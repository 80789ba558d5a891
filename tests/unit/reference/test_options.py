"""The page of options says what the command line parser does."""

from __future__ import annotations

import argparse

import pytest

from wavegate.reference.options import help_and_default, options_page
from wavegate.settings import command_line, environment_name, parse_settings

PARSER = command_line()
OPTIONS = [each for each in PARSER._actions if each.dest != "help"]

each_option = pytest.mark.parametrize("option", OPTIONS, ids=lambda each: each.dest)


@each_option
def test_every_option_is_on_the_page_with_its_variable(option: argparse.Action) -> None:
    [line] = [
        line for line in options_page().splitlines() if f"`{environment_name(option)}` |" in line
    ]
    assert all(f"`{name}" in line for name in option.option_strings)
    assert help_and_default(PARSER, option)[0] in line


@each_option
def test_the_default_that_is_told_is_the_one_that_is_used(option: argparse.Action) -> None:
    _, told = help_and_default(PARSER, option)
    if option.dest == "identity":
        assert told == "host name and a random part"
        return
    if not option.default:
        assert told in ("", "none") or " " in told, "what happens then, not a value"
        return
    assert told
    assert (
        vars(PARSER.parse_args([option.option_strings[-1], told]))[option.dest]
        == vars(PARSER.parse_args([]))[option.dest]
    )


def test_the_variable_that_is_told_is_the_one_that_is_read() -> None:
    told = {environment_name(each): each for each in OPTIONS}
    assert parse_settings([], {"WAVEGATE_LOST_AFTER": "2h"}).lost_after == 7200
    assert told["WAVEGATE_LOST_AFTER"].dest == "lost_after"
