"""Draws the comparisons of a directory as PNG: how far each act had come when, and what it cost.

With an environment of its own (requirements-bench.lock), as nothing else needs matplotlib.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from bench import store

mpl.use("Agg")
from matplotlib import pyplot as plt

Record = Mapping[str, Any]

COLOURS: Final = {
    "fleetjob": "tab:blue",
    "validated": "tab:cyan",
    "daemonset": "tab:orange",
    "bare": "tab:gray",
}
LEAST_SHOWN: Final = 0.005
"""Parts below this share of the longest bar are left out."""
PROCESSES: Final = (
    "kube-apiserver",
    "etcd",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "operator",
    "bench",
)


def acts(records: Sequence[Record]) -> list[tuple[str, str, str]]:
    """Limits, contender and act of all rows, sorted."""
    return sorted(
        {(row["limits"], row["contender"], row["act"]) for each in records for row in each["rows"]}
    )


def rows(records: Sequence[Record], key: tuple[str, str, str]) -> list[Mapping[str, Any]]:
    """All runs' rows of an act."""
    return [
        row
        for each in records
        for row in each["rows"]
        if (row["limits"], row["contender"], row["act"]) == key
    ]


def draw_progress(records: Sequence[Record], target: Path) -> None:
    """Nodes that are up to date over time, one line a run."""
    panels = sorted({(limits, act) for limits, _, act in acts(records)})
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(8, 2.6 * len(panels)), squeeze=False, layout="constrained"
    )
    for axis, (limits, act) in zip(axes[:, 0], panels, strict=True):
        for key in acts(records):
            if (key[0], key[2]) != (limits, act):
                continue
            for number, row in enumerate(rows(records, key)):
                times, nodes = zip(*row["curve"], strict=True)
                label = "" if number else key[1]
                axis.step(times, nodes, where="post", color=COLOURS[key[1]], label=label)
        axis.set(title=f"{act}, limits {limits}", xlabel="seconds", ylabel="nodes up to date")
        axis.legend()
    figure.savefig(target, dpi=120)
    plt.close(figure)


def draw_stacks(
    records: Sequence[Record], figure_of: str, parts: Sequence[str], unit: str, target: Path
) -> None:
    """One bar an act, the mean over the runs, made of the parts of a row's ``figure_of``."""
    keys = acts(records)
    figure, axis = plt.subplots(figsize=(10, 0.45 * len(keys) + 1.5), layout="constrained")
    axis.set_prop_cycle(color=plt.get_cmap("tab20").colors)
    names = [" ".join(key) for key in keys]
    left = [0.0] * len(keys)
    least = LEAST_SHOWN * max(
        sum(row[figure_of].values()) / row["nodes"] for each in records for row in each["rows"]
    )
    for part in parts:
        widths = []
        for key in keys:
            found = rows(records, key)
            amounts = [row[figure_of].get(part, 0) / row["nodes"] for row in found]
            widths.append(sum(amounts) / len(found))
        if max(widths) < least:
            continue
        axis.barh(names, widths, left=left, label=part)
        left = [have + more for have, more in zip(left, widths, strict=True)]
    axis.invert_yaxis()
    axis.set_xlabel(unit)
    axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(target, dpi=120)
    plt.close(figure)


def main() -> int:
    """Draw into the directory that is the first argument."""
    directory = Path(sys.argv[1])
    records = [record for record in store.load(directory) if record["rows"]]
    if not records:
        print(f"nothing to draw: no comparison in {directory}")
        return 0
    writes = sorted({key for each in records for row in each["rows"] for key in row["writes"]})
    draw_progress(records, directory / "progress.png")
    draw_stacks(records, "cpu", PROCESSES, "seconds of a processor per node", directory / "cpu.png")
    draw_stacks(records, "writes", writes, "writes per node", directory / "writes.png")
    print(f"drawn: {directory}/progress.png, cpu.png, writes.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
