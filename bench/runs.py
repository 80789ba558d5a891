"""One run as it is stored: the comparison of all contenders, then the scenarios.

Each on a cluster of its own: for the scenarios the API server keeps an audit log, which the
contenders are spared. What is done is stored at once, so that a run that breaks keeps what it has.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine, scenarios, store
from bench.blocks import BLOCKS, Block, order, play
from bench.contenders import DaemonSet
from bench.lab import SHIPPED, Lab, Progress

COMPARISON: Final = "comparison"
"""A part of a run, beside the names of scenarios."""

MOST_SHIPPED_DAEMONS: Final = 1000
"""With more nodes a DaemonSet as shipped is left out: it takes minutes, and tells nothing new."""


@dataclass
class Run:
    """The next run in ``place``; its methods give it as it is stored by then."""

    nodes: int
    seed: int
    place: Path
    say: Progress

    def __post_init__(self) -> None:
        self._record: store.Record = {
            "run": store.number(self.place),
            "seed": self.seed,
            "nodes": self.nodes,
            "versions": machine.versions(),
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": [],
            "scenarios": [],
        }

    async def play(self, parts: Collection[str], limits: str | None) -> store.Record:
        """These parts; the comparison with these limits only, where given."""
        blocks = [
            (its, kind)
            for its, kind in BLOCKS
            if limits in (None, its)
            and not (its == SHIPPED and kind is DaemonSet and self.nodes > MOST_SHIPPED_DAEMONS)
        ]
        if COMPARISON in parts:
            await self.compare(blocks)
        if names := [name for name in scenarios.SCENARIOS if name in parts]:
            await self._happen(names)
        return self._record

    async def compare(self, blocks: Sequence[Block]) -> store.Record:
        """These blocks, in an order that the seed decides."""
        number = self._record["run"]
        async with Lab.open(self.nodes, self.place, self.say) as lab:
            for limits, kind in order(blocks, self.seed, number):
                self._record["rows"] += await play(lab, self.nodes, limits, kind, f"run {number}")
        store.save(self.place, self._record, self.say)
        return self._record

    async def _happen(self, names: Sequence[str]) -> None:
        async with Lab.open(self.nodes, self.place, self.say, audit=True) as lab:
            for name in names:
                self._record["scenarios"].append(await scenarios.play(lab, self.nodes, name))
                store.save(self.place, self._record, self.say)
