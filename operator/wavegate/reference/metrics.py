"""The page of metrics, from a registry as the operator has it at its start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import Metric

from wavegate.domain.observed import JobView
from wavegate.reference.markdown import page, table
from wavegate.runs.observed import AskedJobView
from wavegate.telemetry import jobs, runs
from wavegate.telemetry.jobs import JobCollector
from wavegate.telemetry.metrics import Metrics
from wavegate.telemetry.runs import RunCollector

_OPEN_EVERYWHERE: Final = frozenset(
    {"job_namespace", "job_name", "version", "stable_version", "python_version"}
)
_OPEN: Final = frozenset(
    {
        (jobs.INFO, "state"),
        (jobs.INFO, "reason"),
        (runs.INFO, "state"),
        (runs.INFO, "reason"),
        ("leader_election_master_status", "name"),
    }
)
"""Labels whose values are not known beforehand."""

_INTRODUCTION: Final = """\
What the operator serves at `/metrics`, for a Prometheus. Names that controller-runtime or client-go
have are theirs, with their labels but `host`. What can be known beforehand is there from the start
with 0. No label has the name of a node or pod. `process_*` are those of any Python process.

Counters begin anew with a process; a decision is counted by the process that has put it on record,
once. What is told of jobs is read from the cache at each scrape, by the replica that leads alone:
it is right at once after a restart, goes with its job, and may be summed over replicas. Its labels
are `job_namespace` and `job_name`, as `namespace` and `job` are what a Prometheus calls a target.

The alerts on them: [runbooks](../operations/runbooks.md)."""


def metrics_page() -> str:
    """The whole page, ending with a newline."""
    families = list(known_families())
    of_jobs = [each for each in families if each.name in {**jobs.FAMILIES, **runs.FAMILIES}]
    ours = [each for each in families if each.name.startswith("wavegate_")]
    standard = [each for each in families if each not in ours and not _is_machines(each)]
    return page(
        "# Metrics",
        _INTRODUCTION,
        "## Of jobs",
        _table(of_jobs),
        "## Of rollouts and runs, and of the operator's work",
        _table([each for each in ours if each not in of_jobs]),
        "## With standard names",
        _table(standard),
    )


def known_families() -> Iterable[Metric]:
    """Every family, those of jobs with the series of one job."""
    metrics = Metrics()
    job = JobView("", "", "", "", 0, 0.0, None, {}, status={"runs": {}})
    metrics.register(JobCollector(lambda: [job], lambda _: (), lambda: True))
    scored = {"health": {"last7Days": {"score": 0}}}
    calls = AskedJobView("", "", "", "", 0, 0.0, None, status=scored)
    metrics.register(RunCollector(lambda: [calls], lambda _: (), lambda: True))
    return metrics.registry.collect()


def exposed_name(family: Metric) -> str:
    """As a query names it: a counter ends with _total."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def _is_machines(family: Metric) -> bool:
    return family.name.startswith("process_")


def _table(families: Sequence[Metric]) -> str:
    return table(("metric", "type", "labels", "what it is"), [_row(each) for each in families])


def _row(family: Metric) -> tuple[str, str, str, str]:
    labels: dict[str, list[str]] = {}
    for sample in family.samples:
        for name, value in sample.labels.items():
            if name != "le" and value not in labels.setdefault(name, []):
                labels[name].append(value)
    told = "; ".join(_label(family, name, values) for name, values in labels.items())
    return f"`{exposed_name(family)}`", family.type, told, family.documentation


def _label(family: Metric, name: str, values: Sequence[str]) -> str:
    if (family.name, name) in _OPEN or name in _OPEN_EVERYWHERE:
        return f"`{name}`"
    return f"`{name}`: `{' '.join(values)}`"
