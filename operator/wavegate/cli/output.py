"""What is printed: data on stdout, words on stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import click
import yaml

NARROWEST: Final = 40


def say(text: str) -> None:
    """Words for people."""
    click.echo(text, err=True)


def print_document(document: Any, output: str) -> None:
    """A document as ``json`` or ``yaml``."""
    if output == "json":
        click.echo(json.dumps(document, indent=2))
        return

    click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


def document_of(record: Any) -> dict[str, Any]:
    """A dataclass for programs: its fields under their names in lowerCamelCase."""
    return {
        re.sub("_(.)", lambda found: found[1].upper(), name): value
        for name, value in asdict(record).items()
    }


def width() -> int | None:
    """Columns of the terminal; None where stdout is none, and nothing is to be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def is_plain() -> bool:
    """Whether stdout gets no colour and nothing that moves."""
    return not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None) -> str:
    """Aligned columns as kubectl prints them; the last one is cut at ``columns``."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append(_cut("   ".join([*cells, row[-1]]).rstrip(), columns))
    return "\n".join(lines)


def _cut(line: str, columns: int | None) -> str:
    if columns is None or len(line) <= max(columns, NARROWEST):
        return line
    return f"{line[: max(columns, NARROWEST) - 1]}…"


def wrapped(text: str, columns: int | None, indent: int) -> str:
    """Text with its further lines indented; unchanged where nothing is to be cut."""
    if columns is None:
        return text

    room = max(NARROWEST, columns - indent)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return f"\n{' ' * indent}".join(lines)


def ago(seconds: float) -> str:
    """A time span as kubectl writes an age: ``34s``, ``5m``, ``3h``, ``2d``."""
    whole = max(0, int(seconds))
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172800)):
        if whole < until:
            return f"{whole // size}{unit}"
    return f"{whole // 86400}d"
