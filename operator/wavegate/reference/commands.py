"""The page of the command line, from its own commands."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.errors import EXIT_CODES
from wavegate.cli.main import COMMANDS, cli
from wavegate.reference.markdown import page, table

_COMMON: Final = ("namespace", "context", "kubeconfig", "impersonated")
"""Options that all commands have; told once."""

_HEAD: Final = (
    "`wavegate`, and `kubectl wavegate` where it is on the PATH. Flags are kubectl's and mean the"
    " same. What was asked for goes to stdout, words for people to stderr. Without a terminal, or"
    " with `NO_COLOR`, there is no colour and nothing that moves."
)
_INSTALL: Final = "How it is installed, and what it prints: [the command line](../cli.md)."
_JSON: Final = (
    "What `-o json` and `-o yaml` print has the same keys in each release, of which later ones may"
    " have more; times are RFC 3339, empty where there is none, and versions are 0 where there is"
    " none."
)


def commands_page() -> str:
    """The whole page, ending with a newline."""
    context = cli.make_context("wavegate", [], resilient_parsing=True)
    common = [each for each in cli.get_params(context) if each.name in _COMMON]
    blocks = [
        "# Command line",
        _HEAD,
        _INSTALL,
        table(
            ("command", "what it does"),
            [(f"[{name}](#{name})", line) for name, (_, line) in COMMANDS.items()],
        ),
        "## Exit codes",
        table(("code", "says"), [(str(code), words) for code, words in EXIT_CODES.items()]),
        "## Options of all commands",
        "Before the command or behind it.",
        _options(context, common),
        "## Output for programs",
        _JSON,
    ]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        blocks += _command(click.Context(command, info_name=name, parent=context), command, name)
    return page(*blocks)


def _command(context: click.Context, command: click.Command, name: str) -> list[str]:
    """A command under its whole name, and those that stand under it."""
    usage = " ".join(["wavegate", name, *command.collect_usage_pieces(context)])
    paragraphs = [" ".join(each.split()) for each in (command.help or "").split("\n\n")]
    options = [
        each
        for each in command.get_params(context)
        if isinstance(each, click.Option) and each.name not in _COMMON and "--help" not in each.opts
    ]
    blocks = [f"## {name}", f"```text\n{usage}\n```", *paragraphs]
    blocks += [_options(context, options)] if options else []
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            under = click.Context(each, info_name=inner, parent=context)
            blocks += _command(under, each, f"{name} {inner}")
    return blocks


def _options(context: click.Context, options: list[click.Parameter] | list[click.Option]) -> str:
    rows = []
    for each in options:
        record = each.get_help_record(context)
        assert record is not None
        names, words = record
        rows.append((f"`{names}`", words))
    return table(("option", "what it does"), rows)
