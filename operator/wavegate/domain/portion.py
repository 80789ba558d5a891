"""Portion: how many claims one pass hands over.

To work out more than can be written before the next pass is for nothing, and takes the longer the
more nodes wait. A claim that cannot be written now does not count, so that none keeps the others
waiting: its node is occupied, or its step is under way or waits after a failure.

| nodes that are to be claimed, in order | of a portion of 2, handed over |
| --- | --- |
| a, b, c | a, b |
| a waits after a failure, b, c, d | a, b, c |
| a is under way, b, c, d | a, b, c |
| a pod of another claim is on a, b, c, d | a, b, c |
| a, b | a, b |
"""

from __future__ import annotations

from typing import Final

from wavegate.domain.fleet import Fleet

SIZE: Final = 128
"""Claims: twice as many as are written at a time, and a pass follows on each that was."""


class Portion:
    """What is left of a pass's portion."""

    def __init__(self, fleet: Fleet, size: int = SIZE) -> None:
        self._fleet = fleet
        self._left = size

    def admits(self, node: str) -> bool:
        """Whether the node's claim is handed over too; it counts, if it can be written."""
        if self._left <= 0:
            return False
        observed, key = self._fleet.observed, f"node/{node}"
        if key not in observed.busy and key not in observed.delayed:
            chain = self._fleet.chains.get(node)
            self._left -= chain is None or not chain.foreign_pods
        return True
