"""``make bench-growth``: how time, processor and memory grow with a job's nodes, and with jobs.

By nodes: one FleetJob, its acts, at raised limits. By jobs: so many of NODES_PER_JOB nodes each,
changed at once, at raised limits. Each size has a cluster of its own and a file of its own, so that
what was interrupted goes on; sizes measured for the same code are not measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import machine, store
from bench.blocks import play
from bench.contenders import FleetJob
from bench.fit import MOST, fit
from bench.lab import RAISED, Lab, Progress
from bench.report import table
from bench.scenarios.many_jobs import AT_ONCE, NODES_PER_JOB, change
from bench.targets import Row, effective

NODES: Final = (100, 500, 1000, 5000)
JOBS: Final = (1, 10, 100, 300)
NODES_OF_JOBS: Final = 1000
"""Over which jobs are spread, where there are not fewer sizes to be measured."""

Figure = tuple[str, Callable[[Row], float | None], int]
"""What of a row grows, and with how many digits it is told.

No p99 of passes: of as few as a rollout has it is the slowest, by chance.
"""

_BY_NODES: Final[Sequence[Figure]] = (
    ("time without judgement, s", effective, 1),
    ("operator's processor, s", lambda row: row["cpu"]["operator"], 2),
    ("operator's peak of memory, MiB", lambda row: row["peak_mib"]["operator"], 0),
    ("API server's processor, s", lambda row: row["cpu"]["kube-apiserver"], 1),
    ("writes", lambda row: sum(row["writes"].values()), 0),
    ("passes", lambda row: row["operator"]["passes"], 0),
    ("pass, median, ms", lambda row: _milliseconds(row["operator"]["pass_p50"]), 2),
    ("pass, mean, ms", lambda row: _milliseconds(row["operator"]["pass_mean"]), 2),
)
_BY_JOBS: Final[Sequence[Figure]] = (
    ("convergence p99, s", lambda row: row["convergence_p99"], 1),
    *_BY_NODES[1:],
)


async def measure_nodes(nodes: int, place: Path, say: Progress) -> dict[str, Any]:
    """The acts of one FleetJob on so many nodes."""
    async with Lab.open(nodes, place, say) as lab:
        rows = await play(lab, nodes, RAISED, FleetJob, f"{nodes} nodes")
    return {"nodes": nodes, "versions": machine.versions(), "rows": rows}


async def measure_jobs(jobs: int, place: Path, say: Progress) -> dict[str, Any]:
    """So many jobs that change at once."""
    nodes = min(NODES_OF_JOBS, jobs * NODES_PER_JOB)
    async with Lab.open(nodes, place, say) as lab:
        await lab.set_limits(RAISED)
        row = await change(lab, jobs, RAISED, AT_ONCE)
    return {"jobs": jobs, "versions": machine.versions(), "rows": [{"act": "change", **row}]}


def report(records: Sequence[store.Record]) -> str:
    """Both tables, in Markdown; a dimension of which nothing was measured is left out."""
    parts = ["# How cost grows\n\n" + _about()]
    for dimension, figures in (("nodes", _BY_NODES), ("jobs", _BY_JOBS)):
        found = {record[dimension]: record for record in records if dimension in record}
        if found:
            parts.append(f"## With {dimension}\n\n" + _growth(found, figures))
    return "\n\n".join(parts) + "\n"


def _about() -> str:
    return (
        "The exponent over all sizes, and between the two greatest alone; one above"
        f" {MOST} is worse than linear."
    )


def _growth(records: Mapping[int, store.Record], figures: Iterable[Figure]) -> str:
    sizes = sorted(records)
    acts = [row["act"] for row in records[sizes[0]]["rows"]]
    by_size = {size: {row["act"]: row for row in records[size]["rows"]} for size in sizes}
    lines = []
    for act in acts:
        for words, value, digits in figures:
            costs = {size: value(by_size[size][act]) for size in sizes}
            known = {size: cost for size, cost in costs.items() if cost is not None}
            told = [f"{known[size]:,.{digits}f}" if size in known else "" for size in sizes]
            lines.append((act, words, *told, *_exponents(known)))
    head = ("act", "what", *(f"{size:,}" for size in sizes), "exponent", "of the last step", "")
    return table(head, lines)


def _exponents(costs: Mapping[int, float]) -> tuple[str, str, str]:
    found = fit(costs)
    if found is None:
        return "", "", ""
    mark = "worse than linear" if found.worse_than_linear else ""
    return f"{found.overall:.2f}", f"{found.last:.2f}", mark


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
