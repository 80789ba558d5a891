"""The worked examples of a rule: the tables in its module's docstring."""

from __future__ import annotations

import inspect
from itertools import groupby
from types import ModuleType


def docstring_table(module: ModuleType, number: int = 1) -> list[list[str]]:
    """Cells of a table in a module's docstring, its head first; they count from 1.

    ValueError: no such table.
    """
    lines = (inspect.getdoc(module) or "").splitlines()
    blocks = groupby(lines, lambda line: line.startswith("|"))
    tables = [list(rows) for is_table, rows in blocks if is_table]
    if number > len(tables):
        raise ValueError(f"{module.__name__} has {len(tables)} tables in its docstring")
    rows = ([cell.strip() for cell in row.strip()[1:-1].split("|")] for row in tables[number - 1])
    head, _, *rest = rows
    return [head, *rest]
