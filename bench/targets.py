"""What is aimed at, and what runs have to say of it.

A ratio is formed within one run, between acts of the same limits. The least that judgement can take
is left out of times: waves * interval * successThreshold, where a rollback counts as many as the
rollout had; without a health check the 10 s for which a pod has to be ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.lab import RAISED, SHIPPED

Row = Mapping[str, Any]
Key = tuple[str, str, str]
Run = Mapping[Key, Row]
"""Rows of one run by limits, contender and act; a scenario's by its name alone, amid two empty."""
Value = Callable[[Run], float | None]
"""None for a run in which it was not measured."""

_FLEET: Final = ("fleetjob", "validated")


@dataclass(frozen=True)
class Target:
    """What is aimed at. ``most``: whether a greater value is worse."""

    words: str
    unit: str
    least: float
    aim: float
    value: Value
    most: bool = True

    def verdict(self, values: Sequence[float]) -> str:
        """In a word or two: of the median, or of the worst run where nothing at all is aimed at."""
        value = median(values) if self.aim else max(values)
        for limit, word in ((self.aim, "aim met"), (self.least, "met")):
            if value <= limit if self.most else value >= limit:
                return word
        return "missed"


def by_act(record: Mapping[str, Any]) -> Run:
    """The rows of a stored run."""
    acts = {(row["limits"], row["contender"], row["act"]): row for row in record["rows"]}
    scenarios = {("", row["scenario"], ""): row for row in record.get("scenarios", ())}
    return {**acts, **scenarios}


def effective(row: Row) -> float:
    """Seconds without those of judgement."""
    return float(row["seconds"] - row["seconds_of_judgement"])


def ratio(limits: str, act: str, to: str = "daemonset") -> Value:
    """Of the FleetJob's time to another contender's."""

    def value(run: Run) -> float | None:
        ours, theirs = (run.get((limits, name, act)) for name in ("fleetjob", to))
        return effective(ours) / effective(theirs) if ours and theirs else None

    return value


def writes_per_node(act: str, contender: str = "fleetjob") -> Value:
    """The operator's writes of Executions and Pods; the later removal of old Executions apart."""

    def value(run: Run) -> float | None:
        row = run.get((RAISED, contender, act)) or run.get((SHIPPED, contender, act))
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


def worst(value: Callable[[Row], float | None], *names: str) -> Value:
    """The greatest of all acts of these contenders and scenarios."""

    def found(run: Run) -> float | None:
        values = [value(row) for (_, name, _), row in run.items() if name in names]
        return max((each for each in values if each is not None), default=None)

    return found


def of_scenario(name: str, value: Callable[[Row], float]) -> Value:
    """From the row of a scenario."""

    def found(run: Run) -> float | None:
        row = run.get(("", name, ""))
        return None if row is None else float(value(row))

    return found


def _created_a_second(run: Run) -> float | None:
    row = run.get((SHIPPED, "fleetjob", "create"))
    return row["nodes"] / effective(row) if row else None


def _milliseconds(key: str) -> Callable[[Row], float | None]:
    return lambda row: None if row["operator"][key] is None else 1000 * row["operator"][key]


def _mib(row: Row) -> float:
    return float(row["peak_mib"]["operator"])


def _cpu_of_an_execution(row: Row) -> float:
    return 1000 * float(row["cpu"]["operator"]) / int(row["nodes"])


def _status_kib(row: Row) -> float:
    return float(max(row["status_bytes"].values())) / 1024


_MANY: Final = ("many-jobs", "many-jobs-in-waves")
_COLD: Final = "cold-start"
_BAD: Final = "bad-canary"

TARGETS: Final = (
    Target("create against DaemonSet, raised", "times", 2.5, 1.7, ratio(RAISED, "create")),
    Target("roll against DaemonSet, raised", "times", 2.5, 1.5, ratio(RAISED, "roll")),
    Target("create against DaemonSet, as shipped", "times", 0.6, 0.4, ratio(SHIPPED, "create")),
    Target("roll against DaemonSet, as shipped", "times", 0.7, 0.45, ratio(SHIPPED, "roll")),
    Target("writes per node, create Immediate", "", 3, 3, writes_per_node("create")),
    Target("writes per node, create validated", "", 4, 4, writes_per_node("create", "validated")),
    Target("writes per node, replace validated", "", 6, 6, writes_per_node("roll")),
    Target("executions created a second, as shipped", "/s", 42, 80, _created_a_second, most=False),
    Target(
        "memory peak of the operator",
        "MiB",
        300,
        150,
        worst(_mib, *_FLEET, "idle", _COLD, *_MANY),
    ),
    Target(
        "operator CPU per execution created",
        "ms",
        3,
        1.5,
        worst(_cpu_of_an_execution, *_FLEET, *_MANY),
    ),
    Target("planning pass, p99", "ms", 20, 5, worst(_milliseconds("pass_p99"), *_FLEET)),
    Target(
        "event-loop lag, p99",
        "ms",
        100,
        50,
        worst(_milliseconds("lag_p99"), *_FLEET, "idle", *_MANY),
    ),
    Target(
        "starts of bad versions after their verdict, requests already sent left out",
        "",
        0,
        0,
        of_scenario(_BAD, lambda row: row["late_starts"]),
    ),
    Target(
        "bad canary verdict to first rollback write, p99",
        "s",
        2,
        0.5,
        of_scenario(_BAD, lambda row: row["to_rollback"]["p99"]),
    ),
    Target(
        "killed in mid-rollout, start to first right action",
        "s",
        20,
        8,
        of_scenario(_COLD, lambda row: row["seconds"]["killed"]),
    ),
    Target(
        "ended in mid-rollout, start to first right action",
        "s",
        20,
        8,
        of_scenario(_COLD, lambda row: row["seconds"]["ended"]),
    ),
    Target(
        "300 jobs of 10 nodes changed at once, p99",
        "s",
        120,
        75,
        of_scenario(_MANY[0], lambda row: row["convergence_p99"]),
    ),
    Target(
        "300 jobs of 10 nodes changed at once, node by node and judged, p99",
        "s",
        120,
        75,
        of_scenario(_MANY[1], lambda row: row["convergence_p99"]),
    ),
    Target(
        "idle: writes but for the Lease",
        "",
        0,
        0,
        of_scenario("idle", lambda row: row["writes_of_operator"]),
    ),
    Target(
        "idle: of a processor",
        "%",
        5,
        2,
        of_scenario("idle", lambda row: 100 * row["share_of_a_processor"]),
    ),
    Target("status of job or deployment", "KiB", 16, 8, worst(_status_kib, *_FLEET)),
)
