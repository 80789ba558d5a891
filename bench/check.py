"""``make bench-check``: whether it has become slower, by ratios that no machine decides.

Each is formed within one run: the operator beside the DaemonSet controller, beside bare requests,
and beside the API server that it keeps busy. rangespec.yaml holds how great each may be.

    measured over runs     median    margin                          may be at most
    2.0, 2.1, 2.4          2.1       0.4, the spread of the runs     2.8
    2.0, 2.0, 2.0          2.0       0.2, a tenth of the median      2.2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from bench.blocks import Block
from bench.contenders import Bare, DaemonSet, FleetJob
from bench.lab import RAISED
from bench.rangespec import Ratio, Ratios
from bench.targets import Run, Value, by_act, ratio

BLOCKS: Final[tuple[Block, ...]] = (
    (RAISED, DaemonSet),
    (RAISED, FleetJob),
    (RAISED, Bare),
)
LEAST_RUNS: Final = 5
"""Of fewer the spread says little."""
LEAST_MARGIN: Final = 0.1
"""Of the median."""
_DISTURBED: Final = 0.1
"""Share of the machine that others may have before a person should know of it."""


def _cpu(act: str, process: str, contender: str = "fleetjob") -> Value:
    """The operator's seconds of a processor to those of a process in an act."""

    def value(run: Run) -> float | None:
        ours, theirs = run.get((RAISED, "fleetjob", act)), run.get((RAISED, contender, act))
        if not ours or not theirs or not theirs["cpu"][process]:
            return None
        return float(ours["cpu"]["operator"] / theirs["cpu"][process])

    return value


def _memory(run: Run) -> float | None:
    row = run.get((RAISED, "fleetjob", "create"))
    if row is None:
        return None
    return float(row["peak_mib"]["operator"]) / float(row["mib_at_begin"]["operator"])


RATIOS: Final[Mapping[str, Value]] = {
    "time to create, to a DaemonSet's": ratio(RAISED, "create"),
    "time to roll, to a DaemonSet's": ratio(RAISED, "roll"),
    "time to create, to bare requests'": ratio(RAISED, "create", to="bare"),
    "processor to create, to the client's of bare requests": _cpu("create", "bench", "bare"),
    "processor to create, to the API server's": _cpu("create", "kube-apiserver"),
    "processor to roll, to the API server's": _cpu("roll", "kube-apiserver"),
    "processor to roll back, to the API server's": _cpu("rollback", "kube-apiserver"),
    "peak of memory to create, to what it began with": _memory,
}


def measured(records: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Each of RATIOS in each run that has it."""
    runs = [by_act(record) for record in records]
    return {
        name: [found for run in runs if (found := value(run)) is not None]
        for name, value in RATIOS.items()
    }


def allowed(values: Sequence[float]) -> Ratio:
    """How great a ratio may be that had these values."""
    middle, least, greatest = median(values), min(values), max(values)
    most = greatest + max(greatest - least, LEAST_MARGIN * middle)
    return Ratio(*(round(each, 3) for each in (middle, least, greatest, most)))


def too_great(record: Mapping[str, Any], ratios: Ratios) -> list[str]:
    """What of a run is above its limit, or not known, a line each; empty where all is well."""
    found = []
    values = {name: its[0] for name, its in measured([record]).items() if its}
    for name in sorted({*ratios.limits, *RATIOS}):
        limit, value = ratios.limits.get(name), values.get(name)
        if limit is None:
            found.append(f"{name}: has no limit in rangespec.yaml")
        elif value is None:
            found.append(f"{name}: was not measured")
        elif value > limit.most:
            found.append(
                f"{name}: {value:.2f}, and at most {limit.most:.2f}; it was {limit.least:.2f} to"
                f" {limit.greatest:.2f}, median {limit.median:.2f}, in {ratios.runs} runs of"
                f" {ratios.commit}"
            )
    return found


def told(record: Mapping[str, Any], ratios: Ratios) -> str:
    """All ratios of a run, with their limits where they have one, a line each."""
    lines = []
    for name, values in measured([record]).items():
        limit = ratios.limits.get(name)
        most = f" (at most {limit.most:.2f})" if limit else ""
        lines += [f"{name}: {value:.2f}{most}" for value in values]
    return "\n".join(lines)


def advice(disturbed: float, file: str) -> str:
    """What a person does with a ratio that is too great."""
    lines = []
    if disturbed > _DISTURBED:
        lines.append(
            f"Other processes had up to {100 * disturbed:.0f} % of the machine meanwhile: measure"
            " again with nothing else running."
        )
    lines.append(f"The figures of both sides are in {file}; where time goes: `make profile`.")
    lines.append(
        "Where the change is worth it: `make bench-check MEASURE=5` measures the limits anew and"
        " writes bench/rangespec.yaml."
    )
    return "\n".join(lines)
