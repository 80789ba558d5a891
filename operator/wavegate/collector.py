"""The garbage collector, kept from holding the process up.

Nearly all that the process makes is freed by itself; cycles are few. A full collection looks at
everything that is there, though, and nothing else runs meanwhile: while 5,000 pods were judged,
that took up to 0.3 s. So it looks less often, and never at what was imported.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 10, 10)
"""Objects more than were freed before the youngest are looked at; Python's are (700, 10, 10)."""


def look_less_often() -> None:
    """To be called once, when everything is imported and before anything is known."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
