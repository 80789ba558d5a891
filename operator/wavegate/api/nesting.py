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
from itertools import accumulate, chain, islice
from typing import Any, Final

SERVED: Final = 10_000
"""Levels of a document that the API server takes."""

KEPT: Final = 150
"""Levels of a whole answer that are kept, of a list of objects for one."""

MOST: Final = 100
"""Levels of a spec that is understood."""

_WITH_LEVELS: Final = frozenset({dict, list})


def nested_beyond(document: Any, most: int) -> bool:
    """Whether objects and lists are within each other more than so many times."""
    return bool(_level(document, most))


def cut(document: Any, most: int = KEPT) -> bool:
    """Empty, in place, what is nested beyond so many levels; whether anything was."""
    found = _level(document, most)
    for each in found:
        each.clear()
    return bool(found)


def holds_more(document: Any, most: int) -> bool:
    """Whether it has more values than so many, itself left out; looks no further than it must."""
    return any(number > most for number in accumulate(map(_size, levels_of(document))))


def _size(level: list[Any]) -> int:
    return sum(map(len, level))


def _level(document: Any, number: int) -> list[Any]:
    """The objects and lists that are within so many others."""
    return next(islice(levels_of(document), number, None), [])


def levels_of(document: Any) -> Iterator[list[Any]]:
    """The objects and lists of a document, those within one of them after it."""
    level = [document] if type(document) in _WITH_LEVELS else []
    while level:
        yield level
        # Most lists are flat: to ask for the types alone takes a fifth of the time.
        if _WITH_LEVELS.isdisjoint(map(type, _within(level))):
            return
        level = [inner for inner in _within(level) if type(inner) in _WITH_LEVELS]


def _within(level: list[Any]) -> Iterator[Any]:
    return chain.from_iterable(each.values() if type(each) is dict else each for each in level)
