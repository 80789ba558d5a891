"""Tables of runs: what each act took and cost, and how that compares with what is aimed at.

A ratio is formed within one run, between acts of the same limits, and the median of the runs'
ratios is told with the least and the greatest. The least that judgement can take is stated apart
and left out of a ratio: waves * interval * successThreshold, where a rollback counts as many as the
rollout had; without a health check the 10 s for which a pod has to be ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.lab import RAISED, SHIPPED
from bench.runs import BLOCKS

Row = Mapping[str, Any]
Run = Mapping[tuple[str, str, str], Row]
"""Rows of one run by limits, contender and act."""


@dataclass(frozen=True)
class Target:
    """What is aimed at; ``value`` gives None for a run in which it was not measured.

    ``most``: whether a greater value is worse.
    """

    words: str
    unit: str
    least: float
    aim: float
    value: Callable[[Run], float | None]
    most: bool = True

    def verdict(self, value: float) -> str:
        """In a word or two."""
        for limit, word in ((self.aim, "aim met"), (self.least, "met")):
            if value <= limit if self.most else value >= limit:
                return word
        return "missed"


def by_act(record: Mapping[str, Any]) -> Run:
    """The rows of a stored run."""
    return {(row["limits"], row["contender"], row["act"]): row for row in record["rows"]}


def effective(row: Row) -> float:
    """Seconds without those of windows."""
    return float(row["seconds"] - row["seconds_of_judgement"])


def ratio(limits: str, act: str, to: str = "daemonset") -> Callable[[Run], float | None]:
    """Of the FleetJob's time to another contender's."""

    def value(run: Run) -> float | None:
        ours, theirs = (run.get((limits, name, act)) for name in ("fleetjob", to))
        return effective(ours) / effective(theirs) if ours and theirs else None

    return value


def writes_per_node(act: str) -> Callable[[Run], float | None]:
    """The operator's writes of Executions and Pods; the later removal of old Executions apart."""

    def value(run: Run) -> float | None:
        row = run.get((RAISED, "fleetjob", act)) or run.get((SHIPPED, "fleetjob", act))
        return None if row is None else operator_writes(row) / row["nodes"]

    return value


def operator_writes(row: Row) -> int:
    """Writes of Executions and Pods by the operator, without old Executions that it removes.

    kwok removes each pod once more; of deletes the operator's own account is right.
    """
    writes: Mapping[str, int] = row["writes"]
    old = writes.get("DELETE executions", 0)
    executions = sum(count for key, count in writes.items() if "executions" in key) - old
    pods = writes.get("POST pods", 0) + int(row["operator"]["requests"]["DELETE"]) - old
    return executions + pods


def worst(value: Callable[[Row], float | None]) -> Callable[[Run], float | None]:
    """The greatest of all acts of FleetJobs."""

    def found(run: Run) -> float | None:
        values = [value(row) for (_, name, _), row in run.items() if name == "fleetjob"]
        return max((each for each in values if each is not None), default=None)

    return found


def _created_a_second(run: Run) -> float | None:
    row = run.get((SHIPPED, "fleetjob", "create"))
    return row["nodes"] / row["seconds"] if row else None


def _milliseconds(key: str) -> Callable[[Row], float | None]:
    return lambda row: None if row["operator"][key] is None else 1000 * row["operator"][key]


TARGETS = (
    Target("create against DaemonSet, raised", "times", 2.5, 1.7, ratio(RAISED, "create")),
    Target("roll against DaemonSet, raised", "times", 2.5, 1.5, ratio(RAISED, "roll")),
    Target("create against DaemonSet, as shipped", "times", 0.6, 0.4, ratio(SHIPPED, "create")),
    Target("roll against DaemonSet, as shipped", "times", 0.7, 0.45, ratio(SHIPPED, "roll")),
    Target("writes per node, create Immediate", "", 3, 3, writes_per_node("create")),
    Target("writes per node, replace validated", "", 6, 6, writes_per_node("roll")),
    Target("executions created a second, as shipped", "/s", 42, 80, _created_a_second, most=False),
    Target(
        "memory peak of the operator",
        "MiB",
        300,
        150,
        worst(lambda row: float(row["peak_mib"]["operator"])),
    ),
    Target(
        "operator CPU per execution created",
        "ms",
        3,
        1.5,
        worst(lambda row: 1000 * float(row["cpu"]["operator"]) / row["nodes"]),
    ),
    Target("planning pass, p99", "ms", 20, 5, worst(_milliseconds("pass_p99"))),
    Target("event-loop lag, p99", "ms", 100, 50, worst(_milliseconds("lag_p99"))),
    Target(
        "status of job or deployment",
        "KiB",
        16,
        8,
        worst(lambda row: max(row["status_bytes"].values()) / 1024),
    ),
)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and the least and greatest where there are several; nothing where there is none."""
    if not values:
        return ""
    middle = f"{median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """All tables, in Markdown."""
    runs = [by_act(record) for record in records]
    parts = [
        _about(records),
        "## Times\n\n" + _times(runs),
        "## Against what is aimed at\n\n" + _targets(runs),
        "## Writes and reads per node, as the API server counted them\n\n" + _requests(runs),
        "## Processors' seconds\n\n" + _by_process(runs, "cpu", 1),
        "## Peak of memory, MiB\n\n" + _by_process(runs, "peak_mib", 0),
        "## The operator\n\n" + _operator(runs),
    ]
    return "\n\n".join(parts) + "\n"


def _about(records: Sequence[Mapping[str, Any]]) -> str:
    first = records[0]
    facts = ", ".join(f"{name} {value}" for name, value in first["versions"].items())
    seeds = sorted({record["seed"] for record in records})
    disturbed = max(_disturbance(record) for record in records)
    return (
        f"# {first['nodes']} nodes, {len(records)} runs, seed {', '.join(map(str, seeds))}\n\n"
        f"{facts}.\n\nOther processes had at most {100 * disturbed:.0f} % of the machine during any"
        " act."
    )


def _disturbance(record: Mapping[str, Any]) -> float:
    """The greatest share of the machine that processes not measured had in an act."""
    return max(
        (
            row["cpu_of_others"] / row["seconds_until_quiet"] / record["versions"]["processors"]
            for row in record["rows"]
        ),
        default=0.0,
    )


def _acts(runs: Sequence[Run]) -> Iterable[tuple[tuple[str, str, str], list[Row]]]:
    """The acts of BLOCKS that were played, with their rows."""
    for limits, kind in BLOCKS:
        for act in kind.acts:
            key = (limits, kind.name, act)
            if rows := [run[key] for run in runs if key in run]:
                yield key, rows


def _times(runs: Sequence[Run]) -> str:
    head = ("limits", "who", "act", "runs", "s", "of them judgement", "nodes a second without them")
    lines = []
    for key, rows in _acts(runs):
        seconds = spread([row["seconds"] for row in rows])
        rate = spread([row["nodes"] / effective(row) for row in rows])
        judged = str(rows[0]["seconds_of_judgement"] or "")
        lines.append((*key, str(len(rows)), seconds, judged, rate))
    return table(head, lines)


def _targets(runs: Sequence[Run]) -> str:
    head = ("what", "measured", "at least", "aim", "")
    lines = []
    for target in TARGETS:
        values = [value for run in runs if (value := target.value(run)) is not None]
        if values:
            sign = "≤" if target.most else "≥"
            limits = [
                f"{sign} {limit:g} {target.unit}".strip() for limit in (target.least, target.aim)
            ]
            told = f"{spread(values, 2)} {target.unit}".strip()
            lines.append((target.words, told, *limits, target.verdict(median(values))))
    bare = ratio(RAISED, "create", to="bare")
    values = [value for run in runs if (value := bare(run)) is not None]
    if values:
        lines.append(
            ("create against bare requests, raised", f"{spread(values, 2)} times", "", "", "")
        )
    return table(head, lines)


def _requests(runs: Sequence[Run]) -> str:
    head = ("limits", "who", "act", "writes", "reads", "refused", "writes by verb and resource")
    lines = []
    for key, rows in _acts(runs):
        nodes = rows[0]["nodes"]
        sums = [
            spread([sum(row[kind].values()) / nodes for row in rows], 2)
            for kind in ("writes", "reads", "refused")
        ]
        names = sorted({name for row in rows for name in row["writes"]})
        each = {
            name: median([row["writes"].get(name, 0) for row in rows]) / nodes for name in names
        }
        told = ", ".join(f"{name} {value:.2f}" for name, value in each.items() if value >= 0.005)
        lines.append((*key, *sums, told))
    return table(head, lines)


def _by_process(runs: Sequence[Run], figure: str, digits: int) -> str:
    acts = list(_acts(runs))
    names = sorted({name for _, rows in acts for row in rows for name in row[figure]})
    lines = []
    for key, rows in acts:
        found = [[row[figure][name] for row in rows if name in row[figure]] for name in names]
        lines.append((*key, *(spread(values, digits) for values in found)))
    return table(("limits", "who", "act", *names), lines)


_SHOWN = (
    ("passes", "passes", 1, 0),
    ("pass p50, ms", "pass_p50", 1000, 2),
    ("pass p99, ms", "pass_p99", 1000, 2),
    ("in the queue p99, ms", "queue_p99", 1000, 2),
    ("lag p99, ms", "lag_p99", 1000, 1),
    ("held back, s", "seconds_held_back", 1, 1),
)


def _operator(runs: Sequence[Run]) -> str:
    lines = []
    for key, rows in _acts(runs):
        if "operator" not in rows[0]:
            continue
        found = [
            spread(
                [
                    factor * row["operator"][name]
                    for row in rows
                    if row["operator"][name] is not None
                ],
                digits,
            )
            for _, name, factor, digits in _SHOWN
        ]
        sizes = [max(row["status_bytes"].values()) for row in rows]
        lines.append((*key, *found, spread(sizes, 0)))
    names = [name for name, *_ in _SHOWN]
    return table(("limits", "who", "act", *names, "greater status, bytes"), lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
