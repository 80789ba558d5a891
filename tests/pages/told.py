"""What commands print on the pages that go by symptom, from stories that the whole operator plays.

Between ``<!-- told: STORY -->`` and ``<!-- end of told -->`` stand commands, each after ``$ ``, and
what they print where the story of that name (``tests/unit/cli/stories.py``) has come to rest. Time
is virtual and chance is not there, so that each run prints the same to the last second.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sim.world import spec
from support.told import Played, Story, play
from unit.cli import stories

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "operations" / "troubleshooting.md",)
BLOCK = re.compile(
    r"(?P<head><!-- told: (?P<story>\w+) -->\n)(?P<body>.*?)(?P<tail><!-- end of told -->)",
    re.DOTALL,
)
COMMAND = re.compile(r"^\$ wavegate (.+)$", re.MULTILINE)
COLUMNS = 80


def after(name: str, patch: pytest.MonkeyPatch) -> Played:
    """The cluster after a story. KeyError: there is none of the name."""
    if name == "no_operator":
        # A change is applied, and for a minute nobody renews the Lease.
        played = play(stories.awaits_promotion, patch)
        played.apply("app", spec("app:3"))
        played.now += 60
        return played
    found: Story = vars(stories)[name]
    return play(found, patch)


def told(name: str, commands: list[str], patch: pytest.MonkeyPatch) -> str:
    """The commands with what they print after the story, as on a terminal of 80 columns."""
    patch.setattr("wavegate.cli.commands.why.width", lambda: COLUMNS)
    played = after(name, patch)
    parts = []
    for command in commands:
        done = played(*shlex.split(command))
        assert done.code == 0, done.err
        lines = [line.rstrip() for line in f"{done.err}{done.out}".splitlines()]
        parts.append("\n".join([f"$ wavegate {command}", *lines]))
    return "\n\n".join(parts)


def written(page: str, patch: pytest.MonkeyPatch) -> str:
    """The page with what the stories tell."""

    def block(found: re.Match[str]) -> str:
        commands = COMMAND.findall(found["body"])
        assert commands, f"{found['story']} has no command"
        text = told(found["story"], commands, patch)
        return f"{found['head']}```text\n{text}\n```\n{found['tail']}"

    return BLOCK.sub(block, page)
