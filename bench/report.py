"""Tables of runs: what each act took and cost, and how that compares with what is aimed at.

Of several runs the median is told, with the least and the greatest; of what is compared within a
run (`targets`) the median of the runs' values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from bench.blocks import BLOCKS
from bench.lab import RAISED
from bench.targets import TARGETS, Row, Run, by_act, effective, ratio


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and the least and greatest where there are several; nothing where there is none."""
    if not values:
        return ""
    middle = f"{median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def _of(part: str, name: str, factor: float = 1) -> Callable[[Row], float | None]:
    """A figure that is in a part of a row."""
    return lambda row: None if row[part][name] is None else factor * row[part][name]


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """All tables, in Markdown."""
    runs = [by_act(record) for record in records]
    parts = [
        _about(records),
        "## Against what is aimed at\n\n" + _targets(runs),
        "## Times\n\n" + _times(runs),
        "## Writes and reads per node, as the API server counted them\n\n" + _requests(runs),
        "## Processors' seconds\n\n" + _by_process(runs, "cpu", 1),
        "## Peak of memory, MiB\n\n" + _by_process(runs, "peak_mib", 0),
        "## The operator\n\n" + _operator(runs),
        "## Scenarios\n\n" + _scenarios(runs),
    ]
    return "\n\n".join(parts) + "\n"


def _about(records: Sequence[Mapping[str, Any]]) -> str:
    first = records[0]
    facts = ", ".join(f"{name} {value}" for name, value in first["versions"].items())
    seeds = sorted({record["seed"] for record in records})
    disturbed = max(disturbance(record) for record in records)
    return (
        f"# {first['nodes']} nodes, {len(records)} runs, seed {', '.join(map(str, seeds))}\n\n"
        f"{facts}.\n\nOther processes had at most {100 * disturbed:.0f} % of the machine while"
        " anything was measured."
    )


def disturbance(record: Mapping[str, Any]) -> float:
    """The greatest share of the machine that processes not measured had in anything measured."""
    return max(
        (
            row["cpu_of_others"] / row["seconds_until_quiet"] / record["versions"]["processors"]
            for row in by_act(record).values()
            if "cpu_of_others" in row
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
    head = ("what", "asked", "aim", "measured", "")
    lines = []
    for target in TARGETS:
        values = [value for run in runs if (value := target.value(run)) is not None]
        sign = "≤" if target.most else "≥"
        limits = [f"{sign} {limit:g} {target.unit}".strip() for limit in (target.least, target.aim)]
        told = f"{spread(values, 2)} {target.unit}".strip() if values else ""
        verdict = target.verdict(values) if values else "not measured"
        lines.append((target.words, *limits, told, verdict))
    bare = ratio(RAISED, "create", to="bare")
    values = [value for run in runs if (value := bare(run)) is not None]
    if values:
        lines.append(
            ("create against bare requests, raised", "", "", f"{spread(values, 2)} times", "")
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


_TOLD_OF_JOBS: Final[Sequence[tuple[str, Callable[[Row], float | None], int]]] = (
    ("jobs", lambda row: row["jobs"], 0),
    ("convergence, median, s", lambda row: row["convergence_p50"], 1),
    ("convergence, the longest, s", lambda row: row["convergence_most"], 1),
    ("operator's seconds of a processor", _of("cpu", "operator"), 1),
    ("passes", _of("operator", "passes"), 0),
    ("pass p99, ms", _of("operator", "pass_p99", 1000), 2),
    ("in the queue p99, ms", _of("operator", "queue_p99", 1000), 2),
    ("held back, s", _of("operator", "seconds_held_back"), 1),
)
_TOLD: Final[Sequence[tuple[str, str, Callable[[Row], float | None], int]]] = (
    ("idle", "heartbeats a second", lambda row: row["heartbeats_a_second"], 0),
    ("idle", "passes", _of("operator", "passes"), 0),
    ("bad-canary", "versions", lambda row: row["repeated"], 0),
    ("bad-canary", "starts of them in all", lambda row: row["starts"], 0),
    ("bad-canary", "verdict to first rollback write, median, s", _of("to_rollback", "p50"), 3),
    ("bad-canary", "the longest of all, s", _of("to_rollback", "most"), 3),
    ("cold-start", "executions on record", lambda row: row["executions"], 0),
    ("cold-start", "killed: start to leading, s", _of("seconds_to_lead", "killed"), 2),
    ("cold-start", "ended: start to leading, s", _of("seconds_to_lead", "ended"), 2),
    *(
        (name, words, value, digits)
        for name in ("many-jobs", "many-jobs-in-waves")
        for words, value, digits in _TOLD_OF_JOBS
    ),
)


def _scenarios(runs: Sequence[Run]) -> str:
    lines = []
    for name, words, value, digits in _TOLD:
        rows = [run["", name, ""] for run in runs if ("", name, "") in run]
        values = [found for row in rows if (found := value(row)) is not None]
        if values:
            lines.append((name, words, spread(values, digits)))
    return table(("scenario", "what", "measured"), lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
