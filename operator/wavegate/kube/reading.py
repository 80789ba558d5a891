"""From the bytes of an answer to a document, however deeply it is nested.

The fast parser gives up at 200 levels, where the server takes 10,000: without more, one object
would keep all others of its kind from being read. What the fast one refuses the standard one reads,
and what is too deep to be worked with is cut (see `api.nesting`).
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from pydantic_core import from_json

from wavegate.api.nesting import SERVED, cut

_TOO_DEEP: Final = "recursion limit"
"""In what the fast parser says of a document that is not just malformed."""

_CALLS: Final = 4
"""For each level of a document: kopf copies it by two functions that call each other, and a bit."""


def admit_deep_documents() -> None:
    """Let this process read what the server may send; kopf, too, reads with the standard parser.

    What is written in C takes some 120 bytes of stack a level, of the 8 MiB that a process has, and
    is given no document of more levels than the server takes. From Python 3.12 on the interpreter
    has a limit of its own for it, at 1,500 (3.12) or 10,000 levels (3.13).
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), SERVED * _CALLS))


def read_document(raw: bytes) -> Any:
    """What the bytes mean, no more than `nesting.KEPT` levels of it.

    Raises ValueError where they are not JSON, or where this process cannot read that deeply.
    """
    try:
        return from_json(raw)
    except ValueError as error:
        if _TOO_DEEP not in str(error):
            raise
    document = _read_slowly(raw)
    cut(document)
    return document


def _read_slowly(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
