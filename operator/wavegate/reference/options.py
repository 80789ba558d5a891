"""The page of the operator's options, from its own command line parser."""

from __future__ import annotations

import argparse
import re
from typing import Final

from wavegate.reference.markdown import page, table
from wavegate.settings import ENVIRONMENT_PREFIX, command_line, environment_name

_DEFAULT: Final = re.compile(r"\s*\(default: (.*)\)$", re.DOTALL)


def options_page() -> str:
    """The whole page, ending with a newline."""
    parser = command_line()
    blocks = ["# Options of the operator", str(parser.description).replace("\n", " ").strip()]
    blocks += [text.replace("\n", " ") for text in str(parser.epilog).strip().split("\n\n")]
    for group in parser._action_groups:
        options = [each for each in group._group_actions if each.dest != "help"]
        if options:
            rows = [_row(parser, each) for each in options]
            head = ("option", "environment", "default", "what it does")
            blocks += [f"## {str(group.title).capitalize()}", table(head, rows)]
    blocks.append(_BOOLEANS)
    return page(*blocks)


_BOOLEANS: Final = f"`{ENVIRONMENT_PREFIX}VERBOSE` is on for `1`, `true` or `yes`."


def help_and_default(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    """The option's words without the default, and the default that they tell; empty: none."""
    text = parser._get_formatter()._expand_help(action)
    told = _DEFAULT.search(text)
    return _DEFAULT.sub("", text), told[1] if told else ""


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str, str, str]:
    words, default = help_and_default(parser, action)
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    taken = f" {action.metavar}" if action.metavar else ""
    if action.choices:
        taken = " " + " or ".join(str(each) for each in action.choices)
    option = names[:-1] + f"{taken}`"
    return option, f"`{environment_name(action)}`", default, words
