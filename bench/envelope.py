"""The measured part of docs/operations/sizing.md, from stored runs of ``make bench``.

    python -m bench.envelope build/bench/100-nodes-CODE build/bench/1000-nodes-CODE …

writes one line for each directory between the page's markers: how a FleetJob fared with the limits
as shipped, as the median over the runs, and the worst for peaks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import store
from bench.errors import BenchError
from bench.lab import SHIPPED
from bench.machine import ROOT
from wavegate.reference.markdown import table

PAGE: Final = ROOT / "docs" / "operations" / "sizing.md"
BLOCK: Final = re.compile(r"(<!-- measured -->\n).*?(<!-- end of measured -->)", re.DOTALL)
ACTS: Final = ("create", "roll")

HEAD: Final = (
    "nodes",
    "a wave of 10 %",
    "created in, s",
    "requests a second meanwhile",
    "rolled in ten waves in, s",
    "requests a second meanwhile",
    "operator's memory, peak MiB",
    "operator's CPU per execution, ms",
    "largest status, KiB",
)

Row = Mapping[str, Any]
Record = Mapping[str, Any]


def rows(records: Sequence[Record], act: str) -> list[Row]:
    """Of FleetJobs with the limits as shipped; BenchError where there are none."""
    found = [
        row
        for record in records
        for row in record["rows"]
        if (row["limits"], row["contender"], row["act"]) == (SHIPPED, "fleetjob", act)
    ]
    if not found:
        raise BenchError(f"no run has {act} of a FleetJob as shipped")
    return found


def line(records: Sequence[Record]) -> list[str]:
    """The cells of one number of nodes."""
    create, roll = (rows(records, act) for act in ACTS)
    nodes = create[0]["nodes"]

    def middle(of: Sequence[Row], value: Callable[[Row], float], digits: int) -> str:
        return f"{median(map(value, of)):,.{digits}f}"

    def worst(value: Callable[[Row], float], digits: int) -> str:
        return f"{max(map(value, [*create, *roll])):,.{digits}f}"

    return [
        f"{nodes:,}",
        f"{ceil(nodes / 10):,}",
        middle(create, lambda row: row["seconds"], 0),
        middle(create, requests_a_second, 0),
        middle(roll, lambda row: row["seconds"], 0),
        middle(roll, requests_a_second, 0),
        worst(lambda row: row["peak_mib"]["operator"], 0),
        worst(lambda row: 1000 * row["cpu"]["operator"] / row["nodes"], 1),
        worst(lambda row: max(row["status_bytes"].values()) / 1024, 1),
    ]


def requests_a_second(row: Row) -> float:
    """Of the operator, by its own account, over the act."""
    return float(sum(row["operator"]["requests"].values()) / row["seconds"])


def stored(directory: Path) -> list[store.Record]:
    """The runs of a directory; BenchError where there are none."""
    found = store.load(directory)
    if not found:
        raise BenchError(f"{directory} holds no runs")
    return found


def measured(runs: Sequence[Sequence[Record]]) -> str:
    """The part of the page; ``runs``: the records of each number of nodes."""
    ordered = sorted(runs, key=lambda records: records[0]["nodes"])
    about = ordered[-1][0]["versions"]
    counts = ", ".join(f"{len(each)} of {each[0]['nodes']:,}" for each in ordered)
    words = (
        "One job on all nodes, simulated ones, with `settings` as shipped; the whole control plane"
        f" and the operator on {about['processors']} processors (`make bench`, runs by nodes:"
        f" {counts})."
    )
    return f"\n## Measured\n\n{words}\n\n{table(HEAD, [line(each) for each in ordered])}\n\n"


def with_measured(page: str, part: str) -> str:
    """The page with another measured part."""
    return BLOCK.sub(lambda found: f"{found[1]}{part}{found[2]}", page)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    if not arguments:
        print("envelope: name a directory of stored runs for each number of nodes", file=sys.stderr)
        return 2
    try:
        part = measured([stored(Path(each)) for each in arguments])
    except BenchError as error:
        print(f"envelope: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(with_measured(PAGE.read_text(), part))
    print(part)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
