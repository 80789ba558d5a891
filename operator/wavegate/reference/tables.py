"""The worked examples of a rule: the table in its module's docstring."""

from __future__ import annotations

import inspect
from itertools import dropwhile, takewhile
from types import ModuleType


def docstring_table(module: ModuleType) -> list[list[str]]:
    """Cells of the first table in a module's docstring, its head first. ValueError: no table."""
    lines = (inspect.getdoc(module) or "").splitlines()
    rows = list(
        takewhile(
            lambda line: line.startswith("|"),
            dropwhile(lambda line: not line.startswith("|"), lines),
        )
    )
    if not rows:
        raise ValueError(f"{module.__name__} has no table in its docstring")
    head, _, *rest = ([cell.strip() for cell in row.strip()[1:-1].split("|")] for row in rows)
    return [head, *rest]
