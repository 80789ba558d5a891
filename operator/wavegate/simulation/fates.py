"""What a kubelet does with a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fate:
    """Times in seconds since the pod was made."""

    ready_after: float | None = 1.0
    """None: it never becomes ready."""
    exits_after: float | None = None
    """The pod's container ends with exit code 1."""
    completes_after: float | None = None
    """The pod ends with exit code 0."""
    error_rate: float = 0.0
    readable: bool = True
    page: str | None = None
    """What it serves in place of its counters."""
    stops: bool = True
    """False: it stays as it is when it is deleted."""
    takes_node_down: bool = False
    """Instead of becoming ready it makes its node NotReady."""


FINE: Final = Fate()
NEVER_READY: Final = Fate(ready_after=None)
CRASHES: Final = Fate(ready_after=None, exits_after=1.0)
ERRS: Final = Fate(error_rate=0.5)
UNREADABLE: Final = Fate(readable=False)
HANGS: Final = Fate(stops=False)
TAKES_NODE_DOWN: Final = Fate(takes_node_down=True)
COMPLETES: Final = Fate(completes_after=3.0)
RUNS_ON: Final = Fate(completes_after=1e9)
"""For a command that should end: it never does."""
