"""What is searched: how large the world is, and how much goes wrong in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from search.state import Scope

_BROKEN: Final = Scope(crashes=2, writes=1, away=0, verdicts=1, troubles=2)
"""Two of: a crash, another one, a lost write, a window that is bad or cannot be read."""

_ONE: Final = Scope(crashes=1, writes=1, away=1, verdicts=1, troubles=1)
"""One of all, a lost node among them."""

SCOPES: Final = (
    _BROKEN,
    _ONE,
    replace(_BROKEN, strategy="Rolling"),
    replace(_ONE, strategy="Rolling"),
)
"""``make search``."""

SMALL: Final = (
    Scope(nodes=2, crashes=2, writes=0, away=0, verdicts=0, troubles=2),
    Scope("Rolling", crashes=0, writes=0, away=0, verdicts=1, troubles=1),
)
"""``make unit``."""
