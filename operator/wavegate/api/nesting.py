"""How deeply documents are nested, and what becomes of those that go on and on.

The API server takes 10,000 levels, and whoever may write a job can fill with them what its CRD
keeps as it is: a config, a template. Nearly everything that reads such a document calls itself once
for each level. So a spec of more than 100 levels is refused, and of what is read from the server
no more than 150 are kept: enough to see that there are too many.

>>> nested_beyond({"a": {"b": [1]}}, 3), nested_beyond({"a": {"b": [1]}}, 2)
(False, True)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

SERVED: Final = 10_000
"""Levels of a document that the API server takes."""

KEPT: Final = 150
"""Levels of a whole answer that are kept, of a list of objects for one."""

MOST: Final = 100
"""Levels of a spec that is understood."""


def levels(document: Any) -> Iterator[list[Any]]:
    """The values of a document, those within an object or a list after it."""
    level = [document]
    while level:
        yield level
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]


def nested_beyond(document: Any, most: int) -> bool:
    """Whether objects and lists are within each other more than so many times."""
    return next(_deeper(document, most), None) is not None


def cut(document: Any, most: int = KEPT) -> bool:
    """Empty, in place, what is nested beyond so many levels; whether anything was."""
    found = list(_deeper(document, most))
    for each in found:
        each.clear()
    return bool(found)


def _deeper(document: Any, most: int) -> Iterator[Any]:
    """Those objects and lists on the first level beyond ``most`` that there is."""
    for number, level in enumerate(levels(document)):
        if number == most:
            yield from (each for each in level if isinstance(each, dict | list))
            return
