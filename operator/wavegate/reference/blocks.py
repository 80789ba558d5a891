"""The generated blocks of a page that people write: diagrams, and tables of worked examples.

Between ``<!-- generated: diagram NAME -->`` or ``<!-- generated: table RULE -->`` and
``<!-- end of generated -->`` stands what the code says; RULE is the name of a module of the rules,
``budget`` for one of ``domain``, else as ``runs.retry``, and the number of the table if not 1.
"""

from __future__ import annotations

import importlib
import re
from typing import Final

from wavegate.reference.diagrams import DIAGRAMS
from wavegate.reference.markdown import table
from wavegate.reference.tables import docstring_table

_BLOCK: Final = re.compile(
    r"(<!-- generated: (?P<kind>diagram|table) (?P<name>[\w.]+)(?: (?P<number>\d))? -->\n)"
    r".*?(<!-- end of generated -->)",
    re.DOTALL,
)


def with_blocks(text: str) -> str:
    """The page with every generated block as the code has it now. KeyError: no such diagram."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{_content(found)}\n\n{found[5]}", text)


def _content(found: re.Match[str]) -> str:
    if found["kind"] == "diagram":
        return f"```mermaid\n{DIAGRAMS[found['name']]()}\n```"
    name = found["name"] if "." in found["name"] else f"domain.{found['name']}"
    module = importlib.import_module(f"wavegate.{name}")
    head, *rows = docstring_table(module, int(found["number"] or 1))
    return table(head, rows)
