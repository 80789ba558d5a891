"""A part of a campaign, chosen by a seed and by what each thing is as text.

So the choice is the same in each run, and none depends on which others there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def digest(text: str) -> int:
    """The same number in each run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def sample(things: Iterable[T], share: int, seed: int) -> Iterator[T]:
    """One of ``share``."""
    return (each for each in things if digest(f"{seed} {each}") % share == 0)
